"""Read a device once, from an address that a person typed."""

from collections.abc import Callable
from dataclasses import replace

from quartier.drivers.catalog import Family
from quartier.drivers.head import Model
from quartier.drivers.modbus.identity import identify
from quartier.drivers.modbus.part import ModbusPart
from quartier.drivers.modbus.reading import Reading, device, poll
from quartier.drivers.modbus.registers import Register
from quartier.drivers.modbus.scan import QUICK, Present, scan
from quartier.drivers.modbus.sunspec import find_registers
from quartier.protocols.modbus.bus import Bus, Timing
from quartier.protocols.modbus.framing import RtuFraming, TcpFraming
from quartier.protocols.wire.link import TcpLink
from quartier.protocols.wire.serial_port import SerialLink, SerialSettings

_PORT = 502


def bus_at(at: str, *, is_rtu: bool, serial: SerialSettings | None) -> Bus:
    """The bus at ``at``: a serial port, HOST or HOST:PORT. Raises ValueError."""
    if at.startswith("/"):
        settings = serial or SerialSettings()
        timing = Timing(tries=2, pause_s=settings.silence_s)
        return Bus(SerialLink(at, settings), RtuFraming(), timing)
    host, sign, port = at.rpartition(":") if at.count(":") == 1 else (at, "", "")
    if sign and not (port.isdecimal() and 0 < int(port) < 0x10000):
        raise ValueError(f"{port!r} is not a port; write HOST:PORT, such as 192.168.1.5:502")
    link = TcpLink(host, int(port) if sign else _PORT)
    return Bus(link, RtuFraming() if is_rtu else TcpFraming(), Timing(tries=2))


def serial_settings(text: str) -> SerialSettings:
    """``"9600,E"`` or ``"9600,E,1"``; raises ValueError."""
    parts = text.split(",")
    if not 2 <= len(parts) <= 3 or not parts[0].isdecimal() or not parts[-1].isalnum():
        raise ValueError(f"{text!r} is not BAUD,PARITY such as 9600,E")
    stop_bits = int(parts[2]) if len(parts) == 3 and parts[2].isdecimal() else 1
    return SerialSettings(int(parts[0]), parts[1].upper(), stop_bits)


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
    family: Family, model: Model, at: str, unit: int, *, is_rtu: bool = False, line: str | None
) -> Reading:
    """All values of one device now. Raises ValueError for an address that is none."""
    part: ModbusPart = family.part
    if not 1 <= unit <= 247:
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
