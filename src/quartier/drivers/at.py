"""Where a line is, as a person types it: a serial port, HOST or HOST:PORT."""

from quartier.drivers.readers import LineSettings
from quartier.protocols.wire.serial_port import SerialSettings

_HIGHEST_PORT = 0xFFFF


def line_at(
    at: str, serial: SerialSettings, *, port: int | None = None, is_rtu: bool = False
) -> LineSettings:
    """The line at ``at``, a serial one clocked as ``serial``; ``port`` where none was typed, None
    if none is usual. Raises ValueError."""
    if at.startswith("/"):
        return LineSettings(device=at, serial=serial, is_rtu=is_rtu)
    host, sign, typed = at.rpartition(":") if at.count(":") == 1 else (at, "", "")
    if sign and not (typed.isdecimal() and 0 < int(typed) <= _HIGHEST_PORT):
        raise ValueError(f"{typed!r} is not a port; write HOST:PORT, such as 192.168.1.5:502")
    if not sign and port is None:
        raise ValueError(f"{at} has no port; write HOST:PORT, such as 192.168.1.5:10001")
    return LineSettings(host=host, port=int(typed) if sign else port or 0, is_rtu=is_rtu)


def serial_settings(text: str) -> SerialSettings:
    """``"9600,E"`` or ``"9600,E,1"``; raises ValueError."""
    parts = text.split(",")
    if not 2 <= len(parts) <= 3 or not parts[0].isdecimal() or not parts[-1].isalnum():
        raise ValueError(f"{text!r} is not BAUD,PARITY such as 9600,E")
    stop_bits = int(parts[2]) if len(parts) == 3 and parts[2].isdecimal() else 1
    return SerialSettings(int(parts[0]), parts[1].upper(), stop_bits)
