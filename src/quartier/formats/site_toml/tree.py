# ruff: noqa: RUF009  (fields are declared by calls that return dataclasses.field)
"""What a site file holds. The fields are the keys: one dataclass a table, in the order in which
they are written. This is the only list of keys; the reader, the writer and a test of the guide
use it.

Where a value was faulty it is None: such a file is never loaded, but all of it is checked.
"""

from dataclasses import MISSING, dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from quartier.core.rating.sheet import Labels
from quartier.formats.site_toml.faults import Path
from quartier.formats.site_toml.kinds import (
    COUNTRY,
    CURRENCY,
    EMAIL,
    LANGUAGES,
    MAC,
    REF,
    Choice,
    Day,
    Exact,
    Flag,
    Instant,
    Kind,
    Label,
    ListOf,
    Parameters,
    TableOf,
    Text,
    Whole,
)

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Key:
    """How a field stands in the file."""

    name: str
    kind: Kind | None
    table: type | None
    is_list: bool
    is_inline: bool
    default: Any

    @property
    def is_required(self) -> bool:
        return self.default is MISSING


def key(kind: Kind, default: Any = MISSING, name: str = "") -> Any:
    """A key with a value; required without ``default``."""
    return field(default=default, metadata={"kind": kind, "name": name})


def table(cls: type, *, required: bool = False) -> Any:
    """A table."""
    default = MISSING if required else None
    return field(default=default, metadata={"table": cls})


def tables(cls: type, name: str, *, inline: bool = False) -> Any:
    """A list of tables, each under ``[[name]]``, or in one list where ``inline``."""
    more = {"table": cls, "name": name, "is_list": True, "is_inline": inline}
    return field(default=(), metadata=more)


def path() -> Any:
    """Where the table stands in the file; no key, and of no account when trees are compared."""
    return field(default=(), compare=False, repr=False)


def keys_of(cls: type) -> dict[str, Key]:
    """Field name to how it stands in the file."""
    return {
        one.name: Key(
            one.metadata.get("name") or one.name,
            one.metadata.get("kind"),
            one.metadata.get("table"),
            one.metadata.get("is_list", False),
            one.metadata.get("is_inline", False),
            one.default,
        )
        for one in fields(cls)
        if one.metadata
    }


LANGUAGE = Choice(LANGUAGES)
NAME, LINE = Text(120, 1), Text(70)


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    ref: str = key(REF)
    name: str = key(NAME)
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    ref: str = key(REF)
    name: str = key(NAME)
    from_date: date = key(Day(), name="from")
    timezone: str = key(Text(60, 1), "Europe/Zurich")
    country: str = key(COUNTRY, "CH")
    canton: str = key(Text(2), "")
    currency: str = key(CURRENCY, "CHF")
    language: str = key(LANGUAGE, "de")
    street: str = key(LINE, "")
    house_number: str = key(Text(16), "")
    postcode: str = key(Text(16), "")
    town: str = key(Text(35), "")
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    email: str = key(EMAIL)
    name: str = key(Text(120), "")
    language: str = key(LANGUAGE, "de")
    role: str = key(Choice(("administrator", "member")), "member")
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    ref: str = key(REF)
    name: str = key(Text(70, 1))
    kind: str = key(Choice(("person", "company")), "person")
    extra: str = key(LINE, "")
    street: str = key(LINE, "")
    house_number: str = key(Text(16), "")
    postcode: str = key(Text(16, 1))
    town: str = key(Text(35, 1))
    country: str = key(COUNTRY, "CH")
    language: str = key(LANGUAGE, "de")
    email: str = key(EMAIL, "")
    phone: str = key(Text(30), "")
    website: str = key(Text(120), "")
    uid: str = key(Text(20), "")
    correspondence: str = key(Choice(("post", "email", "ebill")), "post")
    contacts: tuple[Contact, ...] = tables(Contact, "contact")
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stakeholder:
    party: str = key(REF)
    role: str = key(Choice(("owner", "agent", "contractor", "installer", "other")))
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    party: str = key(REF)
    iban: str = key(Text(34, 1))
    reference_type: str = key(Choice(("QRR", "SCOR", "NON")))
    vat_liable: bool = key(Flag(), default=False)
    payment_days: int = key(Whole(0, 365), 30)
    number_prefix: str = key(Text(20), "")
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    kind: str = key(
        Choice(("electricity", "heating", "charging", "laundry", "ebike", "monitoring"))
    )
    from_date: date = key(Day(), name="from")
    to_date: date | None = key(Day(), None, "to")
    frequency: str = key(Choice(("month", "quarter", "year")), "quarter")
    label: str = key(Text(80), "")
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    ref: str = key(REF)
    name: str = key(NAME)
    street: str = key(LINE, "")
    house_number: str = key(Text(16), "")
    postcode: str = key(Text(16), "")
    town: str = key(Text(35), "")
    egid: str = key(Text(12), "")
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    from_date: date = key(Day(), name="from")
    to_date: date | None = key(Day(), None, "to")
    party: str = key(REF, "")
    status: str = key(Choice(("tenant", "co_owner", "owner", "common")), "tenant")
    vacant: bool = key(Flag(), default=False)
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class BillingPoint:
    ref: str = key(REF)
    name: str = key(NAME)
    building: str = key(REF)
    kind: str = key(
        Choice(("apartment", "commercial", "common", "parking", "technical")), "apartment"
    )
    position: int = key(Whole(), 0)
    area_m2: Decimal | None = key(Exact(ZERO, Decimal(9_999_999), 2), None)
    thousandths: Decimal | None = key(Exact(ZERO, Decimal(1000), 3), None)
    active: bool = key(Flag(), default=True)
    billed: bool = key(Flag(), default=True)
    in_statement: bool = key(Flag(), default=True)
    priority: int = key(Whole(-1000, 1000), 0)
    quota: Decimal | None = key(Exact(ZERO, Decimal(1), 9), None)
    occupancies: tuple[Occupancy, ...] = tables(Occupancy, "occupancies", inline=True)
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    serial: str = key(Text(40, 1))
    installed: date | datetime = key(Instant())
    removed: date | datetime | None = key(Instant(), None)
    factor: Decimal = key(Exact(ZERO, Decimal(999_999), 6), Decimal(1))
    digits: int | None = key(Whole(1, 12), None)
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    from_date: date = key(Day(), name="from")
    billing_point: str = key(REF, "")
    path: Path = path()


