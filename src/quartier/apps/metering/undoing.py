"""The way back from a change of known values: what stood before stands again.

Nothing is taken away: going back is a change like any other and leaves a revision, so it can
itself be taken back. A filled gap has no earlier value and therefore no way back.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
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


def undo_change(
    site: Site, register: Register, known_at: datetime, *, reason: str, actor: str, at: datetime
) -> Written:
    """Put back the values and qualities that the change of ``known_at`` replaced.

    One transaction; the trail says nothing where nothing changes. Raises :class:`NoSuchChange`,
    :class:`BadEdit` and what ``store.write`` raises.
    """
    reason = " ".join(reason.split())
    for name, value in (("a reason", reason), ("a user", actor.strip())):
        if not value:
            raise BadEdit(f"an edit needs {name}")
    if len(reason) > REASON_LENGTH or not reason.isprintable():
        raise BadEdit(f"the reason is not a text of at most {REASON_LENGTH} characters; shorten it")
    revisions = changes_at(site, register, known_at)
    if not revisions:
        raise NoSuchChange(f"{register} has no change at {known_at}")
    series = old_values(register.pk, revisions)
    with transaction.atomic():
        written = store.write(
            site.pk, series, source="edit", known_at=at, method="undo", reason=reason, actor=actor
        )
        if written.changed:
            record(
                "intervals.undo",
                actor,
                at=utc(at),
                organisation_id=site.organisation_id,
                site_id=site.pk,
                subject=f"register {register.pk}",
                data={
                    "from": slot_starts_at(series[0].slots.start).isoformat(),
                    "to": slot_starts_at(series[-1].slots.stop).isoformat(),
                    "of": utc(known_at).isoformat(),
                    "reason": reason,
                },
            )
    return written
