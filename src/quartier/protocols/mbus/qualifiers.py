"""VIFE after the VIF: what else a record says of its value (EN 13757-3, combinable VIFE).

A value that is qualified is not the plain one: the volume *per input pulse*, the energy *only of
positive contributions*, the *future* date. So whoever looks for a register must read them.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Final

from quartier.protocols.mbus.units import SECONDS, Form, Unit

_PER = (
    "second", "minute", "hour", "day", "week", "month", "year", "revolution",
    "input_pulse_0", "input_pulse_1", "output_pulse_0", "output_pulse_1",
    "liter", "m3", "kg", "K", "kWh", "GJ", "kW", "K_l", "V", "A",
)  # fmt: skip

POSITIVE_ONLY: Final = "positive_only"
NEGATIVE_ONLY: Final = "negative_only"
FUTURE: Final = "future"
MANUFACTURER: Final = "manufacturer_specific"

WORDS: Final[dict[int, str]] = {
    **{0x20 + n: f"per_{what}" for n, what in enumerate(_PER)},
    0x36: "times_s",
    0x37: "times_s_per_V",
    0x38: "times_s_per_A",
    0x3A: "uncorrected",
    0x3B: POSITIVE_ONLY,
    0x3C: NEGATIVE_ONLY,
    0x3E: "at_base_conditions",
    0x40: "lower_limit",
    0x48: "upper_limit",
    0x7E: FUTURE,
    0x7F: MANUFACTURER,
}

RECORD_ERRORS: Final[dict[int, str]] = {
    0x01: "too many DIFE",
    0x02: "no such storage number",
    0x03: "no such subunit",
    0x04: "no such tariff",
    0x05: "no such function",
    0x06: "no such kind of data",
    0x07: "no such length of data",
    0x0B: "too many VIFE",
    0x0C: "no such quantity",
    0x0D: "no such unit",
    0x0E: "data and unit do not fit",
    0x0F: "not done",
    0x15: "no data available",
    0x16: "the value is too large",
    0x17: "the value is too small",
    0x18: "the value is wrong",
    0x1C: "the record ends too early",
}
"""What a meter reports in place of a value."""


def qualify(unit: Unit, vife: int) -> tuple[Unit, str]:
    """What ``vife`` (without its extension bit) makes of ``unit``, and the word for it; the word
    is empty where the value is the plain one in another scale."""
    if 0x70 <= vife <= 0x77:
        return _times(unit, Decimal(1).scaleb(vife - 0x76)), ""
    if vife == 0x7D:
        return _times(unit, Decimal(1000)), ""
    edge = "upper" if vife & 8 else "lower"
    if vife == 0x39:
        return replace(unit, form=Form.DATE, unit=""), "start_date"
    if vife in {0x41, 0x49}:
        return Unit(unit.quantity, "1", form=Form.UNSIGNED), f"{edge}_limit_exceeded_count"
    if 0x42 <= vife <= 0x4F and vife & 2:
        return replace(unit, form=Form.DATE, unit=""), f"{edge}_limit_exceeded_date"
    if 0x50 <= vife <= 0x5F:
        return _lasting(unit, vife), f"{edge}_limit_exceeded_duration"
    if 0x60 <= vife <= 0x67:
        return _lasting(unit, vife), "duration"
    if 0x68 <= vife <= 0x6F and vife & 2:
        return replace(unit, form=Form.DATE, unit=""), "date"
    return unit, WORDS.get(vife, f"vife_{vife:02x}")


def _times(unit: Unit, factor: Decimal) -> Unit:
    return replace(unit, factor=(unit.factor * factor).normalize())


def _lasting(unit: Unit, vife: int) -> Unit:
    return Unit(unit.quantity, "s", SECONDS[vife & 3])
