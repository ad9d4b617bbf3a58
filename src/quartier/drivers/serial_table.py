"""``[line]`` of the file: how devices of a serial line are set when they leave the factory."""

from quartier.drivers.fields import Table
from quartier.protocols.wire.serial_port import SerialSettings

PARITIES = ("N", "E", "O")


def read_serial(table: Table) -> SerialSettings | None:
    """``baud``, ``parity`` and ``stop_bits`` of ``table``; None where it has none of them."""
    if not any(table.has(key) for key in ("baud", "parity", "stop_bits")):
        return None
    baud = table.whole("baud", 1, 10**6)
    parity, stop_bits = table.choice("parity", PARITIES), table.whole("stop_bits", 1, 2, 1)
    try:
        return SerialSettings(baud, parity, stop_bits)
    except ValueError as reason:
        table.fault("baud", f"{reason}.")
        return None


def read_pauses(table: Table, timeout_ms: int) -> tuple[float, float]:
    """Seconds to wait for an answer, ``timeout_ms`` if it is left out, and before a request."""
    milliseconds = table.whole("timeout_ms", 50, 60_000, timeout_ms)
    return milliseconds / 1000, table.whole("pause_ms", 0, 10_000, 0) / 1000
