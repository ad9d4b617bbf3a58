"""What rating gives: priced lines of a participant, and the segments the cap is checked on."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from msgspec import Struct

from quartier.core.rating.sheet import Component, PriceSheet, Slot, Unit
from quartier.core.rating.usage import Participant


class RatedLine(Struct, frozen=True, gc=False):
    """One quantity at one price, over supply dates with one VAT rate.

    ``price`` is the sheet's (with or without VAT, as its component says) for one ``unit``;
    ``amount_exact`` is ``quantity`` x ``price``, unrounded. ``quantity_wh`` is set for energy
    from intervals.
    """

    component: Component
    sheet: PriceSheet
    from_date: date
    to_date: date
    quantity: Decimal
    unit: Unit
    price: Decimal
    amount_exact: Decimal
    quantity_wh: int | None = None


class RatedSegment(Struct, frozen=True, gc=False):
    """The solar energy of one tariff segment of the reference product (rules.md a.2).

    ``reference_price`` is the standard product's, with VAT as ``reference.includes_vat`` says.
    ``charged`` are pairs (index of an internal solar line, its Wh in this segment).
    """

    sheet: PriceSheet
    solution: str
    slot: Slot
    from_date: date
    to_date: date
    solar_wh: int
    reference_price: Decimal
    charged: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Rated:
    """All that one participant used and what it costs; solar_wh + grid is consumption_wh."""

    participant: Participant
    lines: tuple[RatedLine, ...]
    segments: tuple[RatedSegment, ...]
    consumption_wh: int
    solar_wh: int
