"""The Swiss QR-bill: references, payload and symbol (rules.md d.1)."""

from quartier.formats.qr_bill.bill import (
    BadQrBill,
    Party,
    QrBill,
    check,
    creditor_findings,
    debtor_findings,
    findings_of,
)
from quartier.formats.qr_bill.of_document import bill_of
from quartier.formats.qr_bill.payload import parse, payload_of
from quartier.formats.qr_bill.references import (
    BadReference,
    check_qrr,
    check_scor,
    grouped_reference,
    invoice_qrr,
    make_qrr,
    make_scor,
    mod10_recursive,
)
from quartier.formats.qr_bill.symbol import matrix_of, svg_of

__all__ = [
    "BadQrBill",
    "BadReference",
    "Party",
    "QrBill",
    "bill_of",
    "check",
    "check_qrr",
    "check_scor",
    "creditor_findings",
    "debtor_findings",
    "findings_of",
    "grouped_reference",
    "invoice_qrr",
    "make_qrr",
    "make_scor",
    "matrix_of",
    "mod10_recursive",
    "parse",
    "payload_of",
    "svg_of",
]
