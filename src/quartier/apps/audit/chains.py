"""Jobs that come again: each queues itself anew before it begins, so that a worker that is killed
meanwhile ends nothing. Two that were queued at the same moment become one when the first runs."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult


def queue(job: "Task[Any, Any]", *, after: datetime) -> bool:
    """Queue ``job`` unless it waits already; whether it was."""
    with transaction.atomic():
        if _rows(job).filter(status="READY").exists():
            return False
        job.using(run_after=after).enqueue()
    return True


def forget(job: "Task[Any, Any]", *, before: datetime) -> None:
    """Forget the results of ``job`` from before an instant."""
    ended = _rows(job).filter(status__in=("SUCCESSFUL", "FAILED"))
    ended.filter(finished_at__lt=before).delete()


def _rows(job: "Task[Any, Any]") -> Any:
    return DBTaskResult.objects.filter(task_path=job.module_path)
