"""The job that looks at what cloud gateways have published, each minute."""

from datetime import datetime, timedelta

from django.utils import timezone
from django_tasks import task

from quartier.apps.audit import chains
from quartier.apps.metering.mqtt import read_waiting

EVERY = timedelta(minutes=1)
KEPT = timedelta(hours=6)


@task()
def read_messages() -> dict[str, int]:
    """Look at what waits, of all sources."""
    now = timezone.now()
    queue(after=now + EVERY)
    chains.forget(read_messages, before=now - KEPT)
    return {"messages": read_waiting(at=now)}


def queue(*, after: datetime) -> bool:
    """Queue the job unless it waits already; whether it was."""
    return chains.queue(read_messages, after=after)
