"""Issuing documents: one transaction a site, so that nothing is ever half issued."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import F
from msgspec import structs

from quartier.apps.audit.operations import record
from quartier.apps.billing.drafts import Draft
from quartier.apps.billing.market import part_of
from quartier.apps.billing.models import BillingRun, Invoice, NumberSequence
from quartier.apps.billing.prepare import Prepared, prepare
from quartier.apps.contracts.models import Issuer
from quartier.apps.ledger.operations import post
from quartier.apps.parties.models import Organisation, Party
from quartier.apps.sharing.frozen import freeze as freeze_allocation
from quartier.apps.sites.models import Site
from quartier.core.invoicing.credit import NotCreditable, credit_note
from quartier.core.invoicing.document import Document
from quartier.core.invoicing.frozen import freeze, sha256_of, thaw
from quartier.core.invoicing.postings import entry_of
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import Dates
from quartier.formats.qr_bill.references import invoice_qrr, make_scor
from quartier.formats.qr_bill.swico import s1

OnRun = Callable[[BillingRun, Prepared, tuple[Invoice, ...]], None]
"""Called with each run that is kept, in its transaction: what it writes holds if the run does."""


def _no_more(_run: BillingRun, _prepared: Prepared, _invoices: tuple[Invoice, ...]) -> None:
    pass


def bill(
    site: Site,
    dates: Dates,
    *,
    now: datetime,
    issued_date: date,
    actor: str,
    on_run: OnRun = _no_more,
) -> tuple[Prepared, tuple[Invoice, ...]]:
    """Prepare and issue the documents of ``site``; what is issued already is left alone.

    With any error nothing is issued and the refused run keeps the findings.
    """
    prepared = prepare(site, dates, known_at=now, issued_date=issued_date)
    if not prepared.can_issue:
        with transaction.atomic():
            on_run(_keep_run(prepared, BillingRun.State.REFUSED, now, actor), prepared, ())
        return prepared, ()
    if not prepared.drafts:
        return prepared, ()
    try:
        return prepared, issue(prepared, now=now, actor=actor, on_run=on_run)
    except DatabaseError as problem:
        if "already billed" not in str(problem):
            raise
        finding = error(
            "billing.overlap",
            "Another run has billed a part of this period in the meantime.",
            where=site.ref,
            remedy="Bill again; what is issued is left alone.",
        )
        return replace(prepared, drafts=(), findings=(*prepared.findings, finding)), ()


def issue(
    prepared: Prepared, *, now: datetime, actor: str, on_run: OnRun = _no_more
) -> tuple[Invoice, ...]:
    """Number, freeze and post the drafts of a run that can be issued, in one transaction."""
    assert prepared.can_issue
    site = prepared.site
    with transaction.atomic():
        run = _keep_run(prepared, BillingRun.State.ISSUED, now, actor)
        assert prepared.shared is not None
        freeze_allocation(site.pk, run.pk, prepared.shared)
        issuer = Issuer.objects.get(site=site)
        name = _series(issuer, prepared.drafts[0].document.issued_date.year)
        series_id, first = _take_numbers(site.organisation, name, len(prepared.drafts))
        invoices = tuple(
            _invoice(run, draft, _numbered(draft.document, issuer, (series_id, name), number))
            for number, draft in enumerate(prepared.drafts, first)
        )
        _store(site, invoices, now)
        record(
            "billing.issue",
            actor,
            at=now,
            organisation_id=site.organisation_id,
            site_id=site.pk,
            subject=f"{prepared.dates}",
            data={"run": run.pk, "documents": len(invoices)},
        )
        on_run(run, prepared, invoices)
    return invoices


def credit(
    invoice: Invoice, *, now: datetime, issued_date: date, actor: str, reason: str
) -> Invoice:
    """Cancel an issued invoice with a credit note; its period can then be billed again.

    Raises ``NotCreditable`` and ``BadReason`` of :mod:`core.invoicing.credit`.
    """
    site = invoice.site
    with transaction.atomic():
        issuer = Issuer.objects.get(site=site)
        series = _series(issuer, issued_date.year)
        _, position = _take_numbers(site.organisation, series, 1)
        # Whoever else cancels it has to wait for the number too, and is through by now.
        if Invoice.objects.filter(supersedes=invoice).exists():
            raise NotCreditable(f"{invoice.number} is cancelled already")
        number = _number(series, position)
        document = credit_note(
            thaw(bytes(invoice.document)), number=number, issued_date=issued_date, reason=reason
        )
        note = _row(
            document,
            organisation_id=invoice.organisation_id,
            site_id=invoice.site_id,
            run_id=invoice.run_id,
            billing_point_id=invoice.billing_point_id,
            party_id=invoice.party_id,
            supersedes=invoice,
        )
        _store(site, [note], now)
        record(
            "billing.credit",
            actor,
            at=now,
            organisation_id=site.organisation_id,
            site_id=site.pk,
            subject=invoice.number,
            data={"credit_note": number, "reason": reason},
        )
    return note


def _keep_run(prepared: Prepared, state: str, now: datetime, actor: str) -> BillingRun:
    assert prepared.dates.to_date is not None
    inputs = [{"kind": one.kind, "ref": one.ref, "sha256": one.sha256} for one in prepared.inputs]
    return BillingRun.objects.create(
        site=prepared.site,
        from_date=prepared.dates.from_date,
        to_date=prepared.dates.to_date,
        state=state,
        known_at=prepared.known_at,
        finished_at=now,
        actor=actor,
        findings=[as_json(finding) for finding in prepared.findings],
        inputs=inputs,
        inputs_sha256=sha256_of(inputs),
    )


def as_json(finding: Finding) -> dict[str, str]:
    """A finding as a run keeps it."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "where": finding.where,
        "remedy": finding.remedy,
    }


