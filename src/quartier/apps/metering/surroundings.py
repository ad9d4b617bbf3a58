"""Which stored readings tell all that changes with new ones: those around them.

New readings change the spread from the reading before them to the one after, and so the
quarter-hours in which these two stand; a few more readings around tell whether those can be
trusted. Of readings near one boundary only the nearest counts, so all of them are needed.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import OuterRef, QuerySet, Subquery

from quartier.apps.equipment.models import Register
from quartier.apps.metering.models import Reading
from quartier.apps.metering.taken_back import Stored
from quartier.core.kernel.period import QUARTER_SECONDS, slot_at, slot_starts_at
from quartier.core.metering.boundaries import BOUNDARY_SECONDS, rivals

_QUARTER = timedelta(seconds=QUARTER_SECONDS)
_NEAR = timedelta(seconds=BOUNDARY_SECONDS)
_AROUND = 3
"""Readings before and after new ones that may change what can be told from them."""

_MARGINS = (timedelta(hours=2), timedelta(days=10))
"""How far around new readings to look at first: enough for meters that are read each quarter-hour,
and for those that are read each day. Others are asked for one by one."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The readings of a register to convert, by time, and the instant of the last one before."""

    readings: Sequence[Stored]
    earlier_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """All instants of a register in a range, by time, and the nearest ones outside of it."""

    instants: Sequence[datetime]
    earlier_at: datetime | None
    later_at: datetime | None


def surroundings(
    site_id: int, new: Mapping[int, Sequence[datetime]]
) -> Iterable[tuple[int, Surroundings]]:
    """The surroundings of ``new``, instants of stored readings by register id.

    The number of queries grows with the days to which the new readings belong, not with the
    registers, where these are read each quarter-hour or each day.
    """
    left = {pk: (min(instants), max(instants)) for pk, instants in new.items() if instants}
    for margin in _MARGINS:
        for alike in _of_the_same_days(left):
            for pk, found in _around(site_id, alike, margin):
                del left[pk]
                yield pk, found
    for pk, (first, last) in left.items():
        yield pk, _one(site_id, pk, first, last)


def _of_the_same_days(
    spans: Mapping[int, tuple[datetime, datetime]],
) -> Iterable[dict[int, tuple[datetime, datetime]]]:
    groups: dict[object, dict[int, tuple[datetime, datetime]]] = defaultdict(dict)
    for pk, (first, last) in spans.items():
        groups[first.date(), last.date()][pk] = (first, last)
    return groups.values()


def _around(
    site_id: int, spans: Mapping[int, tuple[datetime, datetime]], margin: timedelta
) -> Iterable[tuple[int, Surroundings]]:
    """The surroundings of those registers for which ``margin`` is enough."""
    low = min(first for first, _ in spans.values()) - margin
    high = max(last for _, last in spans.values()) + margin
    readings: dict[int, list[Stored]] = defaultdict(list)
    rows = Reading.objects.filter(
        site_id=site_id, register_id__in=spans, read_at__gte=low, read_at__lte=high
    ).order_by("register_id", "read_at", "source")
    for pk, *row in rows.values_list("register_id", *Stored.__dataclass_fields__):
        readings[pk].append(Stored(*row))
    every = Reading.objects.filter(site_id=site_id, register_id=OuterRef("pk"))
    nearest = Register.objects.filter(pk__in=spans).order_by()
    outside = nearest.annotate(
        earlier_at=Subquery(_latest(every.filter(read_at__lt=low)).values("read_at")[:1]),
        later_at=Subquery(_earliest(every.filter(read_at__gt=high)).values("read_at")[:1]),
    )
    for pk, earlier_at, later_at in outside.values_list("pk", "earlier_at", "later_at"):
        instants = [one.read_at for one in readings[pk]]
        window = _window(_Seen(instants, earlier_at, later_at), *spans[pk])
        if window is not None:
            begin, end = bisect_left(instants, window[0]), bisect_right(instants, window[1])
            last_before = instants[begin - 1] if begin else earlier_at
            yield pk, Surroundings(readings[pk][begin:end], last_before)


def _window(seen: _Seen, first: datetime, last: datetime) -> tuple[datetime, datetime] | None:
    """From when to when, both included, readings are needed for new ones from ``first`` to
    ``last``; None where that cannot be told from what was ``seen``."""
    instants = seen.instants
    before = bisect_left(instants, first - 2 * _NEAR) - 1
    after = bisect_right(instants, last + 2 * _NEAR)
    if (before < 0 and seen.earlier_at) or (after == len(instants) and seen.later_at):
        return None
    begin, end = _changed(
        first,
        last,
        instants[before] if before >= 0 else None,
        instants[after] if after < len(instants) else None,
    )
    earlier, later = bisect_left(instants, begin), bisect_right(instants, end)
    if (earlier < _AROUND and seen.earlier_at) or (
        len(instants) - later < _AROUND and seen.later_at
    ):
        return None
    start, stop = _widened(
        begin,
        end,
        instants[max(earlier - _AROUND, 0) : earlier],
        instants[later : later + _AROUND],
    )
    if (seen.earlier_at is not None and seen.earlier_at >= start) or (
        seen.later_at is not None and seen.later_at <= stop
    ):
        return None
    return start, stop


def _changed(
    first: datetime, last: datetime, before: datetime | None, after: datetime | None
) -> tuple[datetime, datetime]:
    """Between which instants quarter-hours change, given the readings next to the new ones."""
    begin = first if before is None else slot_starts_at(slot_at(before))
    end = last if after is None else slot_starts_at(slot_at(after)) + _QUARTER
    return begin - 2 * _NEAR, end + 2 * _NEAR


def _widened(
    begin: datetime, end: datetime, before: Sequence[datetime], after: Sequence[datetime]
) -> tuple[datetime, datetime]:
    """The window with the readings ``before`` and ``after`` it, by time, and their rivals."""
    return (
        rivals(before[0])[0] if before else begin,
        rivals(after[-1])[1] if after else end,
    )


def _one(site_id: int, register_id: int, first: datetime, last: datetime) -> Surroundings:
    """The surroundings of new readings of one register, however far away they are."""
    every = Reading.objects.filter(site_id=site_id, register_id=register_id)
    before = _latest(every.filter(read_at__lt=first - 2 * _NEAR))
    after = _earliest(every.filter(read_at__gt=last + 2 * _NEAR))
    begin, end = _changed(
        first,
        last,
        before.values_list("read_at", flat=True).first(),
        after.values_list("read_at", flat=True).first(),
    )
    earlier = _latest(every.filter(read_at__lt=begin)).values_list("read_at", flat=True)
    later = _earliest(every.filter(read_at__gt=end)).values_list("read_at", flat=True)
    window = _widened(begin, end, list(earlier[:_AROUND])[::-1], list(later[:_AROUND]))
    rows = every.filter(read_at__gte=window[0], read_at__lte=window[1]).order_by(
        "read_at", "source"
    )
    last_before = _latest(every.filter(read_at__lt=window[0]))
    return Surroundings(
        [Stored(*row) for row in rows.values_list(*Stored.__dataclass_fields__)],
        last_before.values_list("read_at", flat=True).first(),
    )


def _latest(rows: "QuerySet[Reading]") -> "QuerySet[Reading]":
    return rows.order_by("-read_at")


def _earliest(rows: "QuerySet[Reading]") -> "QuerySet[Reading]":
    return rows.order_by("read_at")
