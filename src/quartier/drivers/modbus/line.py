"""A Modbus line: who is on it, and readers of its devices."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from quartier.core.kernel.findings import Finding
from quartier.core.metering.momentary import Quantity, is_momentary, is_of_phase, quantity_of
from quartier.drivers.catalog import Family, families
from quartier.drivers.head import Model
from quartier.drivers.modbus.identity import identify
from quartier.drivers.modbus.outputs import ModbusOutput
from quartier.drivers.modbus.part import ModbusPart as Part
from quartier.drivers.modbus.reading import Device, device, poll
from quartier.drivers.modbus.registers import Register
from quartier.drivers.modbus.scan import scan
from quartier.drivers.modbus.sunspec import find_registers
from quartier.drivers.readers import BadDevice, LineSettings, Present, Taken
from quartier.protocols.modbus.bus import Bus, Timing
from quartier.protocols.modbus.errors import ModbusError
from quartier.protocols.modbus.framing import RtuFraming, TcpFraming
from quartier.protocols.modbus.rtu import HIGHEST_UNIT
from quartier.protocols.wire.serial_port import SerialSettings

_SCANNED = range(1, 248)
_TRIES = 2
_OTHER = "driver.other_device"
_LONGEST_SERIAL = 63


class Line:
    """One line."""

    def __init__(self, settings: LineSettings, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        pause_s = settings.pause_s
        is_serial = bool(settings.device)
        if is_serial:
            pause_s = max(pause_s, (settings.serial or SerialSettings()).silence_s)
        framing = RtuFraming() if is_serial or settings.is_rtu else TcpFraming()
        self.bus = Bus(settings.link(), framing, Timing(settings.timeout_s, pause_s, _TRIES))

    def reader(self, family: Family, model: Model, address: str, name: str) -> "DeviceReader":
        """The device at ``address``, 1 to 247. Raises :class:`BadDevice`."""
        return DeviceReader(self.bus, self._monotonic, family, model, _unit(address), name)

    def output(self, family: Family, address: str, channel: int, name: str) -> ModbusOutput:
        """The relay ``channel``, from 0, of the device at ``address``. Raises
        :class:`BadDevice`."""
        part: Part = family.part
        if part.outputs is None or not 0 <= channel < part.relays:
            raise BadDevice(f"{family.head.family} has no relay {channel + 1}")
        return ModbusOutput(self.bus, _unit(address), part.outputs, channel, part.timing, name)

    async def scan(self) -> AsyncIterator[Present]:
        """Those at each address, with the families that fit. Raises ``ValueError``."""
        try:
            async for one in scan(self.bus, _SCANNED, families()):
                odd = " ".join(str(finding) for finding in one.findings)
                yield Present(str(one.unit), ", ".join(one.families) or odd or "-")
        except ModbusError as problem:
            raise ValueError(f"{problem}") from None

    def close(self) -> None:
        """Hang up; the next question connects again."""
        self.bus.close()


@dataclass
class DeviceReader:
    """One device on the line; what is asked at once is planned when it is first read."""

    bus: Bus
    monotonic: Callable[[], float]
    family: Family
    model: Model
    unit: int
    name: str
    counting: Device | None = None
    live: Device | None = None
    shown: Device | None = None

    @property
    def part(self) -> Part:
        """What the family says of Modbus."""
        part: Part = self.family.part
        return part

    async def registers(self) -> Taken:
        findings = await self._planned()
        if self.counting is None:
            return Taken((), self.monotonic(), findings, False)
        taken = await self._poll(self.counting)
        if not taken.is_reached:
            if self.part.points:
                self.counting = None  # whoever answers next may be another device
            return taken
        known, doubts = await identify(
            self.bus, self.unit, self.part, self.family.head.family, self.name
        )
        is_other = any(one.code == _OTHER for one in doubts)
        return Taken(
            () if is_other else taken.values,
            taken.monotonic_s,
            (*taken.findings, *doubts),
            True,
            known.get("serial_number", "")[:_LONGEST_SERIAL],
        )

    async def power(self) -> Taken:
        findings = await self._planned()
        if self.live is None:
            return Taken((), self.monotonic(), findings, False)
        return await self._poll(self.live)

    async def momentary(self) -> Taken:
        findings = await self._planned()
        if self.shown is None:
            return Taken((), self.monotonic(), findings, False)
        return await self._poll(self.shown)

    async def _planned(self) -> tuple[Finding, ...]:
        """Which registers there are; what a SunSpec device has it is asked once."""
        if self.counting is not None:
            return ()
        registers = self.part.of_model(self.model)
        if self.part.points:
            registers, findings = await find_registers(
                self.bus, self.unit, self.part, self.model, self.name
            )
            if findings:
                return findings
        self.counting = self._device([one for one in registers if one.is_billing])
        momentary = [one for one in registers if one.obis and is_momentary(one.obis)]
        self.shown = self._device(momentary)
        self.live = self._device([one for one in momentary if _is_power(one)])
        return ()

    def _device(self, registers: list[Register]) -> Device:
        return device(self.unit, self.family.head.family, registers, self.part, where=self.name)

    async def _poll(self, asked: Device) -> Taken:
        reading = await poll(self.bus, asked)
        return Taken(reading.values, self.monotonic(), reading.findings, reading.is_reached)


def _unit(address: str) -> int:
    if not address.isdecimal() or not 1 <= int(address) <= HIGHEST_UNIT:
        raise BadDevice(f"{address} is not the address of a device (1 to 247)")
    return int(address)


def _is_power(register: Register) -> bool:
    """Whether it is the active power of all phases."""
    code = register.obis
    return code is not None and quantity_of(code) is Quantity.POWER and not is_of_phase(code)
