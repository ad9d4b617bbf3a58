"""The price sheet: what every unit of every flow costs, over a range of local dates.

The order of the components is the order on the invoice (system.md 7.5). Sheets are values:
frozen, of text, Decimals, dates and tuples only, so that their canonical JSON can be hashed into
the documents made from them. A sheet is checked by ``check.validate`` before it is saved.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from quartier.core.kernel.period import Dates
from quartier.core.rating.windows import Season, Windows

Labels = tuple[tuple[str, str], ...]
"""Language code to text, sorted; the code "" is the text of every other language."""

SOLAR, GRID, TOTAL = "solar", "grid", "total"
"""Flows of the interval matrices; ``total`` is solar + grid. Other flows (heat, cooling,
hot_water, cold_water...) are metered volumes."""
INTERVAL_FLOWS = frozenset({SOLAR, GRID, TOTAL})


class Slot(StrEnum):
    """The time slot that a price holds in (system.md 7.5)."""

    ALL = "all"
    """24/7."""
    STANDARD = "standard"
    REDUCED = "reduced"


class Unit(StrEnum):
    """What one price is for."""

    KWH = "kWh"
    KW = "kW"
    """Highest quarter-hour x 4, of each month or of the period (``PeakPer``)."""
    M3 = "m3"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"
    """A yearly fee, billed by twelfths (rules.md W9)."""
    BILLING_POINT = "billing_point"
    """Once a billing point and invoice."""


class Vat(StrEnum):
    """How VAT treats a component (system.md 7.5 "supplier VAT applies"; rules.md d.3)."""

    SUPPLIER = "supplier"
    """Taxable. A liable issuer adds VAT to the net price; any other passes it on VAT included."""
    LEVY = "levy"
    """A levy without VAT: category E, with a reason."""
    NONE = "none"
    """An own supply without VAT (exempt): category E with a reason, or O."""


class ProRata(StrEnum):
    """What a fixed fee costs for a part of its unit."""

    FULL_MONTHS = "full_months"
    """Every touched calendar month in full (rules.md W9)."""
    BY_DAY = "by_day"
    """Days of supply by the days of their month (or year, or billing period)."""
    WHOLE = "whole"
    """Units by billing point only: in full on every invoice."""


class PeakPer(StrEnum):
    """Over what a power peak is taken."""

    MONTH = "month"
    PERIOD = "period"


class CapMethod(StrEnum):
    """The method of EnV Art. 16 for the internal costs (rules.md a.2); one a community."""

    FLAT = "flat"
    EFFECTIVE = "effective"


@dataclass(frozen=True, slots=True)
class Share:
    """A price as ``percent`` of the sheet's reference product, e.g. 80."""

    percent: Decimal


@dataclass(frozen=True, slots=True)
class SlotPrice:
    """The reference product's all-in price per kWh in one slot."""

    slot: Slot
    price_per_kwh: Decimal


@dataclass(frozen=True, slots=True)
class Reference:
    """The standard product: what a tenant household would pay the DSO per kWh, everything
    included (rules.md a.2 "Reference product", [S17]).

    Prices are for ``all``, or for ``standard`` and ``reduced`` in the sheet's windows called
    ``windows``. ``all`` beside the two is the documented weighted mean, used by components that
    do not tell the slots apart.
    """

    ref: str
    title: str
    prices: tuple[SlotPrice, ...]
    includes_vat: bool
    windows: str = ""
    vat_code: str = "normal"


@dataclass(frozen=True, slots=True)
class Component:
    """One price of a sheet: one line of the invoice.

    ``flow`` is empty for fixed fees. ``part`` is the part of the flow (energy, network, levies,
    self_consumption...). ``windows`` names the sheet's windows, for slots other than ``all``.
    ``vat_code`` is the rate (normal, reduced...), looked up at the date of supply; ``vat_reason``
    says by language why there is none.
    ``is_internal`` marks an internal cost of the community, which EnV Art. 16 caps.
    ``per_meter`` multiplies a fixed fee by the billing point's metering points (rules.md W9).
    """

    ref: str
    label: Labels
    unit: Unit
    price: Decimal | Share
    vat: Vat
    price_includes_vat: bool
    is_internal: bool
    solution: str = "electricity"
    flow: str = ""
    part: str = ""
    slot: Slot = Slot.ALL
    windows: str = ""
    season: Season | None = None
    pro_rata: ProRata | None = None
    peak_per: PeakPer | None = None
    vat_code: str = "normal"
    vat_reason: Labels = ()
    per_meter: bool = False


@dataclass(frozen=True, slots=True)
class PriceSheet:
    """Ordered components over ``valid`` (local dates of ``timezone``).

    ``titles`` are section titles by solution, ``reference`` the standard product (needed by
    shares and, toward tenants, by the cap). ``limits_to_cap`` adds the line "Begrenzung nach EnV
    Art. 16" where internal costs pass the cap; without it such an invoice is refused.
    ``effective_price_per_kwh`` is the community's effective cost, VAT included, for the method
    of that name (``invoicing.caps.effective_price``).
    """

    ref: str
    title: str
    currency: str
    valid: Dates
    timezone: str
    components: tuple[Component, ...]
    windows: tuple[Windows, ...] = ()
    reference: Reference | None = None
    titles: tuple[tuple[str, Labels], ...] = ()
    cap_method: CapMethod = CapMethod.FLAT
    effective_price_per_kwh: Decimal | None = None
    limits_to_cap: bool = False

    def windows_called(self, ref: str) -> Windows | None:
        """The windows called ``ref``, or None."""
        return next((one for one in self.windows if one.ref == ref), None)

    def title_of(self, solution: str, language: str) -> str:
        """The section title of ``solution``; the solution's own word where none is given."""
        for name, title in self.titles:
            if name == solution:
                return text_in(title, language) or solution
        return solution


def labels(value: str | Mapping[str, str]) -> Labels:
    """A plain text for all languages, or one a language, as sorted pairs."""
    if isinstance(value, str):
        return (("", value),)
    return tuple(sorted(value.items()))


@lru_cache(maxsize=1024)
def text_in(label: Labels, language: str) -> str:
    """``label`` in ``language``, else its text for all languages, else its first; "" if none."""
    texts = dict(label)
    return texts.get(language) or texts.get("") or next(iter(texts.values()), "")
