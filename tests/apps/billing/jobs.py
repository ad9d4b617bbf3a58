"""A job over many sites, and a clock to work it by."""

from datetime import UTC, date, datetime, timedelta

from quartier.apps.billing import batch as batches
from quartier.core.kernel.period import Dates

DAYS = Dates(date(2026, 7, 1), date(2026, 7, 4))
NOW = datetime(2026, 10, 5, 9, tzinfo=UTC)


class Clock:
    """A clock that goes on by a second at each look."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


def asked(sites, kind="issue", actor="test"):
    return batches.Job(sites[0].organisation, tuple(sites), DAYS, kind, actor)


def started(sites, kind="issue", now=NOW):
    job, _ = batches.start(asked(sites, kind), now=now)
    return job


def worked(job, clock=None):
    runs = []
    finished = batches.work(job.pk, clock=clock or Clock(), on_issued=runs.append)
    job.refresh_from_db()
    return finished, runs


def states(job):
    return [row.state for row in job.rows.order_by("site__ref")]
