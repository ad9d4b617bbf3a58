"""The effective cost of a community's own energy (EnV Art. 16(2) [S1][S2]; rules.md a.2, W14)."""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from enum import StrEnum

from quartier.core.kernel.money import EXACT

_HUNDRED = Decimal(100)


class BadCosts(ValueError):
    """The effective cost cannot be computed from these figures."""


class CapitalForm(StrEnum):
    """How an investment becomes a yearly cost; which one the guide prescribes is a parameter."""

    ANNUITY = "annuity"
    LINEAR = "linear"
    """One n-th of the investment plus half its interest."""


@dataclass(frozen=True, slots=True)
class EffectiveCosts:
    """A year's figures. Amounts in the sheet's currency, VAT included where it was paid."""

    investment: Decimal
    subsidy: Decimal
    years: int
    interest_percent: Decimal
    operation_per_year: Decimal
    internal_per_year: Decimal
    """Internal metering, data provision, administration and billing."""
    feed_in_revenue: Decimal
    internally_consumed_kwh: Decimal
    capital_form: CapitalForm = CapitalForm.ANNUITY


def capital_cost(costs: EffectiveCosts) -> Decimal:
    """The yearly capital cost, unrounded; raises :class:`BadCosts`."""
    net = costs.investment - costs.subsidy
    if net < 0 or costs.years < 1 or costs.interest_percent < 0:
        raise BadCosts("the investment, the years or the interest are below zero")
    with localcontext(EXACT):
        interest = costs.interest_percent / _HUNDRED
        if costs.capital_form is CapitalForm.LINEAR:
            return net / costs.years + net * interest / 2
        if not interest:
            return net / costs.years
        return net * interest / (1 - (1 + interest) ** -costs.years)


def effective_cost(costs: EffectiveCosts) -> Decimal:
    """Capital, operation and internal costs less the feed-in revenue, a year, unrounded."""
    with localcontext(EXACT):
        running = costs.operation_per_year + costs.internal_per_year
        return capital_cost(costs) + running - costs.feed_in_revenue


def effective_price(costs: EffectiveCosts) -> Decimal:
    """The effective cost per internally consumed kWh, unrounded; raises :class:`BadCosts`."""
    if costs.internally_consumed_kwh <= 0:
        raise BadCosts("no energy was consumed internally, so it has no price per kWh")
    return EXACT.divide(effective_cost(costs), costs.internally_consumed_kwh)
