"""Slots by the local clock and calendar (rules.md f.1)."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as _DAY
from quartier.core.kernel.period import Dates, local_midnight, slot_at, slot_starts_at

_SLOT_MINUTES = 15

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


def local_days(slots: npt.NDArray[np.int64], tz: ZoneInfo) -> list[date]:
    """The local days on which the ascending ``slots`` begin, each once, in order."""
    if not len(slots):
        return []
    first = slot_starts_at(int(slots[0])).astimezone(tz).date()
    last = slot_starts_at(int(slots[-1])).astimezone(tz).date()
    parts, edges = _days_between(first, last, tz)
    at = np.unique(np.searchsorted(edges, slots, side="right") - 1)
    return [parts[day] for day in at.tolist()]


@lru_cache(maxsize=64)
def _days_between(
    first: date, last: date, tz: ZoneInfo
) -> tuple[tuple[date, ...], npt.NDArray[np.int64]]:
    """All days of the range and the slot at which each begins; many meters share their gaps."""
    parts, edges = step_edges(Dates(first, last + timedelta(days=1)), "day", tz)
    return tuple(part.from_date for part in parts), np.array(edges[:-1], np.int64)


def utc_offset_minutes(slots: range, tz: ZoneInfo) -> npt.NDArray[np.int64]:
    """Whole minutes by which local time is ahead of UTC at the start of each slot, int64[t]."""
    days = range(slots.start // _DAY, -(-slots.stop // _DAY))
    if not slots:
        return np.zeros(0, np.int64)
    spread = np.concatenate([_offsets_of_day(day, tz) for day in days])
    return spread[slots.start - days.start * _DAY :][: len(slots)]


@lru_cache(maxsize=4096)
def _offsets_of_day(day: int, tz: ZoneInfo) -> npt.NDArray[np.int64]:
    """The offsets of the slots of one UTC day since 1970; read only. Many meters share their days.

    Zones change their offset on the half-hour of UTC at the finest.
    """
    halves = []
    for slot in range(day * _DAY, (day + 1) * _DAY, 2):
        offset = slot_starts_at(slot).astimezone(tz).utcoffset()
        assert offset is not None
        halves.append(offset // timedelta(minutes=1))
    minutes = np.repeat(np.array(halves, np.int64), 2)
    minutes.setflags(write=False)
    return minutes


def utc_offsets(slots: range, tz: ZoneInfo) -> npt.NDArray[np.int64]:
    """Quarter-hours by which local time is ahead of UTC in each slot, int64[t]."""
    offsets: npt.NDArray[np.int64] = utc_offset_minutes(slots, tz) // _SLOT_MINUTES
    return offsets


def quarters_of_day(slots: range, tz: ZoneInfo) -> npt.NDArray[np.int64]:
    """The local quarter-hour of the day of each slot, 0 to 95, int64[t]."""
    at: npt.NDArray[np.int64] = (np.arange(slots.start, slots.stop) + utc_offsets(slots, tz)) % 96
    return at
