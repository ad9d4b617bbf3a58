"""Numbers and dates as documents print them (design.md, Language; rules.md d.3).

``1'234.50`` in German, Italian and English, ``1 234.50`` (narrow no-break space) in French; minus
is U+2212; dates are dd.mm.yyyy. Values are printed exactly: asking for fewer decimals than a value
has is a fault of the program, except for prices and proofs, which say how they are cut.
"""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal

THIN = "\u202f"
FIXED = "\u00a0"
"""A blank at which no line breaks."""
MINUS = "\u2212"


def number(value: Decimal, decimals: int, language: str) -> str:
    """``value`` with ``decimals`` decimals; asserts that it has no more."""
    shown = value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    assert shown == value, f"{value} has more than {decimals} decimals"
    return _grouped(shown, language)


def rounded(value: Decimal, decimals: int, language: str) -> str:
    """``value`` shown with ``decimals`` decimals, for values that stay unrounded elsewhere."""
    return _grouped(value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP), language)


def money(amount: Decimal, language: str) -> str:
    """An amount in whole cents."""
    return number(amount, 2, language)


def energy(energy_wh: int, language: str) -> str:
    """Wh as kWh with three decimals, without the unit."""
    return _grouped(Decimal(energy_wh).scaleb(-3), language)


def trimmed(value: Decimal, at_least: int, language: str) -> str:
    """``value`` with the decimals it needs, at least ``at_least``."""
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "a finite number"
    return number(value, max(at_least, -exponent), language)


def percent(value: Decimal, language: str) -> str:
    """A rate with its sign, at least one decimal: ``8.1 %``."""
    return f"{trimmed(value, 1, language)}{THIN}%"


def day(value: date) -> str:
    """dd.mm.yyyy."""
    return f"{value:%d.%m.%Y}"


def blank_grouped(amount: Decimal) -> str:
    """As the payment part prints amounts: ``1 949.75``, with blanks (rules.md d.1)."""
    return f"{amount:,.2f}".replace(",", " ")


def _grouped(shown: Decimal, language: str) -> str:
    separator = THIN if language == "fr" else "'"
    text = f"{abs(shown):,f}".replace(",", separator)
    return f"{MINUS}{text}" if shown < 0 else text
