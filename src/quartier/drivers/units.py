"""Units of registers, and the base unit in which a value is given on."""

from decimal import ROUND_FLOOR, Context, Decimal, Inexact, localcontext
from typing import Final

BASE: Final[dict[str, tuple[str, Decimal]]] = {
    "Wh": ("Wh", Decimal(1)),
    "kWh": ("Wh", Decimal(1000)),
    "MWh": ("Wh", Decimal(1_000_000)),
    "varh": ("varh", Decimal(1)),
    "kvarh": ("varh", Decimal(1000)),
    "W": ("W", Decimal(1)),
    "kW": ("W", Decimal(1000)),
    "var": ("var", Decimal(1)),
    "kvar": ("var", Decimal(1000)),
    "VA": ("VA", Decimal(1)),
    "kVA": ("VA", Decimal(1000)),
    "V": ("V", Decimal(1)),
    "mV": ("V", Decimal("0.001")),
    "A": ("A", Decimal(1)),
    "mA": ("A", Decimal("0.001")),
    "Hz": ("Hz", Decimal(1)),
    "%": ("%", Decimal(1)),
    "°C": ("°C", Decimal(1)),
    "l": ("l", Decimal(1)),
    "m3": ("l", Decimal(1000)),
    "1": ("1", Decimal(1)),
}
"""Unit in ``driver.toml`` to base unit and factor. "1" is a plain number: power factor, count."""

PLAUSIBLE: Final[dict[str, tuple[Decimal, Decimal]]] = {
    "Wh": (Decimal(0), Decimal(10) ** 12),
    "varh": (Decimal(-(10**12)), Decimal(10) ** 12),
    "W": (Decimal(-(10**7)), Decimal(10) ** 7),
    "var": (Decimal(-(10**7)), Decimal(10) ** 7),
    "VA": (Decimal(-(10**7)), Decimal(10) ** 7),
    "V": (Decimal(0), Decimal(1500)),
    "A": (Decimal(-10000), Decimal(10000)),
    "Hz": (Decimal(40), Decimal(70)),
    "%": (Decimal(0), Decimal(100)),
    "°C": (Decimal(-60), Decimal(250)),
    "l": (Decimal(0), Decimal(10) ** 12),
    "1": (Decimal(-(10**12)), Decimal(10) ** 12),
}
"""Limits of plausibility in the base unit where a driver gives none: a building's, and wide. A
register map that does not fit gives values far outside."""

SMALLEST = Decimal("1e-6")
NEVER_TINY: Final = frozenset({"V", "Wh", "varh", "l"})
"""A value in one of these units that is not 0 and yet below SMALLEST was never measured: the words
were another kind of number (230.2 V as a float with its words swapped is 4e-8)."""

FINEST = Decimal("1e-9")
"""Of a counted value: what core.metering takes as the state of a register."""

_COUNTED: Final = frozenset({"Wh", "varh", "l"})
_EXACT = Context(prec=80, traps=[Inexact])


def product(*factors: Decimal) -> Decimal:
    """The exact product; floats never come here."""
    with localcontext(_EXACT):
        result = Decimal(1)
        for factor in factors:
            result *= factor
        return result


def counted(value: Decimal, unit: str) -> Decimal:
    """``value``, if ``unit`` is one that is counted without its digits beyond a billionth: those
    of a float of 64 bits, which no meter has. Rounded down, so that a count never falls."""
    exponent = value.as_tuple().exponent
    if unit not in _COUNTED or not isinstance(exponent, int) or exponent >= -9:
        return value
    with localcontext(Context(prec=80)):
        return value.quantize(FINEST, ROUND_FLOOR)
