"""Which quarter-hours are standard time: windows evaluated at each slot's START in local time.

Evaluated through the time zone, so that clock changes are right (rules.md a.3 "HT/NT", f.1), and
cached: thousands of households share a period and its windows.
"""

from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from quartier.core.metering.local_time import utc_offset_minutes
from quartier.core.rating.windows import MINUTES_PER_DAY, Season, Windows

Mask = NDArray[np.bool_]
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MINUTES_PER_SLOT = 15
_SUNDAY = 6


@lru_cache(maxsize=64)
def local_minutes(first_slot: int, end_slot: int, timezone: str) -> NDArray[np.int64]:
    """Local wall-clock minutes since 1970-01-01T00:00 of the start of each slot; read only."""
    slots = range(first_slot, end_slot)
    offsets = utc_offset_minutes(slots, ZoneInfo(timezone))
    minutes: NDArray[np.int64] = np.arange(first_slot, end_slot) * _MINUTES_PER_SLOT + offsets
    minutes.setflags(write=False)
    return minutes


@lru_cache(maxsize=256)
def standard_mask(windows: Windows, first_slot: int, end_slot: int, timezone: str) -> Mask:
    """bool [end_slot - first_slot]: whether each slot starts in standard time; read only."""
    minutes = local_minutes(first_slot, end_slot, timezone)
    days = minutes // MINUTES_PER_DAY
    of_day = minutes - days * MINUTES_PER_DAY
    mask = np.zeros(len(minutes), dtype=np.bool_)
    if not len(minutes):
        return mask
    first_day = int(days[0]) - 1
    calendar = [
        date.fromordinal(number + _EPOCH_ORDINAL) for number in range(first_day, int(days[-1]) + 1)
    ]
    holidays = frozenset(windows.holidays)
    for window in windows.standard:
        on_day = np.fromiter(
            (
                (_SUNDAY if day in holidays else day.weekday()) in window.weekdays
                and (window.season is None or day in window.season)
                for day in calendar
            ),
            dtype=np.bool_,
            count=len(calendar),
        )
        today = on_day[days - first_day]
        if window.from_minute < window.to_minute:
            mask |= today & (of_day >= window.from_minute) & (of_day < window.to_minute)
        else:
            yesterday = on_day[days - first_day - 1]
            mask |= today & (of_day >= window.from_minute)
            mask |= yesterday & (of_day < window.to_minute)
    mask.setflags(write=False)
    return mask


@lru_cache(maxsize=64)
def season_mask(season: Season, first_slot: int, end_slot: int, timezone: str) -> Mask:
    """bool [end_slot - first_slot]: whether each slot starts in ``season``; read only."""
    days = local_minutes(first_slot, end_slot, timezone) // MINUTES_PER_DAY
    numbers, index = np.unique(days, return_inverse=True)
    inside = np.fromiter(
        (date.fromordinal(number + _EPOCH_ORDINAL) in season for number in numbers.tolist()),
        dtype=np.bool_,
        count=len(numbers),
    )
    mask: Mask = inside[index]
    mask.setflags(write=False)
    return mask
