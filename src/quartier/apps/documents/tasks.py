"""Background jobs: billing many sites, and the PDFs of a run, ready before anybody asks for one."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from quartier.apps.billing import batch as batches
from quartier.apps.billing.models import Batch, Invoice
from quartier.apps.documents.operations import print_documents


@task()
def print_run(run_id: int) -> dict[str, int]:
    """Print all documents of a run; those already stored are left alone, so it may run twice."""
    invoices = Invoice.objects.filter(run_id=run_id).select_related("organisation", "site")
    printed = print_documents(invoices.iterator(chunk_size=64), now=timezone.now())
    return {
        "written": len(printed.written),
        "kept": len(printed.kept),
        "findings": len(printed.findings),
    }


@task(priority=10)  # somebody watches it; the PDFs can wait
def bill_batch(batch_id: int) -> bool:
    """Work on a batch of sites; where another worker does, look again when its lease is over."""
    is_finished = batches.work(batch_id, clock=timezone.now, on_issued=_print_later)
    if not is_finished:
        go_on(Batch.objects.get(pk=batch_id))
    return is_finished


def start_batch(job: batches.Job, *, now: datetime) -> tuple[Batch, bool]:
    """Begin a job over many sites and queue it, both or neither; see :func:`batch.start`."""
    with transaction.atomic():
        batch, is_new = batches.start(job, now=now)
        if is_new:
            bill_batch.enqueue(batch.pk)
    return batch, is_new


def go_on(batch: Batch) -> None:
    """Queue an unfinished batch again, for when the lease of who works on it is over."""
    if batch.beat_at is None:
        bill_batch.enqueue(batch.pk)
    else:
        bill_batch.using(run_after=batch.beat_at + batches.LEASE).enqueue(batch.pk)


def resume() -> int:
    """Queue again the batches that a worker had begun and not finished; how many.

    One that nobody has begun still waits in the queue.
    """
    begun = list(Batch.objects.filter(finished_at=None, beat_at__isnull=False))
    for batch in begun:
        go_on(batch)
    return len(begun)


def _print_later(run_id: int) -> None:
    print_run.enqueue(run_id)
