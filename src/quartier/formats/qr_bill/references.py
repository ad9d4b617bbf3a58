"""Payment references: QRR (27 digits) and SCOR (ISO 11649) (rules.md d.1, W15)."""

import re

_TABLE = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)  # [S75]
QRR_DIGITS = 27
_BASE_DIGITS = QRR_DIGITS - 1
_SCOR_BODY = re.compile(r"[0-9A-Z]{1,21}")
_INVOICE_DIGITS = 10


class BadReference(ValueError):
    """The text cannot be, or be made, a payment reference."""


def mod10_recursive(digits: str) -> int:
    """The check digit of ``digits`` (modulo 10, recursive) [S75]."""
    carry = 0
    for digit in digits:
        carry = _TABLE[(carry + int(digit)) % 10]
    return (10 - carry) % 10


def make_qrr(digits: str) -> str:
    """The QR reference of up to 26 ``digits``: zeros before, the check digit behind.

    Raises :class:`BadReference` where they are not digits, too many, or all zero (a reference of
    zeros cannot be paid).
    """
    if not (digits.isascii() and digits.isdigit()):
        raise BadReference(f"{digits!r} is not a number; a QR reference has digits only")
    if len(digits) > _BASE_DIGITS:
        raise BadReference(f"{digits} has {len(digits)} digits; a QR reference has room for 26")
    if not digits.strip("0"):
        raise BadReference("a QR reference of zeros cannot be paid; give it a number")
    base = digits.zfill(_BASE_DIGITS)
    return f"{base}{mod10_recursive(base)}"


def invoice_qrr(tenant: int, invoice: int, *, bank_prefix: str = "") -> str:
    """The QR reference of one invoice.

    The 26 digits are the bank's prefix (up to 8 digits, if it prescribes one), the number of the
    tenant or account, and the number of the invoice (10 digits), so that the reference is unique
    by invoice and creditor account. Raises :class:`BadReference` where a number has no room.
    """
    if bank_prefix and not (bank_prefix.isascii() and bank_prefix.isdigit()):
        raise BadReference(f"the bank's prefix {bank_prefix!r} has digits only")
    if len(bank_prefix) > 8:
        raise BadReference(f"the bank's prefix {bank_prefix} is longer than 8 digits")
    if tenant < 0 or invoice <= 0:
        raise BadReference("a reference needs the number of an invoice, from 1 up")
    width = _BASE_DIGITS - _INVOICE_DIGITS - len(bank_prefix)
    if len(str(tenant)) > width or len(str(invoice)) > _INVOICE_DIGITS:
        raise BadReference(f"tenant {tenant} and invoice {invoice} do not fit into 26 digits")
    return make_qrr(f"{bank_prefix}{tenant:0{width}d}{invoice:0{_INVOICE_DIGITS}d}")


def check_qrr(reference: str) -> str:
    """``reference`` without blanks; raises :class:`BadReference` with the reason."""
    text = "".join(reference.split())
    if not (text.isascii() and text.isdigit()):
        raise BadReference(f"QR reference {text!r} has something that is not a digit")
    if len(text) != QRR_DIGITS:
        raise BadReference(f"QR reference {text} has {len(text)} digits; it must have 27")
    if not text.strip("0"):
        raise BadReference("a QR reference of zeros cannot be paid")
    expected = mod10_recursive(text[:-1])
    if int(text[-1]) != expected:
        raise BadReference(f"QR reference {text}: the check digit is {text[-1]}, not {expected}")
    return text


def mod97(text: str) -> int:
    """``text`` with letters as 10..35, modulo 97 (ISO 7064)."""
    return int("".join(str(int(character, 36)) for character in text)) % 97


def make_scor(text: str) -> str:
    """The creditor reference ``RF..`` of up to 21 letters and digits.

    Blanks and hyphens are left out. Raises :class:`BadReference`.
    """
    body = "".join(text.replace("-", "").split()).upper()
    if _SCOR_BODY.fullmatch(body) is None:
        raise BadReference(f"{text!r} is not 1 to 21 letters and digits of a creditor reference")
    return f"RF{98 - mod97(body + 'RF00'):02d}{body}"


def check_scor(reference: str) -> str:
    """``reference`` without blanks, in capitals; raises :class:`BadReference`."""
    text = "".join(reference.split()).upper()
    if re.fullmatch(r"RF[0-9]{2}[0-9A-Z]{1,21}", text) is None:
        raise BadReference(f"creditor reference {text!r} is not RF, 2 digits, 1 to 21 characters")
    if mod97(text[4:] + text[:4]) != 1:
        raise BadReference(f"the check digits of creditor reference {text} do not fit")
    return text


def grouped_reference(reference: str) -> str:
    """As printed: QRR in groups of five from the right, SCOR in groups of four from the left."""
    if reference.startswith("RF"):
        return " ".join(reference[at : at + 4] for at in range(0, len(reference), 4))
    head = len(reference) % 5
    groups = [reference[:head]] if head else []
    groups += [reference[at : at + 5] for at in range(head, len(reference), 5)]
    return " ".join(groups)
