"""Billing many sites in one job: each for itself, and what is killed goes on where it was.

A batch and the row of each site are in the database, so a page can show them at any time. The
issue of a site is the same transaction as ever (``operations.bill``), and its row is written in it:
it says "issued" if and only if this job did. One worker at a time works on a batch; it holds a
lease that it renews at each site. A site that takes longer than the lease may be begun by a second
worker: the database issues it once, and who is through first writes the row.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from quartier.apps.audit.operations import record
from quartier.apps.billing.models import Batch, BatchSite, BillingRun, Invoice
from quartier.apps.billing.operations import as_json, bill
from quartier.apps.billing.prepare import Prepared, prepare
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import Dates, timezone_of

LEASE = timedelta(seconds=60)
"""After so long without a sign of life a worker is taken to be gone. One site takes a second."""

_State = BatchSite.State
_OPEN = (_State.WAITING, _State.WORKING)
_log = logging.getLogger("quartier.billing")


@dataclass(frozen=True, slots=True)
class Job:
    """What a batch is to do: at least one site, all of ``organisation``, over ``dates`` with an
    end; ``kind`` is one of :class:`Batch.Kind`, ``actor`` who asked for it."""

    organisation: Organisation
    sites: tuple[Site, ...]
    dates: Dates
    kind: str
    actor: str

    def __post_init__(self) -> None:
        assert self.sites, "a batch has a site"
        ours = self.organisation.pk
        assert all(site.organisation_id == ours for site in self.sites), "sites of one's own"

    @property
    def key(self) -> str:
        """The same for the same job, whoever asks for it and in whatever order."""
        dates = (f"{self.dates.from_date}", f"{self.dates.to_date}")
        names = [self.kind, *dates, *sorted(f"{site.pk}" for site in self.sites)]
        return hashlib.sha256("\n".join(names).encode()).hexdigest()


def start(job: Job, *, now: datetime) -> tuple[Batch, bool]:
    """The batch, and whether it is new: while the same job is unfinished it is that one."""
    tries_left = 3
    while True:
        if there := _unfinished(job):
            return there, False
        try:
            return _begun(job, now), True
        except IntegrityError:
            # Another started the same job in the same instant. It may be finished by now.
            tries_left -= 1
            if not tries_left:
                raise


def _unfinished(job: Job) -> Batch | None:
    same = Batch.objects.filter(organisation=job.organisation, key=job.key)
    return same.filter(finished_at=None).first()


def _begun(job: Job, now: datetime) -> Batch:
    """Raises ``IntegrityError`` where the same job is unfinished."""
    assert job.dates.to_date is not None, "dates with an end"
    with transaction.atomic():
        batch = Batch.objects.create(
            organisation=job.organisation,
            kind=job.kind,
            from_date=job.dates.from_date,
            to_date=job.dates.to_date,
            key=job.key,
            actor=job.actor,
            created_at=now,
        )
        BatchSite.objects.bulk_create(BatchSite(batch=batch, site=site) for site in job.sites)
        record(
            "billing.batch",
            job.actor,
            at=now,
            organisation_id=job.organisation.pk,
            subject=f"{job.kind} {job.dates}",
            data={"batch": batch.pk, "sites": [site.ref for site in job.sites]},
        )
    return batch


def work(batch_id: int, *, clock: Callable[[], datetime], on_issued: Callable[[int], None]) -> bool:
    """Work through the open sites of a batch; whether it is finished now.

    It is not where another worker holds the batch. ``on_issued`` is told each run that issues
    documents, inside its transaction. A site that cannot be computed is marked failed and stops
    no other.
    """
    token = uuid4().hex
    now = clock()
    free = Q(beat_at=None) | Q(beat_at__lt=now - LEASE)
    mine = Batch.objects.filter(pk=batch_id, finished_at=None)
    if not mine.filter(free).update(worker=token, beat_at=now):
        return not mine.exists()
    mine = mine.filter(worker=token)
    batch = Batch.objects.get(pk=batch_id)
    rows = BatchSite.objects.filter(batch=batch, state__in=_OPEN)
    for row in rows.select_related("site__organisation").order_by("site__name", "site__ref"):
        if not mine.update(beat_at=clock()):
            return False
        _one(batch, row, clock(), on_issued)
    return bool(mine.update(finished_at=clock()))


def tally(batch: Batch) -> list[tuple[str, Decimal, int]]:
    """Currency, total and documents of what the batch issued, or would issue."""
    rows = BatchSite.objects.filter(batch=batch, documents__gt=0).order_by("site__currency")
    sums = rows.values_list("site__currency").annotate(Sum("total"), Sum("documents"))
    return [(currency, total, documents) for currency, total, documents in sums]


def _one(batch: Batch, row: BatchSite, now: datetime, on_issued: Callable[[int], None]) -> None:
    """Bill or review one site and keep what came of it, unless another worker already has."""
    still_open = BatchSite.objects.filter(pk=row.pk, state__in=_OPEN)
    if not still_open.update(state=_State.WORKING):
        return
    try:
        found = _worked(batch, row, now, on_issued)
    except Exception:  # noqa: BLE001  (one site's fault stops no other; logged in full)
        reference = uuid4().hex[:8]
        _log.exception("batch %s, site %s: fault %s", batch.pk, row.site.ref, reference)
        fault = error(
            "billing.fault",
            f"The program failed on this site; the log says why under {reference}.",
            where=row.site.ref,
            remedy="Bill again; if it stays, report it with the log.",
        )
        found = {"state": _State.FAILED, "findings": [as_json(fault)]}
    still_open.update(**found)  # a run has written the row with itself


def _worked(
    batch: Batch, row: BatchSite, now: datetime, on_issued: Callable[[int], None]
) -> dict[str, Any]:
    """What is to be kept of a site that no run was kept of."""
    dates = Dates(batch.from_date, batch.to_date)
    issued_date = now.astimezone(timezone_of(row.site.timezone)).date()
    if batch.kind == Batch.Kind.REVIEW:
        prepared = prepare(row.site, dates, known_at=now, issued_date=issued_date)
        drafts = prepared.drafts if prepared.can_issue else ()
        return _found(prepared, [draft.document.total for draft in drafts], _State.READY)

    def keep(run: BillingRun, prepared: Prepared, invoices: tuple[Invoice, ...]) -> None:
        found = _found(prepared, [one.total for one in invoices], _State.ISSUED)
        rows = BatchSite.objects.filter(pk=row.pk)
        if invoices:
            on_issued(run.pk)
        else:  # who refuses it later than another has issued it says nothing new
            rows = rows.filter(state__in=_OPEN)
        rows.update(**found, run=run)

    prepared, invoices = bill(
        row.site, dates, now=now, issued_date=issued_date, actor=batch.actor, on_run=keep
    )
    return _found(prepared, [one.total for one in invoices], _State.ISSUED)


def _found(prepared: Prepared, totals: Sequence[Decimal], done: str) -> dict[str, Any]:
    return {
        "state": _state(prepared.findings, len(totals), len(prepared.issued), done),
        "documents": len(totals),
        "total": sum(totals, Decimal(0)),
        "left_alone": len(prepared.issued),
        "findings": [as_json(one) for one in prepared.findings],
    }


def _state(findings: Iterable[Finding], documents: int, left_alone: int, done: str) -> str:
    if any(one.severity == "error" for one in findings):
        return _State.REFUSED
    if documents:
        return done
    return _State.LEFT if left_alone else _State.NOTHING
