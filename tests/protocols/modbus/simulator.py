"""pymodbus' own simulator as a bus of devices: it shares no code with ours.

``trace`` sees every packet (sending?, bytes) and may spoil it; the maps are written by hand.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from pymodbus import FramerType
from pymodbus.logging import Log
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from quartier.protocols.modbus.bus import Bus, Timing
from quartier.protocols.modbus.framing import RtuFraming, TcpFraming
from quartier.protocols.wire.link import TcpLink

Log.apply_logging_config("CRITICAL", None)  # spoiled packets are what is tested here

QUICK = Timing(timeout_s=0.2, tries=2)


def registers(address: int, values: list[int]) -> SimData:
    return SimData(address, values=values, datatype=DataType.REGISTERS)


def coils(address: int, values: list[bool]) -> SimData:
    return SimData(address, values=values, datatype=DataType.BITS)


def device(
    unit: int,
    *,
    holding: list[SimData] | None = None,
    inputs: list[SimData] | None = None,
    bits: list[SimData] | None = None,
) -> SimDevice:
    """A device with separate blocks, as meters have them."""
    none = [registers(0xFFFF, [0])]
    bits = bits or [coils(0xFFF0, [False] * 16)]
    return SimDevice(unit, (bits, bits, holding or none, inputs or none))


@contextlib.asynccontextmanager
async def simulated(
    devices: list[SimDevice],
    *,
    rtu: bool = False,
    trace: Callable[[bool, bytes], bytes] | None = None,
    is_silent: bool = True,
    timing: Timing = QUICK,
) -> AsyncIterator[Bus]:
    """A bus of ours on a simulator of theirs; ``is_silent``: an absent device says nothing."""
    present = {one.id for one in devices}

    def on_the_wire(is_sent: bool, packet: bytes) -> bytes:
        # The simulator answers for absent devices with an exception, as converters do.
        if is_sent and is_silent and packet[0 if rtu else 6] not in present:
            return b""
        return trace(is_sent, packet) if trace else packet

    server: Any = ModbusTcpServer(
        devices,
        framer=FramerType.RTU if rtu else FramerType.SOCKET,
        address=("127.0.0.1", 0),
        trace_packet=on_the_wire,
    )
    await server.serve_forever(background=True)
    port = server.transport.sockets[0].getsockname()[1]
    bus = Bus(TcpLink("127.0.0.1", port), RtuFraming() if rtu else TcpFraming(), timing)
    try:
        yield bus
    finally:
        bus.close()
        await server.shutdown()
        await asyncio.sleep(0)
