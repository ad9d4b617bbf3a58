"""Half-open periods, local calendars and the quarter-hour grid (rules.md f.1).

An instant is an aware datetime in UTC. A business period is a pair of local dates, the second
exclusive, turned into UTC bounds through an explicit time zone. A quarter-hour is known by its
*slot*: the number of quarter-hours since 1970-01-01T00:00Z. A slot names one interval on every
day of the year, also on the days with 92 and 100 of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

QUARTER = timedelta(minutes=15)
QUARTER_SECONDS = 900
SLOTS_PER_UTC_DAY = 96
_EPOCH_DATE = date(1970, 1, 1)


class BadPeriod(ValueError):
    """The bounds are not those of a half-open period."""


class UnknownTimezone(ValueError):
    """No such time zone."""


def timezone_of(name: str) -> ZoneInfo:
    """The time zone called ``name``; raises :class:`UnknownTimezone`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownTimezone(f"{name!r} is not a time zone; example: Europe/Zurich") from None


def utc(instant: datetime) -> datetime:
    """``instant`` in UTC; asserts that it is aware."""
    assert instant.tzinfo is not None, "an instant is an aware datetime"
    return instant.astimezone(UTC)


def slot_at(instant: datetime) -> int:
    """The slot that contains ``instant``."""
    return int(utc(instant).timestamp() // QUARTER_SECONDS)


def on_grid(instant: datetime) -> bool:
    """Whether ``instant`` is the boundary of a quarter-hour."""
    instant = utc(instant)
    return instant.minute % 15 == 0 and instant.second == 0 and instant.microsecond == 0


def slot_starts_at(slot: int) -> datetime:
    """The instant at which ``slot`` begins, in UTC."""
    return datetime.fromtimestamp(slot * QUARTER_SECONDS, UTC)


def utc_day_number(day: date) -> int:
    """Days since 1970-01-01, the key of a stored block; slot // 96 for every slot of the day."""
    return (day - _EPOCH_DATE).days


def date_of_day_number(number: int) -> date:
    """The UTC date of a stored block's day number."""
    return _EPOCH_DATE + timedelta(days=number)


def local_midnight(day: date, tz: ZoneInfo) -> datetime:
    """The instant at which the local ``day`` begins, in UTC.

    Where midnight is skipped by a clock change the day begins at the first instant it has.
    """
    naive = datetime(day.year, day.month, day.day)  # noqa: DTZ001  (made aware below)
    return naive.replace(tzinfo=tz).astimezone(UTC)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A half-open period ``[starts_at, ends_at)`` of instants in UTC."""

    starts_at: datetime
    ends_at: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts_at", utc(self.starts_at))
        object.__setattr__(self, "ends_at", utc(self.ends_at))
        if self.ends_at < self.starts_at:
            raise BadPeriod(f"the period ends ({self.ends_at}) before it starts ({self.starts_at})")

    @classmethod
    def of_local_dates(cls, from_date: date, to_date: date, tz: ZoneInfo) -> "Period":
        """From local midnight of ``from_date`` to that of ``to_date`` (exclusive)."""
        if to_date <= from_date:
            raise BadPeriod(f"the period must end after {from_date}, not at {to_date}")
        return cls(local_midnight(from_date, tz), local_midnight(to_date, tz))

    @classmethod
    def of_slots(cls, first: int, end: int) -> "Period":
        """From the start of slot ``first`` to the start of slot ``end`` (exclusive)."""
        return cls(slot_starts_at(first), slot_starts_at(end))

    def __contains__(self, instant: datetime) -> bool:
        return self.starts_at <= utc(instant) < self.ends_at

    def __bool__(self) -> bool:
        return self.starts_at < self.ends_at

    def intersection(self, other: "Period") -> "Period | None":
        """What both have in common, or None."""
        starts_at = max(self.starts_at, other.starts_at)
        ends_at = min(self.ends_at, other.ends_at)
        return Period(starts_at, ends_at) if starts_at < ends_at else None

    @property
    def slots(self) -> range:
        """The slots of the period; both bounds must lie on the quarter-hour grid."""
        if not (on_grid(self.starts_at) and on_grid(self.ends_at)):
            raise BadPeriod(f"{self} does not begin and end at a quarter-hour")
        return range(slot_at(self.starts_at), slot_at(self.ends_at))

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%dT%H:%M:%SZ}/{self.ends_at:%Y-%m-%dT%H:%M:%SZ}"


@dataclass(frozen=True, slots=True, order=True)
class Dates:
    """A half-open range of local calendar dates; ``to_date`` None means open."""

    from_date: date
    to_date: date | None = None

    def __post_init__(self) -> None:
        if self.to_date is not None and self.to_date <= self.from_date:
            raise BadPeriod(f"the range must end after {self.from_date}, not at {self.to_date}")

    def __contains__(self, day: date) -> bool:
        return self.from_date <= day and (self.to_date is None or day < self.to_date)

    def intersection(self, other: "Dates") -> "Dates | None":
        """What both have in common, or None."""
        from_date = max(self.from_date, other.from_date)
        ends = [end for end in (self.to_date, other.to_date) if end is not None]
        to_date = min(ends) if ends else None
        if to_date is not None and to_date <= from_date:
            return None
        return Dates(from_date, to_date)

    def without(self, taken: "Iterable[Dates]") -> "list[Dates]":
        """What is left of the range where none of ``taken`` is, in order of time."""
        taken = list(taken)
        if self in taken:  # nearly always
            return []
        left = []
        day = self.from_date
        for part in sorted(
            (common for one in taken if (common := self.intersection(one))),
            key=lambda one: one.from_date,
        ):
            if part.from_date > day:
                left.append(Dates(day, part.from_date))
            if part.to_date is None:
                return left
            day = max(day, part.to_date)
        if day != self.to_date:
            left.append(Dates(day, self.to_date))
        return left

    def days(self) -> Iterator[date]:
        """Each local date of the range, which must be closed."""
        assert self.to_date is not None, "an open range has no last day"
        day = self.from_date
        while day < self.to_date:
            yield day
            day += timedelta(days=1)

    def period(self, tz: ZoneInfo) -> Period:
        """The instants of the range, which must be closed."""
        assert self.to_date is not None, "an open range has no end"
        return Period.of_local_dates(self.from_date, self.to_date, tz)

    def __str__(self) -> str:
        return f"{self.from_date} to {self.to_date or 'open'} (exclusive)"


def quarter_hours_of(day: date, tz: ZoneInfo) -> int:
    """How many quarter-hours the local ``day`` has: 96, or 92 and 100 at a clock change."""
    return len(Period.of_local_dates(day, day + timedelta(days=1), tz).slots)
