"""Meters on an M-Bus line: what they send says itself what it is."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from quartier.drivers.catalog import folders, load
from quartier.drivers.values import Value
from quartier.formats.uplink.configuration import BusKind, BusSettings, MeterSettings
from quartier.gateway.ports import BadMeter, MeterPort, Present, Taken
from quartier.protocols.mbus.addresses import Secondary
from quartier.protocols.mbus.bus import HIGHEST, Bus
from quartier.protocols.mbus.errors import BadRequest, MBusError
from quartier.protocols.mbus.exchange import Timing
from quartier.protocols.mbus.meter import read_meter
from quartier.protocols.mbus.search import scan, search
from quartier.protocols.wire.link import Link, TcpLink
from quartier.protocols.wire.serial_port import SerialLink, SerialSettings

_PRIMARY_DIGITS = 3


class MBusPort:
    """One M-Bus line. No driver is needed: the telegrams name their quantities."""

    def __init__(self, settings: BusSettings, monotonic: Callable[[], float]) -> None:
        link: Link
        if settings.kind is BusKind.MBUS_SERIAL:
            line = SerialSettings(settings.baud, settings.parity[:1].upper(), settings.stop_bits)
            link = SerialLink(settings.device, line)
        else:
            link = TcpLink(settings.host, settings.port)
        timing = Timing(answer_s=settings.timeout_ms / 1000, pause_s=settings.pause_ms / 1000)
        self.bus = Bus(link, timing)
        self._monotonic = monotonic

    def meter(self, settings: MeterSettings) -> MeterPort:
        address: int | Secondary
        if settings.settings:
            raise BadMeter(f"{settings.name}: meters on an M-Bus have no settings")
        if _is_modbus(settings.driver):
            raise BadMeter(f"{settings.name}: the driver {settings.driver} is none for M-Bus")
        try:
            is_primary = len(settings.address) <= _PRIMARY_DIGITS
            address = int(settings.address) if is_primary else Secondary.parse(settings.address)
        except (BadRequest, ValueError) as problem:
            raise BadMeter(f"{settings.name}: {problem}") from None
        return _Meter(self.bus, self._monotonic, address, settings.name)

    async def scan(self) -> AsyncIterator[Present]:
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
        self.bus.close()


def _is_modbus(driver: str) -> bool:
    """Whether ``driver`` is a family whose meters have registers at addresses."""
    found = [load(one).family for one in folders() if one.name == driver]
    return any(one is not None and one.head.protocol == "modbus" for one in found)


@dataclass(frozen=True, slots=True)
class _Meter:
    bus: Bus
    monotonic: Callable[[], float]
    address: int | Secondary
    name: str

    async def registers(self) -> Taken:
        try:
            if isinstance(self.address, int):
                answer = await self.bus.read(self.address)
            else:
                answer = await self.bus.read_secondary(self.address)
            came_at_s = self.monotonic()
            meter, noticed = read_meter(answer.telegrams)
        except MBusError as problem:
            return Taken((), self.monotonic(), (problem.finding(self.name),), False)
        values = tuple(
            Value(str(one.obis), one.obis, one.value, one.unit, one.is_billing)
            for one in meter.current.values()
            if one.is_billing
        )
        findings = (*answer.findings, *noticed)
        return Taken(values, came_at_s, findings, True, meter.device.number)

    async def power(self) -> Taken:
        return Taken((), self.monotonic(), (), True)
