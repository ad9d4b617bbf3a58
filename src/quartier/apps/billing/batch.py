"""Billing many sites in one job: each for itself, and what is killed goes on where it was.

A batch and the row of each site are in the database, so a page can show them at any time. The
issue of a site is the same transaction as ever (``operations.bill``); a batch only remembers what
came of it. One worker at a time works on a batch; it holds a lease that it renews at each site.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from quartier.apps.audit.operations import record
from quartier.apps.billing.models import Batch, BatchSite, BillingRun, Invoice
from quartier.apps.billing.operations import as_json, bill
from quartier.apps.billing.prepare import prepare
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import Dates, timezone_of

LEASE = timedelta(seconds=60)
"""After so long without a sign of life a worker is taken to be gone. One site takes a second."""

_State = BatchSite.State
_OPEN = (_State.WAITING, _State.WORKING)
_log = logging.getLogger("quartier.billing")


def start(
    organisation: Organisation,
    sites: Iterable[Site],
    dates: Dates,
    kind: str,
    *,
    actor: str,
    now: datetime,
) -> tuple[Batch, bool]:
    """The batch, and whether it is new: while the same job is unfinished it is that one.

    At least one site, all of ``organisation``; ``dates`` with an end.
    """
    chosen = list(sites)
    assert chosen, "a batch has a site"
    assert all(site.organisation_id == organisation.pk for site in chosen), "sites of one's own"
    assert dates.to_date is not None
    names = [kind, f"{dates.from_date}", f"{dates.to_date}", *sorted(f"{s.pk}" for s in chosen)]
    key = hashlib.sha256("\n".join(names).encode()).hexdigest()
    unfinished = Batch.objects.filter(organisation=organisation, key=key, finished_at=None)
    if there := unfinished.first():
        return there, False
    try:
        with transaction.atomic():
            batch = Batch.objects.create(
                organisation=organisation,
                kind=kind,
                from_date=dates.from_date,
                to_date=dates.to_date,
                key=key,
                actor=actor,
                created_at=now,
            )
            BatchSite.objects.bulk_create(BatchSite(batch=batch, site=site) for site in chosen)
            record(
                "billing.batch",
                actor,
                at=now,
                organisation_id=organisation.pk,
                subject=f"{kind} {dates}",
                data={"batch": batch.pk, "sites": [site.ref for site in chosen]},
            )
    except IntegrityError:
        return unfinished.get(), False  # the same job, started by another in the same instant
    return batch, True


def work(batch_id: int, *, clock: Callable[[], datetime], on_issued: Callable[[int], None]) -> bool:
    """Work through the open sites of a batch; whether it is finished now.

    It is not where another worker holds the batch. ``on_issued`` is told each run that issued
    documents. A site that cannot be computed is marked failed and stops no other.
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
        run_id = _one(batch, row, token, clock)
        if run_id is not None:
            on_issued(run_id)
    return bool(mine.update(finished_at=clock()))


def tally(batch: Batch) -> list[tuple[str, Decimal, int]]:
    """Currency, total and documents of what the batch issued, or would issue."""
    rows = BatchSite.objects.filter(batch=batch, documents__gt=0).order_by("site__currency")
    sums = rows.values_list("site__currency").annotate(Sum("total"), Sum("documents"))
    return [(currency, total, documents) for currency, total, documents in sums]


def _one(batch: Batch, row: BatchSite, token: str, clock: Callable[[], datetime]) -> int | None:
    """Bill or review one site and keep what came of it; the run that issued documents."""
    run = _run_of(batch, row) if row.state == _State.WORKING else None
    if run is not None:  # a worker was killed between the issue and this row
        return _keep(row, token, _of_run(run))
    row.started_at = clock()
    BatchSite.objects.filter(pk=row.pk).update(state=_State.WORKING, started_at=row.started_at)
    dates = Dates(batch.from_date, batch.to_date)
    issued_date = row.started_at.astimezone(timezone_of(row.site.timezone)).date()
    try:
        if batch.kind == Batch.Kind.REVIEW:
            found = _reviewed(row, dates, issued_date)
        else:
            found = _billed(batch, row, dates, issued_date)
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
    return _keep(row, token, found)


def _reviewed(row: BatchSite, dates: Dates, issued_date: date) -> dict[str, Any]:
    assert row.started_at is not None
    prepared = prepare(row.site, dates, known_at=row.started_at, issued_date=issued_date)
    drafts = prepared.drafts if prepared.can_issue else ()
    return {
        "state": _state(prepared.findings, len(drafts), len(prepared.issued), _State.READY),
        "documents": len(drafts),
        "total": sum((draft.document.total for draft in drafts), Decimal(0)),
        "left_alone": len(prepared.issued),
        "findings": [as_json(one) for one in prepared.findings],
    }


def _billed(batch: Batch, row: BatchSite, dates: Dates, issued_date: date) -> dict[str, Any]:
    assert row.started_at is not None
    prepared, invoices = bill(
        row.site, dates, now=row.started_at, issued_date=issued_date, actor=batch.actor
    )
    return {
        "state": _state(prepared.findings, len(invoices), len(prepared.issued), _State.ISSUED),
        "documents": len(invoices),
        "total": sum((one.total for one in invoices), Decimal(0)),
        "left_alone": len(prepared.issued),
        "findings": [as_json(one) for one in prepared.findings],
        "run": _run_of(batch, row),
    }


def _state(findings: Iterable[Finding], documents: int, left_alone: int, done: str) -> str:
    if any(one.severity == "error" for one in findings):
        return _State.REFUSED
    if documents:
        return done
    return _State.LEFT if left_alone else _State.NOTHING


def _run_of(batch: Batch, row: BatchSite) -> BillingRun | None:
    """The run that this row started; see :class:`BatchSite`."""
    assert row.started_at is not None, "it has begun"
    return BillingRun.objects.filter(
        site=row.site_id,
        from_date=batch.from_date,
        to_date=batch.to_date,
        finished_at=row.started_at,
        actor=batch.actor,
    ).first()


def _of_run(run: BillingRun) -> dict[str, Any]:
    """What a run says of itself that ended before its row was written."""
    invoices = Invoice.objects.filter(run=run, kind=Invoice.Kind.INVOICE)
    totals = list(invoices.values_list("total", flat=True))
    return {
        "state": _State.ISSUED if run.state == BillingRun.State.ISSUED else _State.REFUSED,
        "documents": len(totals),
        "total": sum(totals, Decimal(0)),
        "findings": run.findings,
        "run": run,
    }


def _keep(row: BatchSite, token: str, found: dict[str, Any]) -> int | None:
    BatchSite.objects.filter(pk=row.pk, batch__worker=token).update(**found)
    return found["run"].pk if found["state"] == _State.ISSUED else None
