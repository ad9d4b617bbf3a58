"""The fixed data structure of old meters: two counters with one unit each (EN 13757-3:2004)."""

from decimal import Decimal
from typing import Final

from quartier.core.kernel.findings import info, warning
from quartier.protocols.mbus import numbers
from quartier.protocols.mbus.records import Function, Record, Records, scaled
from quartier.protocols.mbus.units import UNKNOWN, Unit

_BINARY = 0x01
_STORED = 0x02
"""Both counters are values of a key date."""
_MEDIA_MODE_2: Final = {0xA: 0x03, 0xB: 0x04, 0xC: 0x06, 0xD: 0x07, 0xE: 0x08}
_SAME_BUT_HISTORIC: Final = 0x3E


def _decades(first: int, quantity: str, unit: str, factor: str, count: int) -> dict[int, Unit]:
    return {
        first + n: Unit(quantity, unit, Decimal(factor).scaleb(n).normalize()) for n in range(count)
    }


UNITS: Final[dict[int, Unit]] = {
    **_decades(0x02, "energy", "Wh", "1", 9),
    **_decades(0x0B, "energy", "J", "1000", 9),
    **_decades(0x14, "power", "W", "1", 9),
    **_decades(0x1D, "power", "J/h", "1000", 9),
    **_decades(0x26, "volume", "l", "0.001", 9),
    **_decades(0x2F, "volume_flow", "l/h", "0.001", 9),
    0x38: Unit("temperature", "°C", Decimal("0.001")),
    0x39: Unit("heat_cost_allocator", "1"),
    0x3F: Unit("count", "1"),
}
"""By the 6 bits of the unit. 00 and 01 are times and dates, of which no meter is known here."""


def medium_of(codes: bytes) -> int:
    """The medium in the two ``codes`` of unit, as the variable structure numbers it."""
    medium = codes[0] >> 6 | codes[1] >> 6 << 2
    return _MEDIA_MODE_2.get(medium, medium)


def read_counters(status: int, codes: bytes, counters: tuple[bytes, bytes]) -> Records:
    """The two ``counters`` (lowest byte first) with their ``codes`` of unit."""
    found = Records()
    first = codes[0] & 0x3F
    for number, (code, data) in enumerate(zip(codes, counters, strict=True), start=1):
        own = code & 0x3F
        is_historic = own == _SAME_BUT_HISTORIC
        unit = UNITS.get(first if is_historic else own, UNKNOWN)
        value = None
        try:
            raw = numbers.integer(data, is_signed=True) if status & _BINARY else numbers.bcd(data)
            value = scaled(raw, unit.factor)
        except numbers.NotAvailable as reason:
            found.findings.append(
                warning("mbus.no_value", f"Counter {number} has no value: {reason}.")
            )
        if unit.quantity == UNKNOWN.quantity:
            found.findings.append(
                info("mbus.unknown_quantity", f"Counter {number} has the unit {own:02X} hex.")
            )
        found.records.append(
            Record(
                function=Function.INSTANTANEOUS,
                storage=1 if is_historic or status & _STORED else 0,
                tariff=0,
                subunit=0,
                quantity=unit.quantity,
                unit=unit.unit,
                value=value,
                step=unit.factor,
                vib=bytes([code]),
                data=data,
            )
        )
    return found
