"""What people do with alarms: take care of them, or put them off."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from quartier.apps.alarms.models import Alarm
from quartier.apps.audit.operations import record

LONGEST_SNOOZE = timedelta(days=90)
MOST_AT_ONCE = 1_000


class BadSnooze(ValueError):
    """Alarms cannot be put off until then."""


def open_alarms(rows: "QuerySet[Alarm]") -> "QuerySet[Alarm]":
    """Those of ``rows`` that have not ended."""
    return rows.filter(ended_at=None)


def untaken(rows: "QuerySet[Alarm]", now: datetime) -> "QuerySet[Alarm]":
    """Open alarms that nobody has taken and that are not put off: what somebody must look at."""
    is_awake = Q(snoozed_until=None) | Q(snoozed_until__lte=now)
    return open_alarms(rows).filter(is_awake, acknowledged_at=None)


def acknowledge(rows: "QuerySet[Alarm]", remark: str, *, at: datetime, actor: str) -> int:
    """Somebody takes care of the open ones of ``rows``; how many nobody had taken before."""
    with transaction.atomic():
        found = _locked(open_alarms(rows).filter(acknowledged_at=None))
        for alarm in found:
            alarm.acknowledged_at, alarm.acknowledged_by = at, actor
            alarm.remark = remark.strip()[:500]
        Alarm.objects.bulk_update(found, ["acknowledged_at", "acknowledged_by", "remark"], 200)
        _note("alarms.acknowledge", found, at, actor, remark=remark.strip()[:500])
    return len(found)


def release(rows: "QuerySet[Alarm]", *, at: datetime, actor: str) -> int:
    """Take an acknowledgement or a snooze back (undo); of how many."""
    with transaction.atomic():
        taken = Q(acknowledged_at__isnull=False) | Q(snoozed_until__isnull=False)
        found = _locked(open_alarms(rows).filter(taken))
        for alarm in found:
            alarm.acknowledged_at, alarm.acknowledged_by = None, ""
            alarm.remark, alarm.snoozed_until = "", None
        fields = ["acknowledged_at", "acknowledged_by", "remark", "snoozed_until"]
        Alarm.objects.bulk_update(found, fields, 200)
        _note("alarms.release", found, at, actor)
    return len(found)


def snooze(rows: "QuerySet[Alarm]", until: datetime, *, at: datetime, actor: str) -> int:
    """Put the open ones of ``rows`` off: nobody is shown them until then; if they are still there,
    all are reminded. How many. Raises :class:`BadSnooze`."""
    if not at < until <= at + LONGEST_SNOOZE:
        raise BadSnooze("alarms are put off by 90 days at most")
    with transaction.atomic():
        found = _locked(open_alarms(rows))
        for alarm in found:
            alarm.snoozed_until = until
        Alarm.objects.bulk_update(found, ["snoozed_until"], 200)
        _note("alarms.snooze", found, at, actor, until=until.isoformat())
    return len(found)


def _locked(rows: "QuerySet[Alarm]") -> list[Alarm]:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:MOST_AT_ONCE])
    found: list[Alarm] = []
    for first in range(0, len(keys), 500):
        part = Alarm.objects.filter(pk__in=keys[first : first + 500], ended_at=None)
        found += part.select_related("site").select_for_update(of=("self",)).order_by("pk")
    return found


def _note(action: str, alarms: Sequence[Alarm], at: datetime, actor: str, **data: str) -> None:
    """One line of the trail a site."""
    for site_id in _sites(alarms):
        of_site = [one for one in alarms if one.site_id == site_id]
        record(
            action,
            actor,
            at=at,
            organisation_id=of_site[0].site.organisation_id,
            site_id=site_id,
            subject=str(of_site[0]) if len(of_site) == 1 else f"{len(of_site)} alarms",
            data={"alarms": [one.pk for one in of_site], **data},
        )


def _sites(alarms: Iterable[Alarm]) -> list[int]:
    return sorted({one.site_id for one in alarms})
