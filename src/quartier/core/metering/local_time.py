"""Local days, months and years as runs of slots, for sums that people read (rules.md f.1)."""

from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from quartier.core.kernel.period import Dates, local_midnight, slot_at

Step = Literal["day", "month", "year"]


def step_edges(dates: Dates, step: Step, tz: ZoneInfo) -> tuple[tuple[Dates, ...], list[int]]:
    """The parts of ``dates`` by calendar ``step``, and the slots at which they begin.

    The list of slots has one more: the end of the last part. The first and the last part are cut
    off where ``dates`` begins and ends inside a month or year.
    """
    assert dates.to_date is not None
    parts: list[Dates] = []
    at = dates.from_date
    while at < dates.to_date:
        until = min(_next(at, step), dates.to_date)
        parts.append(Dates(at, until))
        at = until
    bounds = [part.from_date for part in parts] + [dates.to_date]
    return tuple(parts), [slot_at(local_midnight(day, tz)) for day in bounds]


def _next(day: date, step: Step) -> date:
    if step == "day":
        return day + timedelta(days=1)
    if step == "year":
        return date(day.year + 1, 1, 1)
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
