"""Issuing documents: one transaction a site, so that nothing is ever half issued."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import F

from quartier.apps.audit.operations import record
from quartier.apps.billing.market import part_of
from quartier.apps.billing.models import BillingRun, Invoice, NumberSequence
from quartier.apps.billing.prepare import Draft, Prepared, prepare
from quartier.apps.contracts.models import Issuer
from quartier.apps.ledger.operations import post
from quartier.apps.parties.models import Organisation, Party
from quartier.apps.sharing.frozen import freeze as freeze_allocation
from quartier.apps.sites.models import Site
from quartier.core.invoicing.credit import NotCreditable, credit_note
from quartier.core.invoicing.document import Document, Payment, freeze, sha256_of, thaw
from quartier.core.invoicing.postings import entry_of
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import Dates
from quartier.formats.qr_bill.references import invoice_qrr, make_scor
from quartier.formats.qr_bill.swico import s1


def bill(
    site: Site, dates: Dates, *, now: datetime, issued_date: date, actor: str
) -> tuple[Prepared, tuple[Invoice, ...]]:
    """Prepare and issue the documents of ``site``; what is issued already is left alone.

    With any error nothing is issued and the refused run keeps the findings.
    """
    prepared = prepare(site, dates, known_at=now, issued_date=issued_date)
    if not prepared.can_issue:
        _keep_run(prepared, BillingRun.State.REFUSED, now, actor)
        return prepared, ()
    if not prepared.drafts:
        return prepared, ()
    try:
        return prepared, issue(prepared, now=now, actor=actor)
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


def issue(prepared: Prepared, *, now: datetime, actor: str) -> tuple[Invoice, ...]:
    """Number, freeze and post the drafts of a run that can be issued, in one transaction."""
    assert prepared.can_issue
    site = prepared.site
    with transaction.atomic():
        run = _keep_run(prepared, BillingRun.State.ISSUED, now, actor)
        assert prepared.shared is not None
        freeze_allocation(site.pk, run.pk, prepared.shared)
        issuer = Issuer.objects.get(site=site)
        year = prepared.drafts[0].document.issued_date.year
        first = _take_numbers(site.organisation, _series(issuer, year), len(prepared.drafts))
        invoices = [
            _invoice(run, draft, _numbered(draft.document, site, issuer, year, first + position))
            for position, draft in enumerate(prepared.drafts)
        ]
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
    return tuple(invoices)


def credit(
    invoice: Invoice, *, now: datetime, issued_date: date, actor: str, reason: str
) -> Invoice:
    """Cancel an issued invoice with a credit note; its period can then be billed again.

    Raises :class:`core.invoicing.credit.NotCreditable`.
    """
    if Invoice.objects.filter(supersedes=invoice).exists():
        raise NotCreditable(f"{invoice.number} is cancelled already")
    site = invoice.site
    with transaction.atomic():
        issuer = Issuer.objects.get(site=site)
        series = _series(issuer, issued_date.year)
        number = _number(series, _take_numbers(site.organisation, series, 1))
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


def _take_numbers(organisation: Organisation, series: str, count: int) -> int:
    """The first of ``count`` consecutive numbers; the row stays locked until the commit, so a
    series has no holes and no number twice."""
    NumberSequence.objects.get_or_create(organisation=organisation, series=series)
    row = NumberSequence.objects.select_for_update().get(organisation=organisation, series=series)
    NumberSequence.objects.filter(pk=row.pk).update(next_number=F("next_number") + count)
    return row.next_number


def _numbered(document: Document, site: Site, issuer: Issuer, year: int, position: int) -> Document:
    """The draft with its number and, where something is to be paid, its payment reference."""
    number = _number(_series(issuer, year), position)
    payment = document.payment
    if payment is not None:
        payment = replace(
            payment,
            reference=_reference(payment, site.organisation_id, year, position, number),
            bill_information=_bill_information(document, number, issuer),
        )
    return replace(document, number=number, payment=payment)


def _reference(
    payment: Payment, organisation_id: int, year: int, position: int, number: str
) -> str:
    """Unique by invoice and creditor account (rules.md d.1, "Mapping")."""
    if payment.reference_type == Issuer.ReferenceType.QRR:
        return invoice_qrr(organisation_id * 10_000 + year, position)
    if payment.reference_type == Issuer.ReferenceType.SCOR:
        return make_scor("".join(filter(str.isalnum, number.upper())))
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
        vat=[(group.rate, group.base) for group in document.vat if group.rate],
    )


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
