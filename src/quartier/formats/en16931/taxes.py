"""The VAT breakdown as EN 16931 wants it: sums that meet its rules to the cent.

A printed document rounds lines, VAT bases and total each once from unrounded values, so their
cents may differ. EN 16931 wants lines + document-level amounts = base (BR-S-08, BR-E-08, BR-O-08)
and base + tax = total (BR-CO-15, BR-CO-16): the cents between lines and a base are stated as a
document-level charge or allowance of that category, those between the sums and the printed amount
to pay, cash rounding among them, as the rounding amount.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from quartier.core.invoicing.document import Document, VatCategory

_CENT = Decimal("0.01")
NOT_SUBJECT = "Not subject to VAT"


class NotEn16931(ValueError):
    """The document cannot be stated in EN 16931; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """One VAT breakdown (BG-23). ``charge`` is base less the sum of its lines, mostly 0."""

    category: VatCategory
    rate: Decimal
    base: Decimal
    tax: Decimal
    charge: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Totals:
    """The document's sums (BG-22), all in the sign of the XML."""

    lines: Decimal
    charges: Decimal
    allowances: Decimal
    base: Decimal
    tax: Decimal
    grand: Decimal
    prepaid: Decimal
    rounding: Decimal
    due: Decimal


def category_of(document: Document, category: VatCategory) -> VatCategory:
    """The category in the XML: all O where the issuer is not liable to VAT (BR-O-11..14)."""
    if document.issuer.vat_liable:
        return category
    if category is VatCategory.STANDARD:
        raise NotEn16931(
            f"document {document.number or '(draft)'}: the issuer is not liable to VAT, "
            "but a line bears VAT; correct the price sheet or the issuer"
        )
    return VatCategory.OUTSIDE


def breakdowns_of(document: Document, sign: int) -> list[Breakdown]:
    """One breakdown a category and rate, in the order of the document.

    Raises :class:`NotEn16931` where category O stands beside another, or where the document's
    cents do not fit together.
    """
    keys: dict[tuple[VatCategory, Decimal], list[int]] = {}
    for at, group in enumerate(document.vat):
        key = (category_of(document, group.category), group.rate.normalize())
        keys.setdefault(key, []).append(at)
    for line in document.lines:
        keys.setdefault((category_of(document, line.vat_category), line.vat_rate.normalize()), [])
    if len(keys) > 1 and any(category is VatCategory.OUTSIDE for category, _ in keys):
        raise NotEn16931(
            f"document {document.number or '(draft)'}: category O (not subject to VAT) cannot "
            "stand beside other VAT categories; use E with a reason for the levies"
        )
    result = []
    for (category, rate), groups in keys.items():
        lines = [
            line.amount
            for line in document.lines
            if category_of(document, line.vat_category) is category
            and line.vat_rate.normalize() == rate
        ]
        base = sum((document.vat[at].base for at in groups), Decimal(0))
        tax = sum((document.vat[at].tax for at in groups), Decimal(0))
        charge = base - sum(lines, Decimal(0))
        if abs(charge) > _CENT * (len(lines) + len(document.sections)):
            raise NotEn16931(
                f"document {document.number or '(draft)'}: the lines with {rate} % VAT differ "
                f"from their base by {charge}; the document does not add up"
            )
        reasons = [document.vat[at].reason for at in groups if document.vat[at].reason]
        result.append(
            Breakdown(
                category,
                rate,
                sign * base,
                sign * tax,
                sign * charge,
                _reason(category, reasons),
            )
        )
    return result


def totals_of(document: Document, breakdowns: Sequence[Breakdown], sign: int) -> Totals:
    """The sums; raises :class:`NotEn16931` where the printed total is out of their reach."""
    lines = sign * sum((line.amount for line in document.lines), Decimal(0))
    charges = sum((one.charge for one in breakdowns if one.charge > 0), Decimal(0))
    allowances = -sum((one.charge for one in breakdowns if one.charge < 0), Decimal(0))
    base = lines + charges - allowances
    tax = sum((one.tax for one in breakdowns), Decimal(0))
    grand = base + tax
    prepaid = sign * document.prepaid
    due = sign * document.payable
    rounding = due - grand + prepaid
    if abs(rounding) > Decimal("0.05"):
        raise NotEn16931(
            f"document {document.number or '(draft)'}: base {base} and VAT {tax} do not make the "
            f"total {sign * document.total}"
        )
    return Totals(lines, charges, allowances, base, tax, grand, prepaid, rounding, due)


def _reason(category: VatCategory, reasons: Sequence[str]) -> str:
    if category is VatCategory.STANDARD:
        return ""
    text = "; ".join(dict.fromkeys(reasons))
    if text:
        return text
    if category is VatCategory.OUTSIDE:
        return NOT_SUBJECT
    raise NotEn16931("VAT category E needs its reason; give the price component a vat_reason")
