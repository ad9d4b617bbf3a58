"""Read a meter once, or look who is on a line, at an address that a person typed."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace

from quartier.drivers.at import line_at, serial_settings
from quartier.drivers.catalog import Family
from quartier.drivers.head import Model
from quartier.drivers.mbus.line import Line
from quartier.drivers.mbus.part import MBusPart
from quartier.drivers.mbus.reading import Reading, address_of, poll
from quartier.drivers.readers import Present
from quartier.protocols.wire.serial_port import SerialSettings

_USUAL = SerialSettings(2400, "E", 1)
_TIMEOUT_S = 0.7


def _line(at: str, serial: SerialSettings, timeout_s: float) -> Line:
    return Line(replace(line_at(at, serial), timeout_s=timeout_s), time.monotonic)


async def read_once(
    family: Family,
    model: Model,
    at: str,
    unit: int | str,
    *,
    is_rtu: bool = False,
    line: str | None,
) -> Reading:
    """All registers of the meter at ``unit`` now, a primary address or a secondary one. Raises
    ValueError for an address that is none."""
    part: MBusPart = family.part
    if is_rtu:
        raise ValueError("RTU is spoken on Modbus only")
    address = address_of(str(unit))
    serial = serial_settings(line) if line else part.serial or _USUAL
    opened = _line(at, serial, _TIMEOUT_S)
    try:
        return await poll(opened.bus, address, part, model, f"{at} meter {unit}")
    finally:
        opened.close()


async def scan_at(
    at: str, *, line: str | None = None, timeout_s: float = _TIMEOUT_S
) -> AsyncIterator[Present]:
    """Who is on the line at ``at``, by primary address and by number. Raises ValueError for an
    address that is none, and for a line that cannot be reached."""
    opened = _line(at, serial_settings(line) if line else _USUAL, timeout_s)
    try:
        async for one in opened.scan():
            yield one
    finally:
        opened.close()
