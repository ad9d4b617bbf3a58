"""Revisions of interval blocks: appended by ``store``, undone to read what was known earlier."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db.models import Max

from quartier.apps.metering.blocks import Blocks
from quartier.apps.metering.models import IntervalRevision
from quartier.core.metering.intervals import Energies, Qualities

_BATCH = 500


def append(
    site_id: int, old: Blocks, changed: npt.NDArray[np.bool_], change: Mapping[str, Any]
) -> None:
    """Keep the values of ``old`` under ``changed`` bool[N, 96] as the next revision of each block.

    ``change`` holds the fields source, known_at, reason, method and actor. A block's revisions
    stay in the order of their ``known_at``: a clock that went back does not reorder history.
    """
    rows = np.flatnonzero(changed.any(axis=1)).tolist()
    last = _last(site_id, old.take(np.array(rows)))
    revisions = []
    for row in rows:
        register_id, day = int(old.register_id[row]), int(old.day[row])
        number, known_at = last.get((register_id, day), (0, None))
        slots = np.flatnonzero(changed[row]).astype(np.uint8)
        revisions.append(
            IntervalRevision(
                site_id=site_id,
                day=day,
                register_id=register_id,
                revision=number + 1,
                slots=slots.tobytes(),
                old_energy=old.energy_wh[row][slots].astype("<i4").tobytes(),
                old_quality=old.quality[row][slots].tobytes(),
                **{**change, "known_at": max(known_at or change["known_at"], change["known_at"])},
            )
        )
    IntervalRevision.objects.bulk_create(revisions, batch_size=_BATCH)


def _last(site_id: int, blocks: Blocks) -> dict[tuple[int, int], tuple[int, datetime]]:
    """The number and instant of the last revision of each block that has one."""
    rows = (
        IntervalRevision.objects.filter(
            site_id=site_id,
            day__gte=int(blocks.day.min()),
            day__lte=int(blocks.day.max()),
        )
        .order_by()
        .values_list("register_id", "day")
        .annotate(number=Max("revision"), latest_at=Max("known_at"))
    )
    return {(register_id, day): (number, at) for register_id, day, number, at in rows}


def undo(
    site_id: int,
    register_ids: Sequence[int],
    first_day: int,
    end_day: int,
    as_of: datetime,
    energy_wh: Energies,
    quality: Qualities,
) -> None:
    """Put back into ``energy_wh`` and ``quality`` [n, days, 96] what was known at ``as_of``."""
    rows = {register_id: row for row, register_id in enumerate(register_ids)}
    later = (
        IntervalRevision.objects.filter(
            site_id=site_id, day__gte=first_day, day__lt=end_day, known_at__gt=as_of
        )
        .order_by("-revision")
        .values_list("register_id", "day", "slots", "old_energy", "old_quality")
    )
    for register_id, day, slots, old_energy, old_quality in later.iterator():
        row = rows.get(register_id)
        if row is not None:
            at = np.frombuffer(slots, np.uint8)
            energy_wh[row, day - first_day, at] = np.frombuffer(old_energy, "<i4")
            quality[row, day - first_day, at] = np.frombuffer(old_quality, np.uint8)
