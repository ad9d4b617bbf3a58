"""Read a device once, at an address that a person typed."""

import time
from dataclasses import replace

from quartier.drivers.at import line_at
from quartier.drivers.catalog import Family
from quartier.drivers.head import Model
from quartier.drivers.readers import BadDevice
from quartier.drivers.shelly.line import Line
from quartier.drivers.shelly.reading import Reading
from quartier.protocols.wire.serial_port import SerialSettings

_PORT = 80
_TIMEOUT_S = 3.0


async def read_once(
    family: Family,
    model: Model,
    at: str,
    unit: int | str,
    *,
    is_rtu: bool = False,
    line: str | None,
) -> Reading:
    """All values of the channel ``unit`` now. Raises ValueError for an address that is none."""
    if is_rtu or line:
        raise ValueError("a Shelly device is reached over the network, without a line")
    settings = replace(line_at(at, SerialSettings(), port=_PORT), timeout_s=_TIMEOUT_S)
    try:
        reader = Line(settings, time.monotonic).reader(family, model, str(unit), f"{at} {unit}")
    except BadDevice as problem:
        raise ValueError(f"{problem}") from None
    return await reader.read(family.part.registers)