REGISTERS = (
    "import",
    "export",
    "import community",
    "import residual",
    "export community",
    "export residual",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    ref: str = key(REF)
    name: str = key(NAME)
    medium: str = key(
        Choice(("electricity", "heat", "cooling", "hot_water", "cold_water", "reactive")),
        "electricity",
    )
    mode: str = key(Choice(("consumption", "grid", "production", "battery")), "consumption")
    source: str = key(Choice(("register", "curve", "virtual", "sessions")), "register")
    registers: tuple[str, ...] = key(ListOf(Choice(REGISTERS)), ())
    metering_point: str = key(Text(40), "")
    export_metering_point: str = key(Text(40), "")
    rule: str = key(Text(500), "")
    fuse_a: Decimal | None = key(Exact(ZERO, Decimal(99_999), 1), None)
    enabled: bool = key(Flag(), default=True)
    swapped: bool = key(Flag(), default=False)
    isolated: bool = key(Flag(), default=False)
    devices: tuple[Device, ...] = tables(Device, "devices", inline=True)
    assignments: tuple[Assignment, ...] = tables(Assignment, "assignments", inline=True)
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    ref: str = key(REF)
    name: str = key(NAME)
    meter: str = key(REF)
    owner: str = key(REF)
    power_kwp: Decimal = key(Exact(ZERO, Decimal(999_999), 3))
    commissioned: date | None = key(Day(), None)
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    ref: str = key(REF)
    name: str = key(NAME)
    meter: str = key(REF)
    owner: str = key(REF)
    capacity_wh: int = key(Whole(1))
    power_w: int = key(Whole(1))
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommunicationDevice:
    ref: str = key(REF)
    name: str = key(NAME)
    kind: str = key(
        Choice(
            (
                "router_4g",
                "router_lan",
                "converter",
                "switch",
                "access_point",
                "relay",
                "rfid_reader",
            )
        )
    )
    state: str = key(Choice(("planned", "ordered", "installed", "removed")), "planned")
    manufacturer: str = key(Text(63), "")
    model: str = key(Text(63), "")
    serial: str = key(Text(63), "")
    place: str = key(Text(120), "")
    host: str = key(Text(253), "")
    mac: str = key(MAC, "")
    sim: str = key(Text(22), "")
    apn: str = key(Text(100), "")
    installed: date | None = key(Day(), None)
    note: str = key(Text(500), "")
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionZone:
    ref: str = key(REF)
    name: str = key(NAME)
    max_current_a: Decimal = key(Exact(Decimal(1), Decimal(99_999), 1))
    phases: int = key(Whole(1, 3), 3)
    parent: str = key(REF, "")
    consumption_meter: str = key(REF, "")
    dlm_meters: tuple[str, ...] = key(ListOf(REF), ())
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """A year's costs, for the cap by effective costs (EnV Art. 16(2))."""

    investment: Decimal = key(Exact(ZERO))
    subsidy: Decimal = key(Exact(ZERO), ZERO)
    years: int = key(Whole(1, 100))
    interest_percent: Decimal = key(Exact(ZERO, Decimal(100)))
    operation_per_year: Decimal = key(Exact(ZERO))
    internal_per_year: Decimal = key(Exact(ZERO))
    feed_in_revenue: Decimal = key(Exact(ZERO))
    internally_consumed_kwh: Decimal = key(Exact(Decimal(1)))
    capital_form: str = key(Choice(("annuity", "linear")), "annuity")
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    from_date: date = key(Day(), name="from")
    kind: str = key(Choice(("zev", "vzev", "leg")), "zev")
    rule: str = key(Text(20, 1))
    params: dict[str, Any] | None = key(Parameters(), None)
    balanced: bool = key(Flag(), default=False)
    cap_method: str = key(Choice(("flat", "effective")), "flat")
    costs: Costs | None = table(Costs)
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    from_day: str = key(Text(5, 5), name="from")
    to_day: str = key(Text(5, 5), name="to")
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    days: str = key(Text(60, 3))
    from_time: str = key(Text(5, 4), name="from")
    to_time: str = key(Text(5, 4), name="to")
    season: Season | None = table(Season)
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    ref: str = key(REF)
    standard: tuple[Window, ...] = tables(Window, "standard", inline=True)
    holidays: tuple[date, ...] = key(ListOf(Day()), ())
    path: Path = path()


PRICE = Exact(None, Decimal(1_000_000))
SLOTS = ("all", "standard", "reduced")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceTariff:
    ref: str = key(REF)
    title: str = key(NAME)
    from_date: date = key(Day(), name="from")
    to_date: date = key(Day(), name="to")
    includes_vat: bool = key(Flag())
    vat_code: str = key(Text(20, 1), "normal")
    prices: tuple[tuple[str, Decimal], ...] = key(TableOf(Exact(ZERO, Decimal(1_000)), SLOTS))
    prices_windows: str = key(Text(63), "", "windows_ref")
    windows: tuple[Windows, ...] = tables(Windows, "windows")
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    ref: str = key(REF)
    label: Labels = key(Label())
    unit: str = key(Choice(("kWh", "kW", "m3", "day", "month", "year", "billing_point")))
    flow: str = key(Text(20), "")
    part: str = key(Text(30), "")
    slot: str = key(Choice(SLOTS), "all")
    windows: str = key(Text(63), "")
    season: Season | None = table(Season)
    price: Decimal | None = key(PRICE, None)
    percent_of_standard: Decimal | None = key(Exact(ZERO, Decimal(1000)), None)
    vat: str = key(Choice(("supplier", "levy", "none")), "supplier")
    includes_vat: bool = key(Flag(), default=False)
    vat_code: str = key(Text(20, 1), "normal")
    vat_reason: Labels = key(Label(), ())
    internal: bool | None = key(Flag(), None)
    solution: str = key(Text(20, 1), "electricity")
    pro_rata: str = key(Choice(("full_months", "by_day", "whole")), "")
    peak_per: str = key(Choice(("month", "period")), "")
    per_meter: bool = key(Flag(), default=False)
    path: Path = path()

    @property
    def is_internal(self) -> bool:
        """An internal cost of the community, unless told otherwise: what prices the sun."""
        return self.flow == "solar" if self.internal is None else self.internal


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSheet:
    ref: str = key(REF)
    title: str = key(NAME)
    from_date: date = key(Day(), name="from")
    to_date: date = key(Day(), name="to")
    billing_points: tuple[str, ...] = key(ListOf(REF), ())
    reference: str = key(REF, "")
    limits_to_cap: bool = key(Flag(), default=False)
    effective_price_per_kwh: Decimal | None = key(Exact(None, Decimal(1_000), 60), None)
    titles: tuple[tuple[str, Labels], ...] = key(TableOf(Label()), ())
    windows: tuple[Windows, ...] = tables(Windows, "windows")
    components: tuple[Component, ...] = tables(Component, "component")
    path: Path = path()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFile:
    """All of one site."""

    format: int = key(Whole(1, 1))
    organisation: Organisation = table(Organisation, required=True)
    site: Site = table(Site, required=True)
    parties: tuple[Party, ...] = tables(Party, "party")
    stakeholders: tuple[Stakeholder, ...] = tables(Stakeholder, "stakeholder")
    issuer: Issuer | None = table(Issuer)
    solutions: tuple[Solution, ...] = tables(Solution, "solution")
    buildings: tuple[Building, ...] = tables(Building, "building")
    billing_points: tuple[BillingPoint, ...] = tables(BillingPoint, "billing_point")
    meters: tuple[Meter, ...] = tables(Meter, "meter")
    plants: tuple[Plant, ...] = tables(Plant, "plant")
    batteries: tuple[Battery, ...] = tables(Battery, "battery")
    communication_devices: tuple[CommunicationDevice, ...] = tables(
        CommunicationDevice, "communication_device"
    )
    distribution_zones: tuple[DistributionZone, ...] = tables(DistributionZone, "distribution_zone")
    communities: tuple[Community, ...] = tables(Community, "community")
    reference_tariffs: tuple[ReferenceTariff, ...] = tables(ReferenceTariff, "reference_tariff")
    price_sheets: tuple[PriceSheet, ...] = tables(PriceSheet, "price_sheet")
    path: Path = path()
