"""The way back from a change: what stood before stands again, and what it filled is a gap again.

The history loses nothing: going back is a change like any other and leaves a revision, so it can
itself be taken back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction

from quartier.apps.audit.models import Event
from quartier.apps.audit.operations import record
from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.metering.blocks import lock_site
from quartier.apps.metering.fills import (
    UNDO,
    Slots,
    as_bounds,
    fate_of,
    fills_at,
    gaps_under,
    of_bounds,
    subject_of,
)
from quartier.apps.metering.models import IntervalRevision
from quartier.apps.metering.operations import BadEdit
from quartier.apps.metering.store import Written
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY
from quartier.core.kernel.period import slot_starts_at, utc
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
    if not series:
        return []
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

    Values and qualities that it replaced stand again, over newer ones too. What it filled, by an
    estimate or by hand, is missing again where that still stands; and what going back made
    missing is there again, where nothing else came. ``kept`` counts what stays.

    One transaction; the trail says nothing where nothing changes. Raises :class:`NoSuchChange`,
    :class:`BadEdit` and what ``store.write`` raises.
    """
    reason = " ".join(reason.split())
    for name, value in (("a reason", reason), ("a user", actor.strip())):
        if not value:
            raise BadEdit(f"an edit needs {name}")
    if len(reason) > REASON_LENGTH or not reason.isprintable():
        raise BadEdit(f"the reason is not a text of at most {REASON_LENGTH} characters; shorten it")
    change: Any = {
        "source": "edit", "method": UNDO, "reason": reason, "actor": actor, "known_at": at,
    }  # fmt: skip
    with transaction.atomic():
        lock_site(site.pk)
        replaced, erased = values_before(site, register, known_at)
        fills = fills_at(site, register, known_at)
        touched = [one.slots for one in (*replaced, *erased)] + fills
        if not touched:
            raise NoSuchChange(f"{register} has no change at {known_at}")
        filled = gaps_under(site.pk, register.pk, [*replaced, *erased])
        parts = [
            store.write(site.pk, replaced, **change),
            store.write(site.pk, erased, fill_only=True, **change),
        ]
        gone: list[range] = []
        if fills:
            fate = fate_of(site, register, known_at, fills)
            parts.append(store.erase(site.pk, register.pk, fate.standing, **change))
            gone = [range(first, end) for _, first, end in parts[-1].revised_slots]
            parts[-1].kept = fate.others
        written = _summed(parts)
        if written.changed:
            record(
                "intervals.undo",
                actor,
                at=utc(at),
                organisation_id=site.organisation_id,
                site_id=site.pk,
                subject=subject_of(register),
                data={
                    "from": slot_starts_at(min(one.start for one in touched)).isoformat(),
                    "to": slot_starts_at(max(one.stop for one in touched)).isoformat(),
                    "of": utc(known_at).isoformat(),
                    "filled": as_bounds(filled),
                    "gone": as_bounds(gone),
                    "erased": written.erased,
                    "reason": reason,
                },
            )
    return written


def values_before(
    site: Site, register: Register, known_at: datetime
) -> tuple[list[Series], list[Series]]:
    """What stood before the change of ``known_at``: where it put another value, and where it
    made a value missing, as going back from an estimate does."""
    series = old_values(register.pk, changes_at(site, register, known_at))
    if not series:
        return [], []
    notes = Event.objects.filter(
        site_id=site.pk, action="intervals.undo", subject=subject_of(register), at=known_at
    )
    runs_gone = [one for note in notes for one in of_bounds(note.data.get("gone", ()))]
    gone = np.concatenate([np.arange(one.start, one.stop) for one in (range(0), *runs_gone)])
    return _parted(series, gone)


def _parted(series: Sequence[Series], slots: Slots) -> tuple[list[Series], list[Series]]:
    """``series`` outside of ``slots``, and inside."""
    outside: list[Series] = []
    inside: list[Series] = []
    for one in series:
        is_in = np.isin(np.arange(one.slots.start, one.slots.stop), slots)
        for part, mask in ((outside, ~is_in), (inside, is_in)):
            part += [
                Series(one.register_id, one.first_slot + a, one.energy_wh[a:b], one.quality[a:b])
                for a, b in runs(mask)
            ]
    return outside, inside


def _summed(parts: Sequence[Written]) -> Written:
    """What writes of different slots did together."""
    return Written(
        filled=sum(one.filled for one in parts),
        revised=sum(one.revised for one in parts),
        unchanged=sum(one.unchanged for one in parts),
        kept=sum(one.kept for one in parts),
        erased=sum(one.erased for one in parts),
        findings=[finding for one in parts for finding in one.findings],
        revised_slots=sorted(run for one in parts for run in one.revised_slots),
    )
