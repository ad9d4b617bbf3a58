"""The job that looks for alarms every few minutes."""

from datetime import datetime, timedelta

from django.utils import timezone
from django_tasks import task

from quartier.apps.alarms.delivery import deliver
from quartier.apps.alarms.watching import watch_all
from quartier.apps.audit import chains

EVERY = timedelta(minutes=5)
KEPT = timedelta(days=1)
"""How long results of this job are kept; there are 288 a day."""


@task()
def look_for_alarms() -> dict[str, int]:
    """Look at all sites, then send what is to be told."""
    now = timezone.now()
    queue(after=now + EVERY)
    chains.forget(look_for_alarms, before=now - KEPT)
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
    """Queue the job unless it waits already; whether it was."""
    return chains.queue(look_for_alarms, after=after)
