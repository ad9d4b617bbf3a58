"""The job that makes sessions of what stations have said, and counts them, each minute."""

from datetime import datetime, timedelta

from django.utils import timezone
from django_tasks import task

from quartier.apps.audit import chains
from quartier.apps.charging.counting import count_waiting
from quartier.apps.charging.folding import fold_waiting

EVERY = timedelta(minutes=1)
KEPT = timedelta(hours=6)


@task()
def fold_messages() -> dict[str, int]:
    """Read what waits, of all stations."""
    now = timezone.now()
    queue(after=now + EVERY)
    chains.forget(fold_messages, before=now - KEPT)
    done = fold_waiting()
    counted = count_waiting(now)
    return {
        "stations": done.stations,
        "messages": done.messages,
        "not_read": len(done.failed),
        "counted": len(counted.stations),
    }


def queue(*, after: datetime) -> bool:
    """Queue the job unless it waits already; whether it was."""
    return chains.queue(fold_messages, after=after)
