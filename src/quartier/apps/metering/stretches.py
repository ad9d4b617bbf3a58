"""Runs of quarter-hours of one quality: gaps, and what was estimated, substituted or entered."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import numpy as np
from django.db.models import Max, Min

from quartier.apps.equipment.models import Meter, Register
from quartier.apps.equipment.queries import meters_of
from quartier.apps.metering import store
from quartier.apps.metering.models import IntervalBlock
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY
from quartier.core.kernel.period import slot_at
from quartier.core.kernel.quality import Quality

QUESTIONED = (
    Quality.MISSING,
    Quality.ESTIMATED,
    Quality.SUBSTITUTED,
    Quality.MANUAL,
    Quality.TEMPORARY,
)


@dataclass(frozen=True, slots=True)
class Stretch:
    """``[first_slot, end_slot)`` of a register have one quality; ``energy_wh`` is their sum (Wh or
    litres), None for a gap. ``since_slot`` is where the newest data of the register ends if this
    is the time after it: nothing is to be mended there before the next data comes."""

    meter: Meter
    register: Register
    quality: Quality
    first_slot: int
    end_slot: int
    energy_wh: int | None
    since_slot: int | None = None

    @property
    def length(self) -> int:
        """Its quarter-hours."""
        return self.end_slot - self.first_slot


def stretches_in(
    site: Site, slots: range, *, due_slot: int, qualities: Collection[Quality] = QUESTIONED
) -> list[Stretch]:
    """The stretches of ``qualities`` of the enabled meters within ``slots``, in order of time.

    Nothing is missing from ``due_slot`` on, nor before a meter was there: its device, its
    assignment or its first value, whichever came first; nor after its last device was removed. A
    register that never had a value counts
    only where it is the one that its meter stands for. A constant number of queries.
    """
    pairs = [
        (meter, register)
        for meter in meters_of(site)
        if meter.source != Meter.Source.VIRTUAL
        for register in meter.registers.all()
    ]
    ids = [register.pk for _meter, register in pairs]
    bounds = (
        IntervalBlock.objects.filter(site_id=site.pk, register_id__in=ids)
        .order_by()
        .values("register_id")
        .annotate(first=Min("day"), last=Max("day"))
        .values_list("register_id", "first", "last")
    )
    # To the end of the last UTC day, whose blocks are read anyhow: what comes after ``slots``.
    end_of_read = -(-slots.stop // DAY) * DAY
    read = store.read(site.pk, ids, slots.start, end_of_read)
    tz = ZoneInfo(site.timezone)
    spans = {register_id: (first, last) for register_id, first, last in bounds}
    found: list[Stretch] = []
    ends = _ends_of(site, {register_id: last for register_id, (_, last) in spans.items()})
    silent: set[int] = set()
    for row, (meter, register) in enumerate(pairs):
        first_value, last_value = spans.get(register.pk, (None, None))
        if first_value is None and register.direction != _own_direction(meter):
            continue
        first = _there_since(meter, None if first_value is None else first_value * DAY, tz)
        end = _there_until(meter, due_slot)
        quality, energy_wh = read.quality[row, : len(slots)], read.energy_wh[row]
        edges = np.flatnonzero(np.diff(quality)) + 1
        for begin, after in zip([0, *edges.tolist()], [*edges.tolist(), len(quality)], strict=True):
            if begin == after:
                continue
            code = Quality(int(quality[begin]))
            if code not in qualities:
                continue
            start, stop = slots.start + begin, slots.start + after
            if code == Quality.MISSING:
                start, stop = max(start, first), min(stop, due_slot, end)
                if start >= stop:
                    continue
                if (
                    last_value is not None
                    and stop == min(slots.stop, due_slot)
                    and end == due_slot
                    and (last_value + 1) * DAY <= end_of_read
                    and not read.quality[row, stop - slots.start :].any()
                ):
                    silent.add(register.pk)
            total = None if code == Quality.MISSING else int(energy_wh[begin:after].sum())
            found.append(Stretch(meter, register, code, start, stop, total))
    found = [
        replace(one, since_slot=ends[one.register.pk])
        if one.quality == Quality.MISSING
        and one.register.pk in silent & ends.keys()
        and one.first_slot >= ends[one.register.pk]
        else one
        for one in found
    ]
    return sorted(found, key=lambda one: (one.first_slot, one.meter.ref, one.register.direction))


def _ends_of(site: Site, last_days: dict[int, int]) -> dict[int, int]:
    """The slot after the last value of each register whose last block is of that day; one query."""
    rows = IntervalBlock.objects.filter(
        site_id=site.pk, register_id__in=last_days, day__in=set(last_days.values())
    ).values_list("register_id", "day", "quality")
    ends: dict[int, int] = {}
    for register_id, day, quality in rows.iterator():
        known = np.flatnonzero(np.frombuffer(bytes(quality), np.uint8))
        if day == last_days[register_id] and len(known):
            ends[register_id] = day * DAY + int(known[-1]) + 1
    return ends


def _own_direction(meter: Meter) -> str:
    is_plant = meter.mode == Meter.Mode.PRODUCTION
    return Register.Direction.EXPORT if is_plant else Register.Direction.IMPORT


def _there_since(meter: Meter, first_value: int | None, tz: ZoneInfo) -> int:
    known = [] if first_value is None else [first_value]
    known += [slot_at(one.installed_at) for one in meter.devices.all()]
    known += [
        slot_at(datetime.combine(one.starts_date, time(), tz)) for one in meter.assignments.all()
    ]
    return min(known, default=0)


def _there_until(meter: Meter, due_slot: int) -> int:
    removed = [one.removed_at for one in meter.devices.all()]
    known = [slot_at(at) for at in removed if at is not None]
    return max(known) if known and len(known) == len(removed) else due_slot
