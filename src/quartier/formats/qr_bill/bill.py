"""A QR-bill as a value, and the rules it must meet (rules.md d.1).

Lengths and the limits of the amount are [GK], the order of the lines [S76].
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from quartier.core.invoicing.document import Address
from quartier.core.kernel.findings import Finding, Severity, error, has_errors, warning
from quartier.formats.qr_bill.characters import name_of, strangers
from quartier.formats.qr_bill.references import BadReference, check_qrr, check_scor
from quartier.markets.ch.iban import NotIban, iban_of

AMOUNT_MAX = Decimal("999999999.99")
INFORMATION_MAX = 140
_COUNTRY = re.compile(r"[A-Z]{2}")
_LIMITS = {"name": 70, "street": 70, "house number": 16, "postcode": 16, "town": 35}
_OLD_LIMITS = {"name": 70, "address line 1": 70, "address line 2": 70}
NOT_FOR_PAYMENT = frozenset(
    {
        "DO NOT USE FOR PAYMENT",
        "NICHT ZUR ZAHLUNG VERWENDEN",
        "NE PAS UTILISER POUR LE PAIEMENT",
        "NON UTILIZZARE PER IL PAGAMENTO",
    }
)
"""The only messages with which an amount of 0.00 is allowed [GK]."""


class BadQrBill(ValueError):
    """The bill breaks the rules; ``findings`` holds every fault."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = findings
        super().__init__("; ".join(str(finding) for finding in findings))


@dataclass(frozen=True, slots=True)
class Party:
    """Creditor or debtor. ``kind`` S is structured; K, of bills before 21 November 2025, holds
    two free lines in ``street`` and ``house_number`` and is read, but never written."""

    name: str
    street: str
    house_number: str
    postcode: str
    town: str
    country: str
    kind: str = "S"

    @classmethod
    def of(cls, address: Address) -> "Party":
        """The party of a document's address; its ``extra`` line never enters a QR code."""
        return cls(
            address.name,
            address.street,
            address.house_number,
            address.postcode,
            address.town,
            address.country,
        )

    @property
    def lines(self) -> tuple[str, ...]:
        """Name and address as printed."""
        if self.kind == "K":
            return tuple(line for line in (self.name, self.street, self.house_number) if line)
        street = " ".join(part for part in (self.street, self.house_number) if part)
        town = " ".join(part for part in (self.postcode, self.town) if part)
        if self.country not in ("CH", "LI"):
            town = f"{self.country}-{town}"
        return tuple(line for line in (self.name, street, town) if line)


@dataclass(frozen=True, slots=True)
class QrBill:
    """What the symbol holds. ``amount`` None leaves the amount to the payer."""

    iban: str
    creditor: Party
    amount: Decimal | None
    currency: str
    debtor: Party | None
    reference_type: str
    reference: str
    message: str = ""
    bill_information: str = ""
    alternative_schemes: tuple[str, ...] = ()


def findings_of(bill: QrBill) -> list[Finding]:
    """Everything in which ``bill`` breaks the rules, each with its field and remedy."""
    return [*creditor_findings(bill), *debtor_findings(bill)]


def creditor_findings(bill: QrBill) -> list[Finding]:
    """What is wrong with account, reference and creditor: the same for all bills of a run."""
    return [*_account(bill), *_party("creditor", bill.creditor)]


def debtor_findings(bill: QrBill) -> list[Finding]:
    """What is wrong with amount, debtor and information."""
    return [
        *_amount(bill),
        *(_party("debtor", bill.debtor) if bill.debtor else ()),
        *_information(bill),
    ]


def check(bill: QrBill) -> None:
    """Raises :class:`BadQrBill` where ``bill`` may not be printed today."""
    findings = findings_of(bill)
    for role, party in (("creditor", bill.creditor), ("debtor", bill.debtor)):
        if party is not None and party.kind != "S":
            findings.append(
                error(
                    "qr_bill.address_kind",
                    "a bill may only hold structured addresses since November 2025.",
                    where=role,
                    remedy="Enter street, house number, postcode and town apart.",
                )
            )
    if has_errors(findings):
        raise BadQrBill([one for one in findings if one.severity is Severity.ERROR])


