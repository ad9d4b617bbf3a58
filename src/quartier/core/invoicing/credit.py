"""The credit note: the only correction of an issued document, with a new invoice after it.

Rules.md d.3: issued invoices are immutable; a correction is a credit note plus a new invoice.
"""

from datetime import date

from msgspec.structs import replace

from quartier.core.invoicing.document import Document, Input, Kind, Section, VatGroup
from quartier.core.invoicing.frozen import freeze


class NotCreditable(ValueError):
    """Only an issued invoice can be credited."""


class BadReason(ValueError):
    """The reason cannot be printed; a credit note with it could never be sent."""


def credit_note(
    document: Document, *, number: str, issued_date: date, reason: str = ""
) -> Document:
    """The exact opposite of ``document``: every amount and quantity negated, none recomputed.

    It supersedes the document by number, rests on its hash, and asks for no payment. Prices, VAT
    rates, the energy and the proof of the cap stay as they were. Raises :class:`NotCreditable`
    for a draft and for a credit note, :class:`BadReason` for control characters in ``reason``,
    whose white space becomes single spaces.
    """
    reason = " ".join(reason.split())
    if not reason.isprintable():
        raise BadReason("the reason holds a character that cannot be printed; type it anew")
    if document.kind is not Kind.INVOICE:
        raise NotCreditable(f"{document.number} is a credit note; issue a new invoice instead")
    if not document.number:
        raise NotCreditable("a draft has no number; change it instead of crediting it")
    _, sha256 = freeze(document)
    return replace(
        document,
        kind=Kind.CREDIT_NOTE,
        number=number,
        supersedes=document.number,
        issued_date=issued_date,
        due_date=issued_date,
        sections=tuple(_negated(section) for section in document.sections),
        vat=tuple(_negated_group(group) for group in document.vat),
        net_exact=-document.net_exact,
        net=-document.net,
        tax=-document.tax,
        total=-document.total,
        payment=None,
        inputs=(Input("document", document.number, sha256),),
        notes=(reason,) if reason else (),
        prepaid=-document.prepaid,
        rounding=-document.rounding,
    )


def _negated(section: Section) -> Section:
    return replace(
        section,
        lines=tuple(
            replace(
                line,
                quantity=-line.quantity,
                quantity_wh=None if line.quantity_wh is None else -line.quantity_wh,
                amount_exact=-line.amount_exact,
                amount=-line.amount,
            )
            for line in section.lines
        ),
        subtotal_exact=-section.subtotal_exact,
        subtotal=-section.subtotal,
    )


def _negated_group(group: VatGroup) -> VatGroup:
    return replace(
        group,
        base_exact=-group.base_exact,
        base=-group.base,
        tax_exact=-group.tax_exact,
        tax=-group.tax,
    )
