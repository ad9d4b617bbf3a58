"""What was done to quarter-hours: when, by whom, why, and what stood there before."""

from datetime import datetime
from typing import Any

import numpy as np
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

_LIMIT = 400


def history_of(visit: Visit, register: Register, slots: range) -> list[dict[str, Any]]:
    """The changes and estimates that touch ``slots``, the newest first, in two queries.

    Who did it is for those who may do it too. A change of several days is one row.
    """
    rows = [*_revisions(visit, register, slots), *_estimates(visit, register, slots)]
    shows_who = visit.may(Permission.IMPORT)
    for row in rows:
        if not shows_who:
            row["actor"] = row["undo"] = ""
    return sorted(rows, key=lambda row: row["at"], reverse=True)


def _revisions(visit: Visit, register: Register, slots: range) -> list[dict[str, Any]]:
    found: dict[datetime, dict[str, Any]] = {}
    revisions = IntervalRevision.objects.filter(
        site_id=visit.site.pk,
        register_id=register.pk,
        day__gte=slots.start // DAY,
        day__lt=-(-slots.stop // DAY),
    ).order_by("-known_at", "day")[:_LIMIT]
    for one in revisions:
        at = np.frombuffer(bytes(one.slots), np.uint8).astype(np.int64) + one.day * DAY
        inside = (at >= slots.start) & (at < slots.stop)
        if not inside.any():
            continue
        old = np.frombuffer(bytes(one.old_energy), "<i4")[inside]
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
                "first": int(at[inside][0]),
                "end": 0,
            },
        )
        row["count"] += int(inside.sum())
        row["old_wh"] += int(old.sum())
        row["first"] = min(row["first"], int(at[inside][0]))
        row["end"] = max(row["end"], int(at[inside][-1]) + 1)
    for known_at, row in found.items():
        row["undo"] = _undo_url(visit, register, known_at)
        _say_when(visit, row)
    return list(found.values())


def _estimates(visit: Visit, register: Register, slots: range) -> list[dict[str, Any]]:
    """Gaps that were estimated: nothing stood there, so no revision tells of them."""
    events = Event.objects.filter(
        site_id=visit.site.pk,
        action="intervals.estimate",
        subject=f"register {register.pk}",
    )[:_LIMIT]
    rows = []
    for one in events:
        first = slot_at(datetime.fromisoformat(str(one.data["from"])))
        end = slot_at(datetime.fromisoformat(str(one.data["to"])))
        if first >= slots.stop or end <= slots.start:
            continue
        row = {
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
            "undo": _undo_url(visit, register, one.at),
        }
        _say_when(visit, row)
        rows.append(row)
    return rows


def _undo_url(visit: Visit, register: Register, known_at: datetime) -> str:
    url = reverse("site-interval-undo", args=[visit.site.ref, register.pk])
    return f"{url}?{urlencode({'of': known_at.isoformat()})}"


def _say_when(visit: Visit, row: dict[str, Any]) -> None:
    name = visit.site.timezone
    row["from"] = formats.moment(slot_starts_at(row["first"]), name)
    row["until"] = until(row["end"], name)
