"""Windows of local time in which a timer switches on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Window:
    """Weekdays (0 = Monday) and local minutes of the day, ``from`` included, ``to`` not. One that
    does not end after it begins ends on the next day and belongs to the day it begins on."""

    weekdays: tuple[int, ...]
    from_minute: int
    to_minute: int

    def __post_init__(self) -> None:
        if not self.weekdays or any(not 0 <= day <= 6 for day in self.weekdays):
            raise ValueError("a window names one weekday or more, 0 (Monday) to 6 (Sunday)")
        if not (0 <= self.from_minute < _MINUTES and 0 < self.to_minute <= _MINUTES):
            raise ValueError("a window begins at 00:00 to 23:59 and ends at 00:01 to 24:00")

    def holds(self, local: datetime) -> bool:
        """Whether it is open at ``local``."""
        minute = local.hour * 60 + local.minute
        today, yesterday = local.weekday(), (local.weekday() - 1) % 7
        if self.from_minute < self.to_minute:
            return today in self.weekdays and self.from_minute <= minute < self.to_minute
        return (today in self.weekdays and minute >= self.from_minute) or (
            yesterday in self.weekdays and minute < self.to_minute
        )


def is_open(windows: Iterable[Window], local: datetime) -> bool:
    """Whether one of ``windows`` is open at ``local``."""
    return any(window.holds(local) for window in windows)


def seconds_until(local: datetime, minute: int) -> float:
    """From ``local`` to that minute of the same local day, in seconds that pass; negative when it
    is over. A day of a clock change is an hour longer or shorter."""
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if minute == _MINUTES:
        end = midnight + timedelta(days=1)
    else:
        end = midnight.replace(hour=minute // 60, minute=minute % 60)
    return (end.astimezone(UTC) - local.astimezone(UTC)).total_seconds()
