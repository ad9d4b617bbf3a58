"""Bills that nobody could pay are not issued: the rules of the QR-bill, before the issue."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from quartier.core.invoicing.document import Document, Payment
from quartier.core.kernel.findings import Finding
from quartier.formats.qr_bill import (
    bill_of,
    creditor_findings,
    debtor_findings,
    make_qrr,
    make_scor,
)

_SAMPLE = {"QRR": make_qrr("1"), "SCOR": make_scor("1"), "NON": ""}
"""The reference itself comes with the number; one of its kind stands for it."""


@dataclass
class Payable:
    """The check of one run; the creditor, who is the same on every bill, is checked once."""

    _checked: set[tuple[str, str, str]] = field(default_factory=set)

    def findings(self, document: Document, where: str) -> Iterator[Finding]:
        """What keeps ``document`` from being paid: a wrong account, a name too long for the
        code. Faults of the creditor come with its first document."""
        payment = document.payment
        if payment is None:
            return
        bill = bill_of(document)
        faults = debtor_findings(bill)
        if self._is_new(payment):
            sample = replace(bill, reference=_SAMPLE.get(payment.reference_type, ""))
            faults = [*creditor_findings(sample), *faults]
        for fault in faults:
            yield replace(fault, where=f"{where}: {fault.where}")

    def _is_new(self, payment: Payment) -> bool:
        key = (payment.iban, payment.creditor.name, payment.reference_type)
        if key in self._checked:
            return False
        self._checked.add(key)
        return True
