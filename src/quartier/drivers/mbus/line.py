"""An M-Bus line: what is on it, and readers of its meters."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from quartier.drivers.catalog import Family
from quartier.drivers.head import Model
from quartier.drivers.mbus.part import MBusPart
from quartier.drivers.mbus.reading import address_of, poll
from quartier.drivers.outputs import Output
from quartier.drivers.readers import BadDevice, LineSettings, Present, Taken
from quartier.protocols.mbus.addresses import Secondary
from quartier.protocols.mbus.bus import HIGHEST, Bus
from quartier.protocols.mbus.errors import MBusError
from quartier.protocols.mbus.exchange import Timing
from quartier.protocols.mbus.search import scan, search


class Line:
    """One line. Every meter of it is read by what its telegrams and its family say."""

    def __init__(self, settings: LineSettings, monotonic: Callable[[], float]) -> None:
        timing = Timing(answer_s=settings.timeout_s, pause_s=settings.pause_s)
        self.bus = Bus(settings.link(), timing)
        self._monotonic = monotonic

    def reader(self, family: Family, model: Model, address: str, name: str) -> "MeterReader":
        """The meter at ``address``, primary or secondary. Raises :class:`BadDevice`."""
        try:
            asked = address_of(address)
        except ValueError as problem:
            raise BadDevice(f"{problem}") from None
        return MeterReader(self.bus, self._monotonic, family.part, model, asked, name)

    def output(self, _family: Family, _address: str, _channel: int, _name: str) -> Output:
        """Raises :class:`BadDevice`: nothing is switched over M-Bus here."""
        raise BadDevice("an M-Bus device has no relay")

    async def scan(self) -> AsyncIterator[Present]:
        """Those with a primary address, then those with a number. Raises ``ValueError``."""
        try:
            for address in range(1, HIGHEST + 1):
                found = await scan(self.bus, [address])
                for one in found.addresses:
                    odd = " ".join(str(finding) for finding in found.findings)
                    yield Present(str(one), odd or "-")
            by_number = await search(self.bus)
        except MBusError as problem:
            raise ValueError(f"{problem}") from None
        for device in by_number.devices:
            yield Present(device.to_bytes().hex().upper(), str(device))
        for finding in by_number.findings:
            yield Present("?", str(finding))

    def close(self) -> None:
        """Hang up; the next question connects again."""
        self.bus.close()


@dataclass(frozen=True, slots=True)
class MeterReader:
    """One meter on the line."""

    bus: Bus
    monotonic: Callable[[], float]
    part: MBusPart
    model: Model
    address: int | Secondary
    name: str

    async def registers(self) -> Taken:
        """Its registers that are billed."""
        reading = await poll(self.bus, self.address, self.part, self.model, self.name)
        values = tuple(one for one in reading.values if one.is_billing)
        return Taken(values, self.monotonic(), reading.findings, reading.is_reached, reading.serial)

    async def power(self) -> Taken:
        """Nothing: a battery would not last if it were asked each minute."""
        return Taken((), self.monotonic(), (), True)
