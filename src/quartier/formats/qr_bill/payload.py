"""The text inside the symbol: 31 lines or more, written and read (rules.md d.1, [S76])."""

from decimal import Decimal, InvalidOperation

from quartier.core.kernel.findings import Finding, error
from quartier.formats.qr_bill.bill import BadQrBill, Party, QrBill, check, findings_of
from quartier.markets.ch.iban import iban_of

PAYLOAD_MAX = 997
_ADDRESS_LINES = 7
_TRAILER_AT = 30
_LINES_MAX = 34


def payload_of(bill: QrBill) -> str:
    """The payload of ``bill``, lines separated by LF; raises :class:`BadQrBill`.

    Bill information and alternative schemes are written where there are any; the 31 lines up to
    the trailer always.
    """
    check(bill)
    lines = ["SPC", "0200", "1", iban_of(bill.iban).text]
    lines += _party_lines(bill.creditor)
    lines += [""] * _ADDRESS_LINES  # ultimate creditor: reserved
    lines += ["" if bill.amount is None else f"{bill.amount:.2f}", bill.currency]
    lines += _party_lines(bill.debtor)
    lines += [bill.reference_type, "".join(bill.reference.split()).upper(), bill.message, "EPD"]
    if bill.bill_information or bill.alternative_schemes:
        lines.append(bill.bill_information)
    lines += bill.alternative_schemes
    text = "\n".join(lines)
    if len(text) > PAYLOAD_MAX:
        raise BadQrBill(
            [
                error(
                    "qr_bill.too_long",
                    f"the bill has {len(text)} characters; {PAYLOAD_MAX} fit.",
                    where="payload",
                    remedy="Shorten the message or the names.",
                )
            ]
        )
    return text


def parse(text: str) -> tuple[QrBill | None, list[Finding]]:
    """The bill in ``text``, and everything in which it breaks the rules.

    Reads LF, CRLF and CR. The bill is None where the text is not one. Old addresses of type K are
    read, with a warning; they were valid when the bill was issued.
    """
    if len(text) > PAYLOAD_MAX:
        return None, [_not_a_bill(f"it has {len(text)} characters, more than {PAYLOAD_MAX}")]
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while len(lines) > _TRAILER_AT + 1 and not lines[-1]:
        lines.pop()
    if lines[0] != "SPC":
        return None, [_not_a_bill("it does not begin with SPC")]
    if len(lines) <= _TRAILER_AT or len(lines) > _LINES_MAX:
        return None, [_not_a_bill(f"it has {len(lines)} lines, not 31 to {_LINES_MAX}")]
    if lines[_TRAILER_AT] != "EPD":
        return None, [_not_a_bill(f"line 31 is {lines[_TRAILER_AT]!r}, not EPD")]
    findings = []
    if not (lines[1].startswith("02") and len(lines[1]) == 4 and lines[1].isdigit()):
        findings.append(_odd("version", f"{lines[1]!r} is not 0200"))
    if lines[2] != "1":
        findings.append(_odd("coding", f"{lines[2]!r} is not 1 (UTF-8)"))
    if any(lines[11:18]):
        findings.append(_odd("ultimate creditor", "it is reserved and must be empty"))
    creditor = _party_of(lines[4:11], "creditor", findings)
    debtor = _party_of(lines[20:27], "debtor", findings)
    bill = QrBill(
        iban=lines[3],
        creditor=creditor or Party("", "", "", "", "", ""),
        amount=_amount_of(lines[18], findings),
        currency=lines[19],
        debtor=debtor,
        reference_type=lines[27],
        reference=lines[28],
        message=lines[29],
        bill_information=lines[31] if len(lines) > 31 else "",
        alternative_schemes=tuple(lines[32:]),
    )
    return bill, findings + findings_of(bill)


def _party_lines(party: Party | None) -> list[str]:
    if party is None:
        return [""] * _ADDRESS_LINES
    return [
        party.kind,
        party.name,
        party.street,
        party.house_number,
        party.postcode,
        party.town,
        party.country,
    ]


def _party_of(lines: list[str], role: str, findings: list[Finding]) -> Party | None:
    if not any(lines):
        return None
    kind, name, street, number, postcode, town, country = lines
    if kind == "K" and (postcode or town):
        findings.append(_odd(role, "an address of type K leaves postcode and town empty"))
    return Party(name, street, number, postcode, town, country, kind)


def _amount_of(text: str, findings: list[Finding]) -> Decimal | None:
    if not text:
        return None
    whole, point, cents = text.partition(".")
    plain = whole.isascii() and whole.isdigit() and (not point or (cents.isdigit()))
    if not plain or len(cents) > 2 or not cents.isascii():
        findings.append(_odd("amount", f"{text!r} is not an amount such as 1949.75"))
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        findings.append(_odd("amount", f"{text!r} is not an amount such as 1949.75"))
        return None


def _not_a_bill(reason: str) -> Finding:
    return error("qr_bill.not_a_bill", f"this is not the text of a QR-bill: {reason}.")


def _odd(where: str, reason: str) -> Finding:
    return error("qr_bill.format", f"{reason}.", where=where)
