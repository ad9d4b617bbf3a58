"""Parties and a short way from a sheet to a document, shared by the invoicing tests."""

from datetime import date
from decimal import Decimal

from quartier.core.invoicing.build import Terms, invoice
from quartier.core.invoicing.document import (
    Address,
    CapStatus,
    Document,
    Input,
    Issuer,
    Payment,
    Place,
    Recipient,
)
from quartier.core.kernel.findings import Finding
from quartier.core.rating.rated import Rated
from quartier.markets.ch.caps import cap_law_on
from quartier.markets.ch.vat import VAT

ADDRESS = Address("Muster AG", "Seestrasse", "1", "8000", "Zürich", "CH")
LIABLE = Issuer(ADDRESS, True, "CHE-123.456.788", "a@example.ch", "", "")
NOT_LIABLE = Issuer(ADDRESS, False, "", "a@example.ch", "", "")
RECIPIENT = Recipient("CKT-000001", ADDRESS, "", "")
PLACE = Place("site", "Site", "A", "bp-1", "Flat 1", ADDRESS, "Europe/Zurich")
PAYMENT = Payment(
    "CH4431999123000889012", ADDRESS, "QRR", "210000000003139471430009017", Decimal(0), "", "", ""
)
TERMS = Terms("CHF", VAT, cap_law_on(date(2026, 1, 1)))
INPUTS = (Input("price_sheet", "2026", "00" * 32),)


def document_of(
    rated: Rated,
    issuer: Issuer = NOT_LIABLE,
    status: CapStatus = CapStatus.TENANT,
    terms: Terms = TERMS,
    **more,
) -> tuple[Document, tuple[Finding, ...]]:
    """The document of ``rated`` with everything else at its plainest."""
    return invoice(
        rated,
        terms,
        issuer=issuer,
        recipient=RECIPIENT,
        place=PLACE,
        cap_status=status,
        language=more.pop("language", "de"),
        issued_date=date(2026, 4, 2),
        due_date=date(2026, 5, 2),
        inputs=INPUTS,
        **more,
    )


def assert_adds_up(document: Document) -> None:
    """EN 16931: BR-CO-10, BR-CO-13 to 16, BR-S/E/O-08, in whole cents."""
    lines = document.lines
    for section in document.sections:
        assert sum(line.amount for line in section.lines) == section.subtotal
        assert abs(section.subtotal - section.subtotal_exact) < Decimal("0.02")
    for group in document.vat:
        members = [x for x in lines if (x.vat_category, x.vat_rate) == (group.category, group.rate)]
        assert sum(line.amount for line in members) == group.base
        assert abs(group.base - group.base_exact) <= Decimal("0.005")
        assert abs(group.tax - group.base * group.rate / 100) <= Decimal("0.01")
    for line in lines:
        assert abs(line.amount - line.amount_exact) < Decimal("0.01")
        assert line.amount_exact == line.quantity * line.price
    assert sum(line.amount for line in lines) == document.net
    assert sum(group.base for group in document.vat) == document.net
    assert sum(group.tax for group in document.vat) == document.tax
    assert document.total == document.net + document.tax
