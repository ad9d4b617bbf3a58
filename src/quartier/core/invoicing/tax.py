"""VAT by the date of supply: rates as dated values, the category of a line, groups of a document.

Sources: rules.md d.3; EN 16931 for the categories S, E and O. The rates come from a market.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from quartier.core.invoicing.document import VatCategory, VatGroup
from quartier.core.invoicing.rounding import Rounding, net_price, rounded
from quartier.core.kernel.money import EXACT, ZERO, total
from quartier.core.kernel.period import Dates
from quartier.core.rating.sheet import Component, Labels, Vat, text_in

_HUNDRED = Decimal(100)


class NoVatRate(LookupError):
    """The market has no VAT rate of this code on this day."""


@dataclass(frozen=True, slots=True)
class VatRate:
    """One rate in percent over local dates, with its article of law."""

    code: str
    percent: Decimal
    valid: Dates
    article: str


@dataclass(frozen=True, slots=True)
class VatTable:
    """A country's rates. ``outside_reason`` is what an issuer prints who is not liable."""

    country: str
    rates: tuple[VatRate, ...]
    outside_reason: Labels

    def rate(self, code: str, day: date) -> VatRate:
        """The rate ``code`` for a supply on ``day``; raises :class:`NoVatRate`."""
        for one in self.rates:
            if one.code == code and day in one.valid:
                return one
        raise NoVatRate(f"{self.country} has no VAT rate {code!r} on {day}")

    def cuts(self, dates: Dates) -> tuple[date, ...]:
        """The dates inside ``dates`` at which some rate begins: where supplies are split."""
        starts = {one.valid.from_date for one in self.rates}
        return tuple(sorted(day for day in starts if day in dates and day != dates.from_date))


class Supply(Struct, frozen=True, gc=False):
    """How VAT treats a component on a day: the net unit price and its category."""

    category: VatCategory
    percent: Decimal
    reason: str
    price: Decimal

    def gross(self, amount_exact: Decimal) -> Decimal:
        """``amount_exact`` with its VAT, exactly."""
        return with_vat(amount_exact, self.percent)


def with_vat(amount: Decimal, percent: Decimal) -> Decimal:
    """``amount`` plus its VAT, exactly."""
    return EXACT.multiply(amount, _factor(str(percent)))


@lru_cache(256)
def _factor(percent: str) -> Decimal:
    """By its text: 8.1 and 8.10 are equal and give products of different length."""
    return EXACT.add(Decimal(1), EXACT.divide(Decimal(percent), _HUNDRED))


def supply_of(
    component: Component,
    price: Decimal,
    day: date,
    *,
    vat_liable: bool,
    table: VatTable,
    language: str,
) -> Supply:
    """The VAT treatment of ``component`` at ``price``, supplied from ``day`` on.

    A liable issuer prints net prices and adds VAT. Any other is outside of VAT: what its
    suppliers charged it is passed on VAT included (rules.md d.3, [D]). Raises :class:`NoVatRate`.
    """
    if not vat_liable:
        reason = text_in(table.outside_reason, language)
        if component.vat is Vat.SUPPLIER and not component.price_includes_vat:
            price = with_vat(price, table.rate(component.vat_code, day).percent)
        return Supply(VatCategory.OUTSIDE, ZERO, reason, price)
    if component.vat is Vat.SUPPLIER:
        percent = table.rate(component.vat_code, day).percent
        net = net_price(price, percent) if component.price_includes_vat else price
        return Supply(VatCategory.STANDARD, percent, "", net)
    reason = text_in(component.vat_reason, language)
    assert reason, "a sheet is validated before it is used"
    return Supply(VatCategory.EXEMPT, ZERO, reason, price)


GroupKey = tuple[VatCategory, Decimal, str]


def vat_groups(amounts: Iterable[tuple[GroupKey, Decimal]], mode: Rounding) -> tuple[VatGroup, ...]:
    """Base and tax of each category and rate, both rounded from unrounded sums.

    ``amounts`` are pairs of (category, percent, reason) and the exact net amount; groups keep the
    order of their first line. The reasons of one category and rate are joined into one group, as
    EN 16931 wants it (BR-E-01, BR-O-01).
    """
    sums: dict[tuple[VatCategory, Decimal], list[Decimal]] = {}
    reasons: dict[tuple[VatCategory, Decimal], dict[str, None]] = {}
    for (category, percent, reason), amount in amounts:
        sums.setdefault((category, percent), []).append(amount)
        if reason:
            reasons.setdefault((category, percent), {})[reason] = None
    groups = []
    for (category, percent), parts in sums.items():
        base = total(parts)
        tax = EXACT.divide(EXACT.multiply(base, percent), _HUNDRED)
        reason = "; ".join(reasons.get((category, percent), ()))
        groups.append(
            VatGroup(category, percent, base, rounded(base, mode), tax, rounded(tax, mode), reason)
        )
    return tuple(groups)
