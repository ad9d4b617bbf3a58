"""Read a device once, from an address that a person typed."""

import time
from collections.abc import Callable
from dataclasses import replace

from quartier.drivers.at import line_at, serial_settings
from quartier.drivers.catalog import Family
from quartier.drivers.head import Model
from quartier.drivers.modbus.identity import identify
from quartier.drivers.modbus.line import Line
from quartier.drivers.modbus.part import ModbusPart
from quartier.drivers.modbus.reading import Reading, device, poll
from quartier.drivers.modbus.registers import Register
from quartier.drivers.modbus.scan import QUICK, Present, scan
from quartier.drivers.modbus.sunspec import find_registers
from quartier.protocols.modbus.bus import Bus
from quartier.protocols.wire.serial_port import SerialSettings

_PORT = 502


def bus_at(at: str, *, is_rtu: bool, serial: SerialSettings | None) -> Bus:
    """The bus at ``at``: a serial port, HOST or HOST:PORT. Raises ValueError."""
    settings = line_at(at, serial or SerialSettings(), port=_PORT, is_rtu=is_rtu)
    return Line(settings, time.monotonic).bus


async def scan_at(
    at: str,
    units: range,
    families: list[Family],
    report: Callable[[Present], None],
    *,
    is_rtu: bool = False,
    line: str | None = None,
    timeout_s: float = QUICK.timeout_s,
) -> None:
    """Report who is at ``units``. Raises ValueError for an address that is none, and
    :class:`~quartier.protocols.modbus.errors.NoConnection`."""
    bus = bus_at(at, is_rtu=is_rtu, serial=serial_settings(line) if line else None)
    try:
        async for present in scan(bus, units, families, replace(QUICK, timeout_s=timeout_s)):
            report(present)
    finally:
        bus.close()


async def read_once(
    family: Family,
    model: Model,
    at: str,
    unit: int | str,
    *,
    is_rtu: bool = False,
    line: str | None,
) -> Reading:
    """All values of one device now. Raises ValueError for an address that is none."""
    part: ModbusPart = family.part
    if not isinstance(unit, int) or not 1 <= unit <= 247:
        raise ValueError(f"{unit} is not the address of a device (1 to 247)")
    serial = serial_settings(line) if line else part.serial
    bus = bus_at(at, is_rtu=is_rtu, serial=serial)
    where = f"{at} device {unit}"
    registers: tuple[Register, ...] = part.of_model(model)
    try:
        if part.points:
            registers, findings = await find_registers(bus, unit, part, model, where)
            if findings:
                return Reading((), findings, False)
        name = family.head.family
        _, doubts = await identify(bus, unit, part, name, where)
        reading = await poll(bus, device(unit, name, registers, part, where=where))
        return replace(reading, findings=(*doubts, *reading.findings))
    finally:
        bus.close()
