"""Correcting an issued invoice: a credit note and, at once, what is then to be billed.

Both in one transaction: where the period cannot be billed again, nothing is credited either. A
preview does exactly the same and takes it back, so it cannot say anything else.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime

from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from quartier.apps.billing.models import Invoice
from quartier.apps.billing.operations import credit, issue
from quartier.apps.billing.prepare import Prepared, prepare
from quartier.core.invoicing.document import Document
from quartier.core.invoicing.frozen import freeze, thaw
from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import Dates


class CannotBillAgain(Exception):
    """The period cannot be billed; ``findings`` says why. Nothing was credited."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__("the period cannot be billed again")


class Changed(Exception):
    """What would be issued is no longer what was previewed. Nothing was credited."""


@dataclass(frozen=True, eq=False, slots=True)
class Preview:
    """What a correction would issue: ``note``, the credit note's document, and ``prepared``, the
    documents of the period that are due then. ``sha256`` stands for all of it."""

    note: Document
    prepared: Prepared
    sha256: str


def preview(
    invoice: Invoice, *, now: datetime, issued_date: date, actor: str, reason: str
) -> Preview:
    """What :func:`correct` would issue; nothing is kept.

    Raises :class:`core.invoicing.credit.NotCreditable`.
    """
    with transaction.atomic():
        note = credit(invoice, now=now, issued_date=issued_date, actor=actor, reason=reason)
        prepared = _prepared(invoice, now, issued_date)
        transaction.set_rollback(True)
    return Preview(thaw(bytes(note.document)), prepared, _sha256(invoice, prepared))


def correct(
    invoice: Invoice,
    *,
    now: datetime,
    issued_date: date,
    actor: str,
    reason: str,
    bill_again: bool,
    previewed_sha256: str,
) -> tuple[Invoice, tuple[Invoice, ...]]:
    """The credit note and the new documents; only the note without ``bill_again``.

    Raises :class:`core.invoicing.credit.NotCreditable`, :class:`CannotBillAgain` and
    :class:`Changed`; then nothing is issued.
    """
    with transaction.atomic():
        note = credit(invoice, now=now, issued_date=issued_date, actor=actor, reason=reason)
        if not bill_again:
            return note, ()
        prepared = _prepared(invoice, now, issued_date)
        if not prepared.can_issue:
            raise CannotBillAgain(prepared.findings)
        if _sha256(invoice, prepared) != previewed_sha256:
            raise Changed
        try:
            return note, issue(prepared, now=now, actor=actor) if prepared.drafts else ()
        except DatabaseError as problem:
            if "already billed" not in str(problem):
                raise
            raise Changed from problem  # by another run, since it was prepared


def chain_of(invoice: Invoice, rows: "QuerySet[Invoice]") -> list[Invoice]:
    """The documents of ``rows`` for the same billing point and days, in the order of issue:
    invoice, credit note, new invoice. ``rows`` are those that somebody may see."""
    found = rows.filter(
        billing_point=invoice.billing_point_id,
        from_date__lt=invoice.to_date,
        to_date__gt=invoice.from_date,
    )
    return list(found.defer("document").select_related("supersedes").order_by("pk"))


def _prepared(invoice: Invoice, now: datetime, issued_date: date) -> Prepared:
    dates = Dates(invoice.run.from_date, invoice.run.to_date)
    return prepare(invoice.site, dates, known_at=now, issued_date=issued_date)


def _sha256(invoice: Invoice, prepared: Prepared) -> str:
    parts = [invoice.sha256, *(freeze(draft.document)[1] for draft in prepared.drafts)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
