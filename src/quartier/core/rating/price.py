"""What a component costs: its own price, or a share of the reference product. Never 0 by default.

Sources: rules.md a.2 "Reference product" [S17]; architecture.md, house rule 3.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from quartier.core.kernel.money import EXACT
from quartier.core.kernel.period import Dates
from quartier.core.rating.sheet import Component, PriceSheet, Reference, Share, Slot

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class PriceGap:
    """A usage without a price: what, where and when."""

    what: str
    where: str
    dates: Dates

    def __str__(self) -> str:
        return f"no price for {self.what} of {self.where} from {self.dates}"


class NoPrice(LookupError):
    """Something was used that no price sheet prices; ``gaps`` lists all of it."""

    def __init__(self, gaps: Iterable[PriceGap]) -> None:
        self.gaps = tuple(gaps)
        super().__init__("; ".join(str(gap) for gap in self.gaps))


def reference_price(reference: Reference, slot: Slot) -> Decimal | None:
    """The reference product's price per kWh for ``slot``, or None if it has none."""
    return next((one.price_per_kwh for one in reference.prices if one.slot is slot), None)


def share_price(share: Share, reference: Reference, slot: Slot) -> Decimal | None:
    """The price per kWh of ``share`` of ``reference`` in ``slot``, exactly; None if it has none.

    A reference with one price all day answers every slot with it.
    """
    price = reference_price(reference, slot)
    if price is None and len(reference.prices) == 1:
        price = reference_price(reference, Slot.ALL)
    if price is None:
        return None
    return EXACT.divide(EXACT.multiply(price, share.percent), _HUNDRED)


def price_of(component: Component, sheet: PriceSheet) -> Decimal:
    """The price of one unit of ``component``; raises :class:`NoPrice` where its share has no
    reference price."""
    if isinstance(component.price, Decimal):
        return component.price
    if sheet.reference is not None:
        price = share_price(component.price, sheet.reference, component.slot)
        if price is not None:
            return price
    what = f"{component.price.percent} % of the standard product, {component.slot.value}"
    raise NoPrice((PriceGap(what, f"price sheet {sheet.ref!r}", sheet.valid),))
