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
from quartier.apps.metering.models import IntervalRevision
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY
from quartier.core.kernel.period import slot_at, slot_starts_at
from quartier.portals.operator.quality import until
from quartier.portals.shared import formats
from quartier.portals.shared.gate import Visit
from quartier.portals.shared.lists import paged


def history_of(visit: Visit, register: Register, slots: range) -> Page[dict[str, Any]]:
    """The changes and estimates that touch ``slots``, the newest first, in two queries; the page
    of them that the URL names.

    Who did it is for those who may do it too. A change of several days is one row.
    """
    rows = [*_revisions(visit, register, slots), *_estimates(visit, register, slots)]
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


def _revisions(visit: Visit, register: Register, slots: range) -> list[dict[str, Any]]:
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
                "is_fill": False,
                "first": int(at[0]),
                "end": 0,
            },
        )
        row["count"] += len(at)
        row["old_wh"] += int(np.frombuffer(bytes(one.old_energy), "<i4")[inside].sum())
        row["first"] = min(row["first"], int(at[0]))
        row["end"] = max(row["end"], int(at[-1]) + 1)
    return list(found.values())


def _estimates(visit: Visit, register: Register, slots: range) -> list[dict[str, Any]]:
    """Gaps that were estimated: nothing stood there, so no revision tells of them."""
    events = Event.objects.filter(
        site_id=visit.site.pk,
        action="intervals.estimate",
        subject=f"register {register.pk}",
    )
    rows = []
    for one in events.iterator():
        first = slot_at(datetime.fromisoformat(str(one.data["from"])))
        end = slot_at(datetime.fromisoformat(str(one.data["to"])))
        if first >= slots.stop or end <= slots.start:
            continue
        rows.append(
            {
                "at": one.at,
                "actor": one.actor,
                "source": "estimation",
                "method": str(one.data["method"]),
                "reason": str(one.data["reason"]),
                "count": end - first,
                "old_wh": None,
                "is_fill": True,
                "first": first,
                "end": end,
            }
        )
    return rows


def _undo_url(visit: Visit, register: Register, known_at: datetime) -> str:
    url = reverse("site-interval-undo", args=[visit.site.ref, register.pk])
    return f"{url}?{urlencode({'of': known_at.isoformat()})}"