def _series(issuer: Issuer, year: int) -> str:
    return f"{issuer.number_prefix}{year}"


def _number(series: str, position: int) -> str:
    return f"{series}-{position:05d}"


def _take_numbers(organisation: Organisation, series: str, count: int) -> tuple[int, int]:
    """The id of the series and the first of ``count`` consecutive numbers.

    The row stays locked until the commit, so a series has no holes and no number twice.
    """
    NumberSequence.objects.get_or_create(organisation=organisation, series=series)
    row = NumberSequence.objects.select_for_update().get(organisation=organisation, series=series)
    NumberSequence.objects.filter(pk=row.pk).update(next_number=F("next_number") + count)
    return row.pk, row.next_number


def _numbered(
    document: Document, issuer: Issuer, series: tuple[int, str], position: int
) -> Document:
    """The draft with its number and, where something is to be paid, its payment reference."""
    series_id, name = series
    number = _number(name, position)
    payment = document.payment
    if payment is not None:
        payment = structs.replace(
            payment,
            reference=_reference(payment.reference_type, series_id, position),
            bill_information=_bill_information(document, number, issuer),
        )
    return structs.replace(document, number=number, payment=payment)


def _reference(kind: str, series_id: int, position: int) -> str:
    """Unique by invoice, whatever the account: from the id of the number series and the number
    in it (rules.md d.1, "Mapping")."""
    if kind == Issuer.ReferenceType.QRR:
        return invoice_qrr(series_id, position)
    if kind == Issuer.ReferenceType.SCOR:
        return make_scor(f"{series_id:06d}{position:010d}")
    return ""


def _bill_information(document: Document, number: str, issuer: Issuer) -> str:
    return s1(
        number=number,
        issued_date=document.issued_date,
        from_date=document.from_date,
        last_date=document.to_date - timedelta(days=1),
        due_days=issuer.payment_days,
        customer_ref=document.recipient.ref,
        uid=document.issuer.uid if document.issuer.vat_liable else "",
        vat=_vat_of(document),
    )


def _vat_of(document: Document) -> list[tuple[Decimal, Decimal]]:
    """Rate and base of every group where any bears VAT. A rate that stands alone speaks of the
    whole amount in S1, so the groups without VAT are named beside it."""
    groups = [(group.rate, group.base) for group in document.vat]
    return groups if any(rate for rate, _ in groups) else []


def _invoice(run: BillingRun, draft: Draft, document: Document) -> Invoice:
    site = run.site
    return _row(
        document,
        organisation_id=site.organisation_id,
        site_id=site.pk,
        run_id=run.pk,
        billing_point_id=draft.point.pk,
        party_id=draft.party.pk,
    )


def _row(document: Document, **keys: Any) -> Invoice:
    data, sha256 = freeze(document)
    return Invoice(
        **keys,
        kind=document.kind.value,
        number=document.number,
        from_date=document.from_date,
        to_date=document.to_date,
        issued_date=document.issued_date,
        due_date=document.due_date,
        language=document.language,
        currency=document.currency,
        total=document.total,
        document=data,
        sha256=sha256,
    )


def _store(site: Site, invoices: Iterable[Invoice], now: datetime) -> None:
    """Write the documents and their ledger entries."""
    rows = Invoice.objects.bulk_create(list(invoices))
    accounts = part_of(site.country, "accounts").ACCOUNTS
    parties = dict(
        Party.objects.filter(pk__in={row.party_id for row in rows}).values_list("ref", "pk")
    )
    entries = []
    for row in rows:
        entry = entry_of(thaw(bytes(row.document)), accounts, ref=f"document:{row.number}")
        if entry.postings:
            entries.append(entry)
    post(site, entries, parties, now=now)
