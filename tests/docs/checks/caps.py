"""Checks of the tables in docs/algorithms/caps.md."""

from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np

from quartier.core.invoicing.caps import cap_price, effective_cap_price
from quartier.core.invoicing.effective import (
    CapitalForm,
    EffectiveCosts,
    capital_cost,
    effective_cost,
    effective_price,
)
from quartier.core.invoicing.rounding import rounded
from quartier.core.kernel.period import Dates
from quartier.core.rating.rate import rate
from quartier.core.rating.sheet import ProRata, Reference, Share, Slot, SlotPrice, Unit
from quartier.core.rating.usage import Participant, Usage
from quartier.markets.ch.caps import cap_law_on
from tests.core.invoicing.documents import document_of
from tests.core.rating.sheets import ZURICH, energy, fee, sheet

LAW = cap_law_on(date(2026, 1, 1))
QUARTER = Dates(date(2026, 1, 1), date(2026, 4, 1))


def flat(row):
    for limits in (False, True):
        document, findings = _bill(row["price"], row["fee"], limits=limits)
        (proof,) = document.caps
        above = Decimal(row["above"])
        assert proof.cap_exact == Decimal(row["cap"])
        assert proof.billed_exact == Decimal(row["billed"])
        assert proof.billed_exact - proof.cap_exact <= above
        assert proof.limited_by_exact == (above if limits else 0)
        assert bool(findings) == (above > 0 and not limits)
        taken = above if limits else 0
        assert document.total == Decimal(row["total"]) - taken
        amounts = {line.component: line.amount for line in document.lines}
        assert str(amounts["solar"]) == row["solar"]
        assert str(amounts["grid"]) == row["grid"]
        without = Decimal(row["without community"])
        assert without == 4000 * Decimal("0.30")
        assert without - Decimal(row["total"]) == Decimal(row["saving"])


def effective(row):
    costs = EffectiveCosts(
        investment=Decimal(60_000),
        subsidy=Decimal(12_000),
        years=25,
        interest_percent=Decimal("1.75"),
        operation_per_year=Decimal(700),
        internal_per_year=Decimal(900),
        feed_in_revenue=16_000 * Decimal("0.06"),
        internally_consumed_kwh=Decimal(12_000),
        capital_form=CapitalForm(row["form"]),
    )
    reference = Decimal("0.28")
    assert str(rounded(capital_cost(costs))) == row["capital"]
    assert str(rounded(effective_cost(costs))) == row["effective cost"]
    price = effective_price(costs)
    assert f"{price:.4f}" == row["per kWh"]
    assert f"{effective_cap_price(price, reference, LAW.owner_percent):.4f}" == row["cap per kWh"]
    flat_sheet = sheet(energy("grid", "grid", "0.3"))
    assert cap_price(LAW, flat_sheet, reference) == Decimal(row["flat cap"])


def effective_cap(row):
    prices = (Decimal(row["effective"]), Decimal(row["reference"]))
    assert effective_cap_price(*prices, LAW.owner_percent) == Decimal(row["cap"])


def _bill(price, internal_fee, *, limits):
    slots = QUARTER.period(ZoneInfo(ZURICH)).slots
    consumption = np.zeros((1, len(slots)), dtype=np.int64)
    solar = np.zeros_like(consumption)
    consumption[0, :4000] = 1_000_000
    solar[0, :2400] = 1_000_000
    percent = price.removesuffix(" %")
    components = [
        energy("solar", "solar", price if percent == price else Share(Decimal(percent))),
        energy("grid", "grid", "0.30"),
    ]
    if internal_fee != "0":
        components.append(
            fee("fee", Unit.BILLING_POINT, internal_fee, ProRata.WHOLE, is_internal=True)
        )
    price_sheet = sheet(
        *components,
        reference=Reference("std", "std", (SlotPrice(Slot.ALL, Decimal("0.30")),), True),
        limits_to_cap=limits,
    )
    person = Participant("A", QUARTER, (("electricity", 0),), (price_sheet,))
    (rated,) = rate(Usage(slots.start, ZURICH, consumption, solar), QUARTER, [person])
    return document_of(rated)
