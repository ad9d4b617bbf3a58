"""What was done to quarter-hours: when, by whom, why, and what stood there before."""

from datetime import datetime
from typing import Any

import numpy as np
from django.core.paginator import Page
from django.urls import reverse
from django.utils.http import urlencode

from quartier.apps.access.permissions import Permission
from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import Register
from quartier.apps.metering.fills import ACTIONS, UNDO, fills_of, subject_of
from quartier.apps.metering.models import IntervalRevision
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY
from quartier.core.kernel.period import slot_starts_at
from quartier.portals.operator.quality import until
from quartier.portals.shared import formats
from quartier.portals.shared.gate import Visit
from quartier.portals.shared.lists import paged


def history_of(visit: Visit, register: Register, slots: range) -> Page[dict[str, Any]]:
    """The changes that touch ``slots``, and what filled gaps there, the newest first, in two
    queries; the page of them that the URL names.

    Who did it is for those who may do it too. A change of several days is one row, and so is one
    that replaced values and filled gaps.
    """
    changes = _revisions(visit, register, slots)
    rows = [*_fills(visit, register, slots, changes), *changes.values()]
    page = paged(visit.request, sorted(rows, key=lambda row: row["at"], reverse=True))
    name = visit.site.timezone
    shows_who = visit.may(Permission.IMPORT)
    for row in page:
        row["from"] = formats.moment(slot_starts_at(row["first"]), name)
        row["until"] = until(row["end"], name)
        row["undo"] = _undo_url(visit, register, row["at"]) if shows_who else ""
        if not shows_who:
            row["actor"] = ""
    return page


def _revisions(visit: Visit, register: Register, slots: range) -> dict[datetime, dict[str, Any]]:
    """A row a change. One of a year is hundreds of revisions: they are read one after the other."""
    found: dict[datetime, dict[str, Any]] = {}
    revisions = IntervalRevision.objects.filter(
        site_id=visit.site.pk,
        register_id=register.pk,
        day__gte=slots.start // DAY,
        day__lt=-(-slots.stop // DAY),
    ).order_by()
    for one in revisions.iterator():
        at = np.frombuffer(bytes(one.slots), np.uint8).astype(np.int64) + one.day * DAY
        inside = (at >= slots.start) & (at < slots.stop)
        if not inside.any():
            continue
        at = at[inside]
        row = found.setdefault(
            one.known_at,
            {
                "at": one.known_at,
                "actor": one.actor,
                "source": one.source,
                "method": one.method,
                "reason": one.reason,
                "count": 0,
                "old_wh": 0,
                "first": int(at[0]),
                "end": 0,
            },
        )
        row["count"] += len(at)
        row["old_wh"] += int(np.frombuffer(bytes(one.old_energy), "<i4")[inside].sum())
        row["first"] = min(row["first"], int(at[0]))
        row["end"] = max(row["end"], int(at[-1]) + 1)
    return found


def _fills(
    visit: Visit, register: Register, slots: range, changes: dict[datetime, dict[str, Any]]
) -> list[dict[str, Any]]:
    """What filled gaps: nothing stood there, so no revision tells of it. A gap that was estimated
    is a row; what one change by hand filled is a row, or joins that of ``changes``."""
    events = Event.objects.filter(
        site_id=visit.site.pk, action__in=ACTIONS, subject=subject_of(register)
    )
    rows = []
    for event in events.iterator():
        runs = [one for one in fills_of(event) if one.start < slots.stop and one.stop > slots.start]
        if not runs:
            continue
        is_estimate = event.action == "intervals.estimate"
        if not is_estimate:
            runs = [range(max(one.start, slots.start), min(one.stop, slots.stop)) for one in runs]
        count = sum(len(one) for one in runs)
        first, end = runs[0].start, max(one.stop for one in runs)
        change = changes.get(event.at)
        if change is not None and not is_estimate:
            change["count"] += count
            change["first"] = min(change["first"], first)
            change["end"] = max(change["end"], end)
            continue
        rows.append(
            {
                "at": event.at,
                "actor": event.actor,
                "source": "estimation" if is_estimate else "edit",
                "method": str(event.data.get("method", UNDO)),
                "reason": str(event.data["reason"]),
                "count": count,
                "old_wh": None,
                "first": first,
                "end": end,
            }
        )
    return rows


def _undo_url(visit: Visit, register: Register, known_at: datetime) -> str:
    url = reverse("site-interval-undo", args=[visit.site.ref, register.pk])
    return f"{url}?{urlencode({'of': known_at.isoformat()})}"
