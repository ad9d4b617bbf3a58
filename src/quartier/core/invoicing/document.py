"""The frozen document: everything an invoice shows, and the hashes of all it was computed from.

Printing takes the document only, never live tables (architecture.md, "How data flows"). A
document is a tree of frozen structs of text, integers, booleans, dates and Decimals;
``frozen.py`` makes the bytes of it that are stored.

Amounts come in pairs: ``*_exact`` is unrounded, the other is whole cents by a named mode of
``rounding.py``. Energy quantities are whole Wh.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

SCHEMA = 1


class Part(Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What a document is made of: values that never change and never form a cycle.

    A document holds some 60 of them; a frozen dataclass takes five times as long to make. What was
    stored with a field that this version does not know is refused when it is read.
    """


class Kind(StrEnum):
    """What the document is."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class VatCategory(StrEnum):
    """The VAT category of a line: codes of UNTDID 5305 as EN 16931 uses them."""

    STANDARD = "S"
    EXEMPT = "E"
    """Levies, and exempt supplies; always with a reason."""
    OUTSIDE = "O"
    """The issuer is not liable to VAT."""


class CapStatus(StrEnum):
    """Whether EnV Art. 16 binds toward the recipient (rules.md a.2)."""

    TENANT = "tenant"
    CO_OWNER = "co_owner"
    OWNER = "owner"
    COMMON = "common"


class Address(Part, frozen=True):
    """A structured postal address (SIX IG QR-bill, address type S)."""

    name: str
    street: str
    house_number: str
    postcode: str
    town: str
    country: str
    extra: str = ""
    """A second line for the letter (c/o, department); never in the QR code."""


class Issuer(Part, frozen=True):
    """Who issues the document, as of the issue."""

    address: Address
    vat_liable: bool
    uid: str
    """Swiss UID ``CHE-123.456.789``; empty if none."""
    email: str
    phone: str
    website: str


class Recipient(Part, frozen=True):
    """Who is billed."""

    ref: str
    address: Address
    email: str
    uid: str


class Place(Part, frozen=True):
    """What the document is for. ``billing_point`` is a place, never a person."""

    site_ref: str
    site_name: str
    building: str
    billing_point_ref: str
    billing_point: str
    address: Address
    timezone: str


class Line(Part, frozen=True):
    """One line of a section.

    ``amount_exact`` is ``quantity`` x ``price``; ``amount`` the whole cents printed, spread by
    largest remainder so that the lines add up to their section's subtotal. ``quantity`` is in
    ``unit``; for energy it has three decimals and ``quantity_wh`` holds the whole Wh.
    ``from_date``/``to_date`` bound the supply (half-open), which decides the VAT rate.
    """

    id: str
    component: str
    """Ref of the price component in the sheet named by ``sheet``."""
    sheet: str
    label: str
    flow: str
    slot: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount_exact: Decimal
    amount: Decimal
    vat_category: VatCategory
    vat_rate: Decimal
    """Percent, e.g. 8.1; 0 where no VAT applies."""
    vat_reason: str
    is_internal: bool
    """Counts toward the cap of EnV Art. 16 as an internal cost."""
    from_date: date
    to_date: date
    quantity_wh: int | None = None
    note: str = ""


class Section(Part, frozen=True):
    """The lines of one solution (electricity, charging, laundry...), under its label."""

    solution: str
    title: str
    lines: tuple[Line, ...]
    subtotal_exact: Decimal
    subtotal: Decimal


class VatGroup(Part, frozen=True):
    """Base and tax of one category and rate."""

    category: VatCategory
    rate: Decimal
    base_exact: Decimal
    base: Decimal
    tax_exact: Decimal
    tax: Decimal
    reason: str


class CapSegment(Part, frozen=True):
    """The proof of one tariff segment: unrounded billed internal costs against the cap."""

    segment: str
    solar_wh: int
    reference_price: Decimal
    """Price of the standard product per kWh, VAT included."""
    cap_exact: Decimal
    billed_exact: Decimal


class CapProof(Part, frozen=True):
    """The cap of EnV Art. 16 for this participant and period (rules.md a.2)."""

    method: str
    """``flat`` (Art. 16(1)b) or ``effective`` (Art. 16(2), (3))."""
    status: CapStatus
    """Only ``tenant`` binds; the others are exempt and the invoice says which."""
    article: str
    tariff_snapshot: str
    """Ref and hash of the reference tariff the caps were computed from."""
    segments: tuple[CapSegment, ...]
    cap_exact: Decimal
    billed_exact: Decimal
    limited_by_exact: Decimal
    """What the limiting line took off; 0 if none was needed."""


class EnergyBar(Part, frozen=True):
    """One bar of the period's chart: a local day, week or month."""

    from_date: date
    to_date: date
    solar_wh: int
    grid_wh: int
    estimated: bool


class Energy(Part, frozen=True):
    """The recipient's energy over the period, in whole Wh; solar + grid = total."""

    total_wh: int
    solar_wh: int
    grid_wh: int
    bars: tuple[EnergyBar, ...]
    estimated_intervals: int
    """How many quarter-hours rest on an estimated, substituted or manual value."""


class Payment(Part, frozen=True):
    """How to pay: the data of the QR payment part (rules.md d.1)."""

    iban: str
    creditor: Address
    reference_type: str
    """QRR, SCOR or NON."""
    reference: str
    amount: Decimal
    currency: str
    message: str
    bill_information: str


class Input(Part, frozen=True):
    """One thing the document was computed from, and the SHA-256 of its bytes."""

    kind: str
    ref: str
    sha256: str


class Document(Part, frozen=True):
    """An invoice or a credit note. ``number`` is empty until it is issued."""

    schema: int
    kind: Kind
    number: str
    supersedes: str
    """Number of the document that this one corrects; empty if none."""
    language: str
    currency: str
    issuer: Issuer
    recipient: Recipient
    place: Place
    from_date: date
    to_date: date
    """Exclusive, local to ``place.timezone``."""
    issued_date: date
    due_date: date
    sections: tuple[Section, ...]
    vat: tuple[VatGroup, ...]
    net_exact: Decimal
    net: Decimal
    tax: Decimal
    total: Decimal
    caps: tuple[CapProof, ...]
    energy: Energy | None
    payment: Payment | None
    inputs: tuple[Input, ...]
    notes: tuple[str, ...] = ()
    prepaid: Decimal = Decimal(0)
    """Advance payments taken off the total (EN 16931 BT-113)."""
    rounding: Decimal = Decimal(0)
    """Cash rounding, the separate line "Rundung" (EN 16931 BT-114)."""

    @property
    def payable(self) -> Decimal:
        """What is to be paid; negative is a credit (EN 16931 BT-115, BR-CO-16)."""
        return self.total - self.prepaid + self.rounding

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines, in print order."""
        return tuple(line for section in self.sections for line in section.lines)
