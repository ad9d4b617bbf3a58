"""Numbers, energy, money and dates as people read them (design.md, Language).

Grouping as in the number formats of Switzerland: ``1'234.50`` in German, Italian and English,
``1 234.50`` (narrow no-break space) in French. A unit follows after a narrow no-break space, so
that it never begins a line. Minus is U+2212. Dates are dd.mm.yyyy.
"""

from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

THIN = "\u202f"
MINUS = "\u2212"
DASH = "\u2013"
NOTHING = DASH
"""What stands where there is no value; never 0."""


def group_of(language: str) -> str:
    """The thousands separator of ``language``."""
    return THIN if language.startswith("fr") else "'"


def number(value: Decimal | int, digits: int, language: str) -> str:
    """``value`` with ``digits`` decimals; half to even, which no sum on a document rests on."""
    exact = Decimal(value)
    shown = exact.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    whole, _, part = format(abs(shown), "f").partition(".")
    groups: list[str] = []
    while len(whole) > 3:
        groups.insert(0, whole[-3:])
        whole = whole[:-3]
    text = group_of(language).join([whole, *groups])
    sign = MINUS if shown < 0 else ""
    return f"{sign}{text}.{part}" if part else f"{sign}{text}"


def with_unit(value: Decimal | int, unit: str, digits: int, language: str) -> str:
    """``value`` and its unit, e.g. ``1'234.5 kWh``."""
    return f"{number(value, digits, language)}{THIN}{unit}"


def energy(energy_wh: int, language: str, digits: int = 1) -> str:
    """Wh as kWh, one decimal on screen."""
    return with_unit(Decimal(energy_wh).scaleb(-3), "kWh", digits, language)


def money(amount: Decimal, currency: str, language: str) -> str:
    """An amount with two decimals after its currency, e.g. ``CHF 1'234.50``."""
    return f"{currency}{THIN}{number(amount, 2, language)}"


def price(amount: Decimal, language: str) -> str:
    """A price with all the decimals it has: at least two, and at least four below 1, as prices of
    energy are, so that those of a column compare."""
    exponent = amount.normalize().as_tuple().exponent
    decimals = -exponent if isinstance(exponent, int) else 0
    return number(amount, max(decimals, 4 if 0 < abs(amount) < 1 else 2), language)


def day(value: date) -> str:
    """dd.mm.yyyy."""
    return f"{value.day:02}.{value.month:02}.{value.year:04}"


def local(value: datetime, timezone: str) -> datetime:
    """The instant ``value`` on the clocks of ``timezone``."""
    return value.astimezone(ZoneInfo(timezone))


def is_twice(here: datetime) -> bool:
    """Whether the clocks of its zone show the local time ``here`` twice, as in the hour before
    winter time begins."""
    return here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset()


def clock(here: datetime) -> str:
    """hh:mm of a local time; with its offset from UTC where the clocks show it twice."""
    if not is_twice(here):
        return f"{here:%H:%M}"
    offset = here.isoformat(timespec="minutes")[-6:]
    return f"{here:%H:%M}{THIN}({offset})"


def moment(value: datetime, timezone: str) -> str:
    """dd.mm.yyyy hh:mm on the clocks of ``timezone``, as :func:`clock` shows the time."""
    here = local(value, timezone)
    return f"{day(here.date())}{THIN}{clock(here)}"
