"""The QR-bill of a document, and whether it can be paid at all."""

from quartier.core.invoicing.document import Document
from quartier.formats.qr_bill.bill import Party, QrBill


def bill_of(document: Document) -> QrBill:
    """The QR-bill of an invoice that is to be paid."""
    payment = document.payment
    assert payment is not None, "a credit note has no payment part"
    return QrBill(
        iban=payment.iban,
        creditor=Party.of(payment.creditor),
        amount=payment.amount,
        currency=payment.currency,
        debtor=Party.of(document.recipient.address),
        reference_type=payment.reference_type,
        reference=payment.reference,
        message=payment.message,
        bill_information=payment.bill_information,
    )
