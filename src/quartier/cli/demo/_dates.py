"""Which period the demo bills."""

from datetime import date, timedelta

from quartier.core.kernel.period import Dates


def last_quarter(as_of: date) -> Dates:
    """The last calendar quarter that was over on ``as_of``."""
    first = date(as_of.year, 3 * ((as_of.month - 1) // 3) + 1, 1)
    before = first - timedelta(days=1)
    return Dates(date(before.year, 3 * ((before.month - 1) // 3) + 1, 1), first)
