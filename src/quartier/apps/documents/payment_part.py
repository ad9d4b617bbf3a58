"""What the QR payment part prints (rules.md d.1): the same values as in its symbol."""

import re
from typing import Any

from quartier.apps.documents import numbers
from quartier.core.invoicing.document import Document
from quartier.formats.qr_bill import (
    QrBill,
    bill_of,
    grouped_reference,
    payload_of,
    svg_of,
)
from quartier.markets.ch.iban import iban_of

_BREAK = "\u200b"
_TAG = re.compile(r"(?<!^)(?<!/)/[0-9]{2}(?=/)")
_LONG = re.compile(rf"[^\s{_BREAK}]{{31,}}")


def payment_part_of(document: Document, words: dict[str, str]) -> dict[str, Any]:
    """The texts of receipt and payment part, and the symbol as SVG.

    Raises ``qr_bill.BadQrBill`` where the bill breaks a rule.
    """
    bill = bill_of(document)
    payload = payload_of(bill)
    assert bill.amount is not None
    return {
        "words": words,
        "svg": svg_of(payload),
        "account": [
            str(iban_of(bill.iban)),
            *(_wrappable(line) for line in bill.creditor.lines),
        ],
        "reference": grouped_reference("".join(bill.reference.split())) if bill.reference else "",
        "additional": [
            text for text in (_wrappable(bill.message), _breakable(bill.bill_information)) if text
        ],
        "debtor": [_wrappable(line) for line in bill.debtor.lines] if bill.debtor else [],
        "is_roomy": _is_roomy(bill),
        "currency": bill.currency,
        "amount": numbers.blank_grouped(bill.amount),
    }


def _is_roomy(bill: QrBill) -> bool:
    """Whether all surely fits in the usual sizes, so that nothing has to be measured.

    Lines are counted as if set in the widest letters (19 in a line of the receipt, 26 in one of
    the payment part; digits of coded information are narrower). Both parts have room for two more
    lines than are allowed here.
    """
    if bill.debtor is None:
        return False
    lines = [*bill.creditor.lines, *bill.debtor.lines]
    on_receipt = sum(1 if len(line) <= 19 else 1 + len(line) // 14 for line in lines)
    on_part = sum(1 if len(line) <= 26 else 1 + len(line) // 19 for line in lines)
    message = 1 + len(bill.message) // 19 if bill.message else 0
    coded = 1 + len(bill.bill_information) // 36 if bill.bill_information else 0
    return on_receipt <= 10 and on_part + message + coded <= 12


def _breakable(information: str) -> str:
    """Coded information with places to break a line: before each tag, without a hyphen."""
    return _wrappable(information[:2] + _TAG.sub(f"{_BREAK}\\g<0>", information[2:]))


def _wrappable(text: str) -> str:
    """``text`` with unseen places to break inside words that no line of the receipt can hold."""
    return _LONG.sub(lambda word: _BREAK.join(word[0]), text)
