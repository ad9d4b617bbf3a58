"""What filled gaps: nothing stood there, so no revision tells of it, but the trail does.

An estimate's event is one gap; an edit by hand and an undoing name the runs that they filled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.metering.models import IntervalRevision
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY
from quartier.core.kernel.period import slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series, runs

OF_A_PERSON = {Quality.CORRECTED, Quality.ESTIMATED, Quality.SUBSTITUTED, Quality.MANUAL}
"""The qualities of values that somebody gave, or asked to be estimated."""

ACTIONS = ("intervals.edit", "intervals.estimate", "intervals.undo")
"""What may fill a gap and can be taken back."""

UNDO = "undo"
"""The method of a change that takes another one back."""

Slots = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Filled:
    """What became of the slots that a change filled: ``standing`` int64[n] still have what it
    gave, ``others`` have had another value since."""

    standing: Slots
    others: int


def subject_of(register: Register) -> str:
    """The register, as the trail names it."""
    return f"register {register.pk}"


def gaps_under(site_id: int, register_id: int, series: Sequence[Series]) -> list[range]:
    """The runs of slots where ``series`` of a register have a value and nothing is stored; one
    read."""
    if not series:
        return []
    first, end = min(one.slots.start for one in series), max(one.slots.stop for one in series)
    has_value = np.zeros(end - first, bool)
    for one in series:
        has_value[one.slots.start - first : one.slots.stop - first] |= one.quality != 0
    stored = store.read(site_id, [register_id], first, end).quality[0]
    return [range(first + a, first + b) for a, b in runs(has_value & (stored == 0))]


def as_bounds(slots: Iterable[range]) -> list[list[str]]:
    """Runs of slots for the trail: pairs of the first start and the last end, in UTC."""
    return [
        [slot_starts_at(one.start).isoformat(), slot_starts_at(one.stop).isoformat()]
        for one in slots
    ]


def of_bounds(bounds: Iterable[Sequence[str]]) -> list[range]:
    """The runs of slots that :func:`as_bounds` wrote, in order."""
    instants = [[slot_at(datetime.fromisoformat(str(one))) for one in pair] for pair in bounds]
    return [range(first, end) for first, end in sorted(instants)]


def fills_of(event: Event) -> list[range]:
    """The runs of slots that the change of ``event`` filled, in order."""
    if event.action == "intervals.estimate":
        return of_bounds([(event.data["from"], event.data["to"])])
    return of_bounds(event.data.get("filled", ()))


def fills_at(site: Site, register: Register, known_at: datetime) -> list[range]:
    """The runs of slots of ``register`` that the change of that instant filled, in order."""
    notes = Event.objects.filter(
        site_id=site.pk, action__in=ACTIONS, subject=subject_of(register), at=known_at
    )
    return sorted((one for note in notes for one in fills_of(note)), key=lambda one: one.start)


def fate_of(site: Site, register: Register, known_at: datetime, fills: Sequence[range]) -> Filled:
    """What stands today of ``fills``, the slots that the change of ``known_at`` filled.

    A value that came later is not that of the change, though it may be the same number; one that
    an undoing put back is.
    """
    first, end = fills[0].start, max(one.stop for one in fills)
    now = store.read(site.pk, [register.pk], first, end)
    then = store.read(site.pk, [register.pk], first, end, as_of=known_at)
    filled = np.zeros(end - first, bool)
    for one in fills:
        filled[one.start - first : one.stop - first] = True
    stands = (now.energy_wh[0] == then.energy_wh[0]) & (now.quality[0] == then.quality[0])
    stands &= np.isin(now.quality[0], list(OF_A_PERSON))
    stands &= filled & ~_given_since(site, register, known_at, range(first, end))
    others = filled & ~stands & (now.quality[0] != Quality.MISSING)
    return Filled(np.flatnonzero(stands) + first, int(np.count_nonzero(others)))


def _given_since(
    site: Site, register: Register, known_at: datetime, slots: range
) -> npt.NDArray[np.bool_]:
    """Which of ``slots`` somebody has given a value after ``known_at`` that no undoing took
    back since, bool[n]."""
    days = range(slots.start // DAY, -(-slots.stop // DAY))
    given = np.zeros(len(days) * DAY, bool)
    later = IntervalRevision.objects.filter(
        site_id=site.pk,
        register_id=register.pk,
        known_at__gt=known_at,
        day__gte=days.start,
        day__lt=days.stop,
    ).order_by("revision")
    for day, changed, method in later.values_list("day", "slots", "method").iterator():
        at = np.frombuffer(bytes(changed), np.uint8).astype(np.int64)
        given[(day - days.start) * DAY + at] = method != UNDO
    given = given[slots.start - days.start * DAY :][: len(slots)]
    notes = Event.objects.filter(
        site_id=site.pk,
        action__in=[one for one in ACTIONS if one != "intervals.undo"],
        subject=subject_of(register),
        at__gt=known_at,
    )
    for note in notes.iterator():
        for one in fills_of(note):
            given[max(one.start - slots.start, 0) : max(one.stop - slots.start, 0)] = True
    return given
