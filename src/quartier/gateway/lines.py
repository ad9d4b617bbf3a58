"""Opens buses: the line of the protocol that a driver names, and the meters on it."""

from collections.abc import AsyncIterator, Callable, Mapping

from quartier.drivers.catalog import Family, NoSuchFamily, family
from quartier.drivers.outputs import Output
from quartier.drivers.readers import BadDevice, LineOf, LineSettings, open_line
from quartier.drivers.settings import BadSetting
from quartier.formats.uplink.appliances import OutputSettings
from quartier.formats.uplink.configuration import BusKind, BusSettings, MeterSettings
from quartier.gateway.ports import BadMeter, BusPort, MeterPort, OpenBus, Present
from quartier.protocols.wire.serial_port import SerialSettings


class DriverBus:
    """A bus whose meters are read by drivers."""

    def __init__(self, protocol: str, line: LineOf) -> None:
        self.line = line
        self._protocol = protocol

    def meter(self, settings: MeterSettings) -> MeterPort:
        """The meter of ``settings``; raises :class:`BadMeter`."""
        found = self._family(settings.driver, settings.settings, settings.name)
        model = found.head.model(settings.model) if settings.model else found.head.models[0]
        if model is None:
            known = ", ".join(one.name for one in found.head.models)
            raise BadMeter(
                f"{settings.name}: {settings.driver} has no model {settings.model}; it has: {known}"
            )
        try:
            return self.line.reader(found, model, settings.address, settings.name)
        except BadDevice as problem:
            raise BadMeter(f"{settings.name}: {problem}") from None

    def output(self, settings: OutputSettings, channel: int, name: str) -> Output:
        """The relay ``channel`` of the device of ``settings``; raises :class:`BadMeter`."""
        found = self._family(settings.driver, settings.settings, name)
        try:
            return self.line.output(found, settings.address, channel, name)
        except BadDevice as problem:
            raise BadMeter(f"{name}: {problem}") from None

    def scan(self) -> AsyncIterator[Present]:
        """Who is on the bus; see :class:`~quartier.gateway.ports.BusPort`."""
        return self.line.scan()

    def close(self) -> None:
        """Hang up; the next question connects again."""
        self.line.close()

    def _family(self, driver: str, settings: Mapping[str, str], name: str) -> Family:
        try:
            found = family(driver, settings)
        except (NoSuchFamily, BadSetting) as problem:
            raise BadMeter(f"{name}: {problem}") from None
        if found.head.protocol != self._protocol:
            raise BadMeter(
                f"{name}: the driver {driver} is of {found.head.protocol}, and the bus of "
                f"{self._protocol}"
            )
        return found


def opener(monotonic: Callable[[], float]) -> OpenBus:
    """What opens real buses; ``monotonic`` stamps what comes from them."""

    def open_bus(settings: BusSettings) -> BusPort:
        protocol = settings.kind.protocol
        try:
            line = open_line(protocol, _line_of(settings), monotonic)
        except ValueError as problem:
            raise BadMeter(f"bus {settings.name}: {problem}") from None
        return DriverBus(protocol, line)

    return open_bus


def _line_of(settings: BusSettings) -> LineSettings:
    """Raises ``ValueError`` for a clock that no serial port has."""
    timeout_s, pause_s = settings.timeout_ms / 1000, settings.pause_ms / 1000
    if settings.kind.is_serial:
        serial = SerialSettings(settings.baud, settings.parity[:1].upper(), settings.stop_bits)
        return LineSettings(settings.device, serial, timeout_s=timeout_s, pause_s=pause_s)
    return LineSettings(
        host=settings.host,
        port=settings.port,
        is_rtu=settings.kind is BusKind.MODBUS_RTU_TCP,
        timeout_s=timeout_s,
        pause_s=pause_s,
    )
