"""Quantities of fixed fees: full calendar months, or pro rata by day.

Rules.md W9: a monthly fee costs each touched calendar month in full, or, as the alternative that
the sheet must name, the days of supply by the days of their month. Pro-rata quantities are
differences of rounded cumulative ones, so that the parts of a month add up to one month exactly.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from quartier.core.kernel.period import Dates

SHARE_STEP = Decimal("0.000001")
"""Quantities by day are multiples of a millionth of a month or period."""
MONTHS_PER_YEAR = Decimal(12)
_MONTHLY_PRICE_STEP = Decimal("1e-10")


def months_touched(dates: Dates) -> Iterator[Dates]:
    """Each calendar month's part of ``dates``, in order."""
    assert dates.to_date is not None
    day = dates.from_date
    while day < dates.to_date:
        following = _next_month(day)
        yield Dates(day, min(following, dates.to_date))
        day = following


def full_months(within: Dates, dates: Dates) -> int:
    """How many calendar months that ``dates`` touches begin, as far as touched, in ``within``.

    A month in which the sheet changes is billed once, on the sheet of its first touched day.
    """
    return sum(1 for month in months_touched(dates) if month.from_date in within)


def months_by_day(within: Dates) -> Decimal:
    """The months in ``within``, each as its days by the days of that month."""
    assert within.to_date is not None
    quantity = Decimal(0)
    for part in months_touched(within):
        assert part.to_date is not None
        first = part.from_date.replace(day=1)
        length = (_next_month(first) - first).days
        quantity += _share((part.to_date - first).days, length)
        quantity -= _share((part.from_date - first).days, length)
    return quantity


def period_by_day(within: Dates, period: Dates) -> Decimal:
    """``within`` as its days by the days of the billing ``period``."""
    assert within.to_date is not None
    assert period.to_date is not None
    length = (period.to_date - period.from_date).days
    ends = _share((within.to_date - period.from_date).days, length)
    return ends - _share((within.from_date - period.from_date).days, length)


def days(within: Dates) -> int:
    """The local days in ``within``."""
    assert within.to_date is not None
    return (within.to_date - within.from_date).days


def monthly_price(price_per_year: Decimal) -> Decimal:
    """A twelfth of a yearly fee (rules.md W9), to ten decimals."""
    return (price_per_year / MONTHS_PER_YEAR).quantize(
        _MONTHLY_PRICE_STEP, ROUND_HALF_UP
    ).normalize() + 0


def _share(numerator: int, denominator: int) -> Decimal:
    return (Decimal(numerator) / denominator).quantize(SHARE_STEP, ROUND_HALF_UP)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
