"""A bill that nobody could pay is not issued: the rules of the QR-bill, before the issue."""

from collections.abc import Iterator
from dataclasses import replace

from quartier.core.invoicing.document import Document
from quartier.core.kernel.findings import Finding
from quartier.formats.qr_bill import bill_of, findings_of, make_qrr, make_scor

_SAMPLE = {"QRR": make_qrr("1"), "SCOR": make_scor("1"), "NON": ""}
"""The reference itself comes with the number; one of its kind stands for it."""


def payable(document: Document, where: str) -> Iterator[Finding]:
    """What keeps ``document`` from being paid: a wrong account, a name too long for the code."""
    payment = document.payment
    if payment is None:
        return
    sample = replace(payment, reference=_SAMPLE.get(payment.reference_type, ""))
    for fault in findings_of(bill_of(replace(document, payment=sample))):
        yield replace(fault, where=f"{where}: {fault.where}")
