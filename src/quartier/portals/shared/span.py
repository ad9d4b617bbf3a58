"""The span of time that a chart shows, and its parts on local clocks.

A span is a local day, week, month, quarter or year, or two dates. Its parts are quarter-hours for
a day, hours for a week, days for a month and a quarter, months for a year: never more than a
screen has pixels for. Parts follow local midnights, so a day has 92, 96 or 100 quarter-hours.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from quartier.core.kernel.period import local_midnight, slot_at, slot_starts_at
from quartier.portals.shared import formats

KINDS = ("day", "week", "month", "quarter", "year")
CUSTOM = "custom"
LONGEST_DAYS = 5 * 366
_DAYS_AS_HOURS = 10
_DAYS_AS_DAYS = 124


class BadSpan(ValueError):
    """The address names no span of time that can be shown."""


@dataclass(frozen=True, slots=True)
class Span:
    """Local dates ``[from_date, to_date)`` shown as ``kind``."""

    kind: str
    from_date: date
    to_date: date
    tz: ZoneInfo

    @property
    def slots(self) -> range:
        """Its quarter-hours."""
        return range(
            slot_at(local_midnight(self.from_date, self.tz)),
            slot_at(local_midnight(self.to_date, self.tz)),
        )

    @property
    def step(self) -> str:
        """What one part is: quarter, hour, day or month."""
        days = (self.to_date - self.from_date).days
        if days <= 1:
            return "quarter"
        if days <= _DAYS_AS_HOURS:
            return "hour"
        return "day" if days <= _DAYS_AS_DAYS else "month"

    @property
    def title(self) -> str:
        """The span in words."""
        first = self.from_date
        if self.kind == "day":
            return f"{date_format(first, 'D')} {formats.day(first)}"
        if self.kind == "month":
            return date_format(first, "F Y")
        if self.kind == "quarter":
            return _("Q%(number)d %(year)d") % {
                "number": (first.month + 2) // 3,
                "year": first.year,
            }
        if self.kind == "year":
            return str(first.year)
        last = self.to_date - timedelta(days=1)
        return f"{formats.day(first)} – {formats.day(last)}"

    def moved(self, by: int) -> date:
        """A date in the span ``by`` spans later."""
        if self.kind in ("month", "quarter", "year"):
            months = {"month": 1, "quarter": 3, "year": 12}[self.kind] * by
            return _month(self.from_date, months)
        return self.from_date + (self.to_date - self.from_date) * by


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a span: ``edges`` are n + 1 slots, the others have n texts."""

    edges: tuple[int, ...]
    labels: tuple[str, ...]
    titles: tuple[str, ...]
    starts_at: tuple[datetime, ...]


def _month(day: date, by: int) -> date:
    months = day.year * 12 + day.month - 1 + by
    if not 12 <= months < 9999 * 12:
        raise BadSpan(f"{day} plus {by} months")
    return date(months // 12, months % 12 + 1, 1)


def span_of(kind: str, day: date, tz: ZoneInfo) -> Span:
    """The day, week (from Monday), month, quarter or year that contains ``day``."""
    if not 1900 <= day.year <= 2200:
        raise BadSpan(f"{day}")
    if kind == "day":
        return Span(kind, day, day + timedelta(days=1), tz)
    if kind == "week":
        first = day - timedelta(days=day.weekday())
        return Span(kind, first, first + timedelta(days=7), tz)
    first = day.replace(day=1)
    if kind == "month":
        return Span(kind, first, _month(first, 1), tz)
    if kind == "quarter":
        first = _month(first, -((first.month - 1) % 3))
        return Span(kind, first, _month(first, 3), tz)
    if kind == "year":
        first = first.replace(month=1)
        return Span(kind, first, _month(first, 12), tz)
    raise BadSpan(f"{kind!r} is no range; one of: {', '.join(KINDS)}")


def custom(from_date: date, to_date: date, tz: ZoneInfo) -> Span:
    """Two local dates, the second exclusive."""
    if not timedelta(0) < to_date - from_date <= timedelta(days=LONGEST_DAYS):
        raise BadSpan(f"from {from_date} to {to_date}")
    return Span(CUSTOM, from_date, to_date, tz)


def parts_of(span: Span) -> Parts:
    """The parts of ``span`` on local clocks."""
    if span.step in ("quarter", "hour"):
        return _of_hours(span, 1 if span.step == "quarter" else 4)
    days = [span.from_date]
    while days[-1] < span.to_date:
        after = days[-1] + timedelta(days=1) if span.step == "day" else _month(days[-1], 1)
        days.append(min(after, span.to_date))
    edges = tuple(slot_at(local_midnight(day, span.tz)) for day in days)
    first = days[:-1]
    if span.step == "month":
        labels = tuple(date_format(day, "M") for day in first)
        titles = tuple(date_format(day, "F Y") for day in first)
    else:
        is_long = len(first) > 31
        labels = tuple(f"{day.day}.{day.month}." if is_long else str(day.day) for day in first)
        titles = tuple(f"{date_format(day, 'D')} {formats.day(day)}" for day in first)
    return Parts(edges, labels, titles, tuple(slot_starts_at(edge) for edge in edges[:-1]))


def _of_hours(span: Span, step: int) -> Parts:
    slots = span.slots
    edges = (*range(slots.start, slots.stop, step), slots.stop)
    starts = tuple(slot_starts_at(edge) for edge in edges[:-1])
    here = [start.astimezone(span.tz) for start in starts]
    ends = [slot_starts_at(edge).astimezone(span.tz) for edge in edges[1:]]
    if step == 1:
        labels = tuple(f"{at:%H:%M}" for at in here)
    else:
        labels = tuple(
            f"{date_format(at.date(), 'D')} {at.day}." if at.hour == 0 else f"{at:%H:%M}"
            for at in here
        )
    titles = tuple(
        f"{date_format(at.date(), 'D')} {formats.day(at.date())} "
        f"{formats.clock(at)}–{formats.clock(end)}"
        for at, end in zip(here, ends, strict=True)
    )
    return Parts(edges, labels, titles, starts)