def _account(bill: QrBill) -> Iterator[Finding]:
    try:
        iban = iban_of(bill.iban)
    except NotIban as fault:
        yield error("qr_bill.iban", f"{fault}.", where="IBAN")
        iban = None
    if bill.reference_type not in ("QRR", "SCOR", "NON"):
        yield error(
            "qr_bill.reference_type",
            f"the reference type is {bill.reference_type!r}.",
            where="reference type",
            remedy="Use QRR, SCOR or NON.",
        )
        return
    if iban and iban.is_qr and bill.reference_type != "QRR":
        yield error(
            "qr_bill.qr_iban",
            f"{iban} is a QR-IBAN, which takes a QR reference only, not {bill.reference_type}.",
            where="reference type",
            remedy="Use reference type QRR, or the account's normal IBAN.",
        )
    if iban and not iban.is_qr and bill.reference_type == "QRR":
        yield error(
            "qr_bill.not_qr_iban",
            f"{iban} is no QR-IBAN, and a QR reference needs one (institution 30000 to 31999).",
            where="IBAN",
            remedy="Enter the QR-IBAN your bank gave you, or use reference type SCOR or NON.",
        )
    try:
        if bill.reference_type == "QRR":
            check_qrr(bill.reference)
        elif bill.reference_type == "SCOR":
            check_scor(bill.reference)
        elif bill.reference:
            yield error(
                "qr_bill.reference",
                "reference type NON goes with no reference.",
                where="reference",
                remedy="Leave the reference empty, or use QRR or SCOR.",
            )
    except BadReference as fault:
        yield error("qr_bill.reference", f"{fault}.", where="reference")


def _party(role: str, party: Party) -> Iterator[Finding]:
    old = party.kind == "K"
    if party.kind not in ("S", "K"):
        yield error(
            "qr_bill.address_kind", f"the address type is {party.kind!r}, not S.", where=role
        )
    if old:
        yield warning(
            "qr_bill.old_address",
            "the address has type K, which new bills may not use since November 2025.",
            where=role,
        )
    values = (party.name, party.street, party.house_number, party.postcode, party.town)
    for (name, limit), value in zip(
        (_OLD_LIMITS if old else _LIMITS).items(), values, strict=False
    ):
        yield from _text(f"{role}, {name}", value, limit)
    required = {"name": party.name, "country": party.country}
    if old:
        required["address line 2"] = party.house_number
    else:
        required |= {"postcode": party.postcode, "town": party.town}
    for name, value in required.items():
        if not value:
            yield error("qr_bill.empty", f"the {name} is empty.", where=role, remedy="Enter it.")
    if party.country and _COUNTRY.fullmatch(party.country) is None:
        yield error(
            "qr_bill.country",
            f"{party.country!r} is not a country.",
            where=role,
            remedy="Use two capital letters, e.g. CH.",
        )


def _amount(bill: QrBill) -> Iterator[Finding]:
    if bill.currency not in ("CHF", "EUR"):
        yield error(
            "qr_bill.currency",
            f"the currency is {bill.currency!r}.",
            where="currency",
            remedy="A QR-bill is in CHF or EUR.",
        )
    amount = bill.amount
    if amount is None:
        return
    if not amount.is_finite() or amount != round(amount, 2):
        yield error("qr_bill.amount", f"{amount} is finer than a cent.", where="amount")
    elif amount < 0 or amount > AMOUNT_MAX:
        yield error(
            "qr_bill.amount",
            f"{amount} is not between 0.01 and {AMOUNT_MAX}.",
            where="amount",
            remedy="A credit is paid out, not printed as a bill.",
        )
    elif amount == 0 and bill.message not in NOT_FOR_PAYMENT:
        yield error(
            "qr_bill.amount",
            "0.00 may only stand with the notice DO NOT USE FOR PAYMENT.",
            where="amount",
            remedy="Leave the payment part out.",
        )


def _information(bill: QrBill) -> Iterator[Finding]:
    yield from _text("message", bill.message, INFORMATION_MAX)
    yield from _text("bill information", bill.bill_information, INFORMATION_MAX)
    together = len(bill.message) + len(bill.bill_information)
    if together > INFORMATION_MAX >= max(len(bill.message), len(bill.bill_information)):
        yield error(
            "qr_bill.too_long",
            f"message and bill information have {together} characters together; 140 fit.",
            where="message",
            remedy="Shorten the message.",
        )
    if bill.bill_information and not bill.bill_information.startswith("//"):
        yield error(
            "qr_bill.bill_information",
            "coded bill information must begin with // and two characters that name its scheme.",
            where="bill information",
            remedy="Put free text into the message.",
        )
    if len(bill.alternative_schemes) > 2:
        yield error("qr_bill.schemes", "more than two alternative schemes.", where="schemes")
    for scheme in bill.alternative_schemes:
        yield from _text("alternative scheme", scheme, 100)


def _text(where: str, value: str, limit: int) -> Iterator[Finding]:
    if len(value) > limit:
        yield error(
            "qr_bill.too_long",
            f"{len(value)} characters; {limit} fit.",
            where=where,
            remedy="Shorten it.",
        )
    odd = strangers(value)
    if odd:
        yield error(
            "qr_bill.character",
            f"a QR-bill cannot hold {', '.join(name_of(one) for one in odd[:5])}.",
            where=where,
            remedy="Write it in Latin letters on one line.",
        )
