"""Dates and times of meters (EN 13757-3, data types F, G, I, J).

They have no zone: it is the meter's own clock, in most meters standard time all year. What is no
date raises :class:`NotADate`; nothing is guessed.
"""

from datetime import date, datetime, time


class NotADate(Exception):
    """The bytes are no instant; the text says what they are."""


def date_of(low_first: bytes) -> date | datetime | time:
    """The date (2 bytes), time (3) or date and time (4 or 6) in ``low_first``.

    Raises :class:`NotADate`, also where the meter marks its own clock as wrong.
    """
    if len(low_first) == 2:
        return _date(low_first[0], low_first[1], 0)
    if len(low_first) == 3:
        return _time(low_first[2], low_first[1], low_first[0])
    if len(low_first) == 4:
        minute, hour, day, month = low_first
        return _instant(minute, hour, _date(day, month, hour >> 5 & 3))
    if len(low_first) == 6:
        second, minute, hour, day, month, _ = low_first
        return _instant(minute, hour, _date(day, month, 0), second & 0x3F)
    raise NotADate(f"{len(low_first)} bytes are no date")


def is_summer_time(low_first: bytes) -> bool | None:
    """Whether the meter says that its clock shows summer time; ``None`` if it does not say."""
    return bool(low_first[1] & 0x80) if len(low_first) == 4 else None


def _instant(minute: int, hour: int, day: date, second: int = 0) -> datetime:
    if minute & 0x80:
        raise NotADate(f"the meter marks its time as invalid ({day})")
    return datetime.combine(day, _time(hour & 0x1F, minute & 0x3F, second))


def _time(hour: int, minute: int, second: int) -> time:
    try:
        return time(hour, minute, second)
    except ValueError:
        raise NotADate(f"{hour:02d}:{minute:02d}:{second:02d} is no time") from None


def _date(day_byte: int, month_byte: int, hundred: int) -> date:
    day, month = day_byte & 0x1F, month_byte & 0x0F
    year = day_byte >> 5 | (month_byte & 0xF0) >> 1
    if year > 99:
        raise NotADate(f"{year:02d}-{month:02d}-{day:02d} is no date")
    if hundred:
        year += 1900 + 100 * hundred
    else:  # devices from before the century was sent
        year += 2000 if year <= 80 else 1900
    try:
        return date(year, month, day)
    except ValueError:
        raise NotADate(f"{year:04d}-{month:02d}-{day:02d} is no date") from None
