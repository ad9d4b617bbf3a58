"""Relays of Modbus devices: ``[[output]]`` of driver.toml, how one is switched and asked.

Functions: MODBUS Application Protocol Specification V1.1b3, sections 6.1 to 6.6 and 6.12.
"""

from dataclasses import dataclass

from quartier.core.kernel.findings import error
from quartier.drivers.fields import Table
from quartier.drivers.outputs import NotSwitched
from quartier.protocols.modbus import pdu
from quartier.protocols.modbus.bus import Bus, Timing
from quartier.protocols.modbus.errors import ModbusError

MOST_CHANNELS = 64
_WRITES = (pdu.WRITE_COIL, pdu.WRITE_REGISTER, pdu.WRITE_REGISTERS)
_READS = (pdu.READ_COILS, pdu.READ_DISCRETE_INPUTS, pdu.READ_HOLDING, pdu.READ_INPUT)


@dataclass(frozen=True, slots=True)
class OutputMap:
    """``channels`` relays in a row: ``write`` and ``read`` are functions, ``first`` the address of
    the first relay, ``on`` and ``off`` what is written and read back."""

    channels: int
    write: int
    read: int
    first: int
    on: int
    off: int


def read_outputs(table: Table) -> OutputMap | None:
    """``[[output]]`` of the file, once at most; None where there is none."""
    found = None
    for one in table.tables("output"):
        if found is not None:
            one.fault("", "there is a second [[output]].", "Let one count all of its relays.")
        found = _read(one)
    return found


def _read(table: Table) -> OutputMap:
    found = OutputMap(
        table.whole("channels", 1, MOST_CHANNELS, 1),
        table.whole("write", _WRITES[0], _WRITES[-1], pdu.WRITE_COIL),
        table.whole("read", _READS[0], _READS[-1], pdu.READ_COILS),
        table.whole("first", 0, 0xFFFF, 0),
        table.whole("on", 0, 0xFFFF, 1),
        table.whole("off", 0, 0xFFFF, 0),
    )
    table.done()
    if found.write not in _WRITES:
        table.fault("write", f"function {found.write} switches no relay.", "Write 5, 6 or 16.")
    if found.on == found.off:
        table.fault("on", "is the same as off.", "Write what closes the relay.")
    if found.write == pdu.WRITE_COIL and {found.on, found.off} != {0, 1}:
        table.fault("on", "of a coil is 1 and off is 0, or the other way round.")
    if found.first + found.channels > 0x10000:
        table.fault("first", "the last relay has no address any more.")
    return found


@dataclass(frozen=True, slots=True)
class ModbusOutput:
    """The relay ``channel`` (from 0) of the device at ``unit``."""

    bus: Bus
    unit: int
    map: OutputMap
    channel: int
    timing: Timing
    name: str

    @property
    def opens_itself(self) -> bool:
        """Whether it opens again when nobody tells it anything for a while."""
        return False

    async def switch(self, is_on: bool, hold_s: int) -> None:  # noqa: ARG002 - no such function
        """Close the contact, or open it; Modbus has no word for opening it later. Raises
        :class:`NotSwitched`."""
        value = self.map.on if is_on else self.map.off
        await self._ask(pdu.write(self.map.write, self._address, [value]))

    async def is_on(self) -> bool:
        """Whether it is closed, as the device says. Raises :class:`NotSwitched`."""
        (value,) = await self._ask(pdu.read(self.map.read, self._address, 1))
        on, off = self._shown()
        if value not in (on, off):
            raise NotSwitched(
                error(
                    "output.unknown_state",
                    f"the relay says {value}, which is neither on ({on}) nor off ({off}).",
                    where=self.name,
                    remedy="Check the model: this driver does not fit the device.",
                )
            )
        return value == on

    @property
    def _address(self) -> int:
        return self.map.first + self.channel

    def _shown(self) -> tuple[int, int]:
        """What stands for closed and for open where the state is read."""
        is_bit = self.map.read in pdu.READS_BITS and self.map.write != pdu.WRITE_COIL
        return (1, 0) if is_bit else (self.map.on, self.map.off)

    async def _ask(self, request: pdu.Request) -> tuple[int, ...]:
        try:
            reply = await self.bus.ask(self.unit, request, self.bus.timing.at_least(self.timing))
        except ModbusError as problem:
            raise NotSwitched(problem.finding(self.name)) from None
        return reply.values
