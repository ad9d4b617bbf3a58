"""Opens the bus of a kind."""

from collections.abc import Callable

from quartier.formats.uplink.configuration import BusSettings
from quartier.gateway.mbus_port import MBusPort
from quartier.gateway.modbus_port import ModbusPort
from quartier.gateway.ports import BadMeter, BusPort, OpenBus


def opener(monotonic: Callable[[], float]) -> OpenBus:
    """What opens real buses; ``monotonic`` stamps what comes from them."""

    def open_bus(settings: BusSettings) -> BusPort:
        port = MBusPort if settings.kind.is_mbus else ModbusPort
        try:
            return port(settings, monotonic)
        except ValueError as problem:
            raise BadMeter(f"bus {settings.name}: {problem}") from None

    return open_bus
