"""The job that looks for alarms every few minutes. It queues itself anew before it begins, so that
a worker that is killed meanwhile ends nothing."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from quartier.apps.alarms.delivery import deliver
from quartier.apps.alarms.watching import watch_all

EVERY = timedelta(minutes=5)
KEPT = timedelta(days=1)
"""How long results of this job are kept; there are 288 a day."""


@task()
def look_for_alarms() -> dict[str, int]:
    """Look at all sites, then send what is to be told."""
    now = timezone.now()
    queue(after=now + EVERY)
    _forget(now - KEPT)
    watched = watch_all(now)
    sent = deliver(timezone.now)
    return {
        "sites": watched.sites,
        "opened": len(watched.opened),
        "ended": len(watched.ended),
        "messages": sent.sent,
        "not_sent": sent.failed,
        "not_looked_at": len(watched.failed),
    }


def queue(*, after: datetime) -> bool:
    """Queue the job unless it waits already; whether it was. Two that were queued at the same
    moment become one when the first of them runs."""
    with transaction.atomic():
        if _rows().filter(status="READY").exists():
            return False
        look_for_alarms.using(run_after=after).enqueue()
    return True


def _forget(before: datetime) -> None:
    _rows().filter(status__in=("SUCCESSFUL", "FAILED"), finished_at__lt=before).delete()


def _rows() -> "QuerySet[Any]":
    return DBTaskResult.objects.filter(task_path=look_for_alarms.module_path)
