"""The way back from a change: what stood before stands again, and an estimate is a gap again.

The history loses nothing: going back is a change like any other and leaves a revision, so it can
itself be taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import transaction

from quartier.apps.audit.models import Event
from quartier.apps.audit.operations import record
from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.metering.blocks import lock_site
from quartier.apps.metering.models import IntervalRevision
from quartier.apps.metering.operations import BadEdit
from quartier.apps.metering.store import Written
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY
from quartier.core.kernel.period import slot_at, slot_starts_at, utc
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series, runs

REASON_LENGTH = 500


class NoSuchChange(LookupError):
    """The register has no change at that instant."""


def changes_at(site: Site, register: Register, known_at: datetime) -> list[IntervalRevision]:
    """The revisions that one change of ``register`` left, a block each, in order of their day."""
    rows = IntervalRevision.objects.filter(
        site_id=site.pk, register_id=register.pk, known_at=known_at
    )
    return list(rows.order_by("day", "-revision"))


def old_values(register_id: int, revisions: Sequence[IntervalRevision]) -> list[Series]:
    """The values before ``revisions`` as series without holes."""
    found = []
    for row in revisions:
        slots = np.frombuffer(bytes(row.slots), np.uint8)
        energy_wh = np.full(DAY, 0, np.int64)
        quality = np.zeros(DAY, np.uint8)
        energy_wh[slots] = np.frombuffer(bytes(row.old_energy), "<i4")
        quality[slots] = np.frombuffer(bytes(row.old_quality), np.uint8)
        found += [
            Series(register_id, row.day * DAY + first, energy_wh[first:end], quality[first:end])
            for first, end in runs(quality != 0)
        ]
    return found


def estimates_at(site: Site, register: Register, known_at: datetime) -> list[range]:
    """The slots of each gap of ``register`` that was estimated at that instant, in order."""
    notes = Event.objects.filter(
        site_id=site.pk, action="intervals.estimate", subject=_subject(register), at=known_at
    )
    bounds = [
        [slot_at(datetime.fromisoformat(str(one.data[end]))) for end in ("from", "to")]
        for one in notes
    ]
    return [range(first, end) for first, end in sorted(bounds)]


def standing(
    site: Site, register: Register, known_at: datetime, gaps: Sequence[range]
) -> npt.NDArray[np.int64]:
    """Those slots of ``gaps`` that still have what was estimated at ``known_at``, int64[n]."""
    first, end = gaps[0].start, max(one.stop for one in gaps)
    now = store.read(site.pk, [register.pk], first, end)
    then = store.read(site.pk, [register.pk], first, end, as_of=known_at)
    is_same = (now.energy_wh[0] == then.energy_wh[0]) & (now.quality[0] == then.quality[0])
    is_same &= np.isin(now.quality[0], (Quality.ESTIMATED, Quality.SUBSTITUTED))
    slots = np.flatnonzero(is_same) + first
    return slots[np.isin(slots, np.concatenate([np.arange(one.start, one.stop) for one in gaps]))]


@dataclass(frozen=True, slots=True)
class Newer:
    """A later change of quarter-hours that going back would overwrite: ``count`` of those within
    ``[first_slot, end_slot)``."""

    known_at: datetime
    first_slot: int
    end_slot: int
    count: int


def newer_changes(
    site: Site, register: Register, known_at: datetime, series: Sequence[Series]
) -> list[Newer]:
    """The changes after ``known_at`` of the slots of ``series``, the latest first; one query."""
    slots = np.concatenate([np.arange(one.slots.start, one.slots.stop) for one in series])
    rows = IntervalRevision.objects.filter(
        site_id=site.pk,
        register_id=register.pk,
        known_at__gt=known_at,
        day__gte=int(slots.min()) // DAY,
        day__lte=int(slots.max()) // DAY,
    )
    found: dict[datetime, Newer] = {}
    for later_at, day, changed in rows.values_list("known_at", "day", "slots").iterator():
        at = np.frombuffer(bytes(changed), np.uint8).astype(np.int64) + day * DAY
        at = at[np.isin(at, slots)]
        if not len(at):
            continue
        first, end = int(at[0]), int(at[-1]) + 1
        one = found.get(later_at, Newer(later_at, first, end, 0))
        found[later_at] = Newer(
            later_at, min(one.first_slot, first), max(one.end_slot, end), one.count + len(at)
        )
    return sorted(found.values(), key=lambda one: one.known_at, reverse=True)


def undo_change(
    site: Site, register: Register, known_at: datetime, *, reason: str, actor: str, at: datetime
) -> Written:
    """Put back what stood before the change of ``known_at``.

    Values and qualities that it replaced stand again, over newer ones too. What it estimated is
    missing again, where the estimate still stands; and what going back from an estimate made
    missing is that estimate again, where nothing else came. ``kept`` counts what stays.

    One transaction; the trail says nothing where nothing changes. Raises :class:`NoSuchChange`,
    :class:`BadEdit` and what ``store.write`` raises.
    """
    reason = " ".join(reason.split())
    for name, value in (("a reason", reason), ("a user", actor.strip())):
        if not value:
            raise BadEdit(f"an edit needs {name}")
    if len(reason) > REASON_LENGTH or not reason.isprintable():
        raise BadEdit(f"the reason is not a text of at most {REASON_LENGTH} characters; shorten it")
    change: Any = {"source": "edit", "method": "undo", "reason": reason, "actor": actor}
    with transaction.atomic():
        lock_site(site.pk)
        series = old_values(register.pk, changes_at(site, register, known_at))
        gaps = [] if series else estimates_at(site, register, known_at)
        if series:
            fill_only = has_erased(site, register, known_at)
            written = store.write(site.pk, series, known_at=at, fill_only=fill_only, **change)
        elif gaps:
            slots = standing(site, register, known_at, gaps)
            written = store.erase(site.pk, register.pk, slots, known_at=at, **change)
            written.kept = sum(len(one) for one in gaps) - len(slots)
        else:
            raise NoSuchChange(f"{register} has no change at {known_at}")
        touched = [one.slots for one in series] or gaps
        if written.changed:
            record(
                "intervals.undo",
                actor,
                at=utc(at),
                organisation_id=site.organisation_id,
                site_id=site.pk,
                subject=_subject(register),
                data={
                    "from": slot_starts_at(touched[0].start).isoformat(),
                    "to": slot_starts_at(touched[-1].stop).isoformat(),
                    "of": utc(known_at).isoformat(),
                    "erased": written.erased,
                    "reason": reason,
                },
            )
    return written


def has_erased(site: Site, register: Register, known_at: datetime) -> bool:
    """Whether the change of ``known_at`` took an estimate back."""
    notes = Event.objects.filter(
        site_id=site.pk, action="intervals.undo", subject=_subject(register), at=known_at
    )
    return any(one.data.get("erased") for one in notes)


def _subject(register: Register) -> str:
    return f"register {register.pk}"
