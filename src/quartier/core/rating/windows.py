"""Time windows of a tariff as data: when "standard" (HT, HP) applies; all else is "reduced".

Windows are in local time, may cross midnight, may hold in one season only, and differ between a
DSO's energy and grid tariffs (rules.md a.3 "HT/NT", [S30]). No NumPy here: countries' markets
build these values, and they run where NumPy is not installed. Masks are in ``masks.py``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEKDAY_NUMBERS = {
    name: number
    for number, names in enumerate(
        zip(
            WEEKDAYS,
            ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
            strict=True,
        )
    )
    for name in names
}
MINUTES_PER_DAY = 24 * 60
_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class BadWindow(ValueError):
    """The text or numbers do not describe a time window or a season."""


@dataclass(frozen=True, slots=True)
class Season:
    """Calendar days of every year, half-open ``[from, to)``, e.g. 1 April to 1 October.

    ``from`` after ``to`` crosses the new year; both equal is the whole year.
    """

    from_month: int
    from_day: int
    to_month: int
    to_day: int

    def __post_init__(self) -> None:
        for month, day in ((self.from_month, self.from_day), (self.to_month, self.to_day)):
            if not (1 <= month <= 12 and 1 <= day <= _DAYS_OF_MONTH[month - 1]):
                raise BadWindow(f"{month:02}-{day:02} is not a day of the year; write MM-DD")

    @classmethod
    def of(cls, from_day: str, to_day: str) -> "Season":
        """The season from ``MM-DD`` to ``MM-DD`` (exclusive)."""
        return cls(*_month_day(from_day), *_month_day(to_day))

    def __contains__(self, day: date) -> bool:
        key = (day.month, day.day)
        first, end = (self.from_month, self.from_day), (self.to_month, self.to_day)
        if first < end:
            return first <= key < end
        return key >= first or key < end

    def __str__(self) -> str:
        return f"{self.from_month:02}-{self.from_day:02} to {self.to_month:02}-{self.to_day:02}"


@dataclass(frozen=True, slots=True)
class Window:
    """Weekdays (0 = Monday) and local minutes ``[from_minute, to_minute)`` of standard time.

    A window with ``to_minute <= from_minute`` ends on the next day; it belongs to the day, and
    to the season, on which it begins.
    """

    weekdays: tuple[int, ...]
    from_minute: int
    to_minute: int
    season: Season | None = None

    def __post_init__(self) -> None:
        if not self.weekdays or any(not 0 <= day <= 6 for day in self.weekdays):
            raise BadWindow("a window names one weekday or more, 0 (Monday) to 6 (Sunday)")
        if not (0 <= self.from_minute < MINUTES_PER_DAY and 0 < self.to_minute <= MINUTES_PER_DAY):
            raise BadWindow("a window lies between 00:00 and 24:00")
        if self.from_minute % 15 or self.to_minute % 15:
            raise BadWindow("a window begins and ends at a quarter-hour, e.g. 07:00 or 20:15")

    @classmethod
    def of(
        cls, weekdays: str, from_time: str, to_time: str, season: Season | None = None
    ) -> "Window":
        """The window on ``weekdays`` ("mon-fri", "sat", "mon,wed") between two ``HH:MM``."""
        return cls(weekdays_of(weekdays), minute_of(from_time), minute_of(to_time), season)


@dataclass(frozen=True, slots=True)
class Windows:
    """A named set of windows: the union of ``standard`` is standard time, all else reduced.

    ``holidays`` are local dates treated as Sundays; empty where the DSO does not do so. The
    dates are part of the data, so that a sheet says exactly what was billed.
    """

    ref: str
    standard: tuple[Window, ...]
    holidays: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if not self.standard:
            raise BadWindow(f"the windows {self.ref!r} name no standard time")


def weekdays_of(text: str) -> tuple[int, ...]:
    """ "mon-fri", "sat", "mon,wed,sun" as sorted weekday numbers; raises :class:`BadWindow`."""
    days: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        try:
            begin = _WEEKDAY_NUMBERS[first]
            end = _WEEKDAY_NUMBERS[last] if dash else begin
        except KeyError:
            raise BadWindow(f"{part!r} is not a weekday; write mon-fri or sat,sun") from None
        day = begin
        days.add(day)
        while day != end:
            day = (day + 1) % 7
            days.add(day)
    return tuple(sorted(days))


def minute_of(text: str) -> int:
    """``HH:MM`` as minutes since midnight; 24:00 is the end of the day."""
    hours, colon, minutes = text.strip().partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):
        raise BadWindow(f"{text!r} is not a time of day; write 07:00")
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or minute > MINUTES_PER_DAY:
        raise BadWindow(f"{text!r} is not a time of day; write 07:00")
    return minute


def time_of(minute: int) -> str:
    """Minutes since midnight as ``HH:MM``."""
    return f"{minute // 60:02}:{minute % 60:02}"


def weekdays_text(weekdays: Iterable[int]) -> str:
    """Weekday numbers as in :func:`weekdays_of`, e.g. "mon,tue"."""
    return ",".join(WEEKDAYS[day] for day in weekdays)


def _month_day(text: str) -> tuple[int, int]:
    month, dash, day = text.strip().partition("-")
    if not (dash and month.isdecimal() and day.isdecimal()):
        raise BadWindow(f"{text!r} is not a day of the year; write MM-DD, e.g. 04-01")
    return int(month), int(day)
