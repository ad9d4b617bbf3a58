"""EnV Art. 16: what tenants may be billed."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.core.invoicing.cap_law import NoCapMethod
from quartier.core.invoicing.caps import cap_price, effective_cap_price
from quartier.core.invoicing.document import CapStatus
from quartier.core.invoicing.effective import BadCosts, EffectiveCosts, effective_price
from quartier.core.kernel.period import Dates
from quartier.core.rating.rate import rate
from quartier.core.rating.sheet import (
    CapMethod,
    ProRata,
    Reference,
    Share,
    Slot,
    SlotPrice,
    Unit,
    Vat,
    labels,
)
from quartier.core.rating.usage import Participant
from quartier.markets.ch.caps import cap_law_on
from tests.core.invoicing.documents import LIABLE, NOT_LIABLE, assert_adds_up, document_of
from tests.core.rating.sheets import (
    DUAL,
    DUAL_REFERENCE,
    energy,
    fee,
    one_each,
    random_usage,
    sheet,
)
from tests.counts import examples

Q1 = Dates(date(2026, 1, 1), date(2026, 4, 1))
LAW = cap_law_on(date(2026, 1, 1))
REFERENCE = Reference("std", "Standard", (SlotPrice(Slot.ALL, Decimal("0.30")),), includes_vat=True)


def flat(price: "str | Share", *more, **options):
    return sheet(
        energy("solar", "solar", price),
        energy("grid", "grid", "0.30"),
        *more,
        reference=options.pop("reference", REFERENCE),
        **options,
    )


def rated_of(price_sheet, n=1):
    return rate(random_usage(n, Q1), Q1, one_each(n, Q1, price_sheet))


@pytest.mark.parametrize("issuer", [LIABLE, NOT_LIABLE])
def test_eighty_percent_is_within_the_cap(issuer):
    for price_sheet in (DUAL, flat(Share(Decimal(80)))):
        price_sheet = replace(
            price_sheet,
            components=tuple(c for c in price_sheet.components if c.ref != "metering"),
        )
        document, findings = document_of(rated_of(price_sheet)[0], issuer)
        assert findings == ()
        (proof,) = document.caps
        assert proof.billed_exact <= proof.cap_exact
        assert proof.cap_exact - proof.billed_exact < Decimal("0.001")
        assert proof.limited_by_exact == 0
        assert proof.status is CapStatus.TENANT


def test_a_fee_on_top_of_eighty_percent_breaks_the_rule():
    price_sheet = flat(
        Share(Decimal(80)), fee("admin", Unit.MONTH, "4", ProRata.FULL_MONTHS, is_internal=True)
    )
    document, (finding,) = document_of(rated_of(price_sheet)[0])
    assert finding.code == "cap.exceeded"
    assert finding.where == "H0"
    assert "are 12.0000 above the cap" in finding.message
    assert document.caps[0].billed_exact - document.caps[0].cap_exact == 12


@pytest.mark.parametrize("issuer", [LIABLE, NOT_LIABLE])
def test_the_limiting_line_takes_it_off(issuer):
    price_sheet = flat(
        Share(Decimal(80)),
        fee("admin", Unit.MONTH, "4", ProRata.FULL_MONTHS, is_internal=True),
        limits_to_cap=True,
    )
    document, findings = document_of(rated_of(price_sheet)[0], issuer)
    assert findings == ()
    assert [line.component for line in document.lines] == ["solar", "grid", "admin", "cap-limit"]
    line = document.lines[-1]
    assert line.label == "Begrenzung nach EnV Art. 16"
    assert line.vat_category == ("S" if issuer.vat_liable else "O")
    (proof,) = document.caps
    assert proof.billed_exact - proof.limited_by_exact <= proof.cap_exact
    assert abs(proof.limited_by_exact - 12) < Decimal("0.001")
    assert_adds_up(document)


@pytest.mark.parametrize("status", [CapStatus.CO_OWNER, CapStatus.OWNER, CapStatus.COMMON])
def test_others_are_exempt_and_the_proof_says_which(status):
    price_sheet = flat("0.40", limits_to_cap=True)
    document, findings = document_of(rated_of(price_sheet)[0], status=status)
    assert findings == ()
    assert document.caps[0].status is status
    assert document.caps[0].limited_by_exact == 0
    assert len(document.lines) == 2


def test_each_segment_stands_alone():
    price_sheet = replace(
        DUAL,
        components=(
            energy("ht", "solar", "0.20", Slot.STANDARD),
            energy("nt", "solar", "0.22", Slot.REDUCED),  # the cap is 0.208
            energy("grid", "grid", "0.30"),
        ),
    )
    rated = rated_of(price_sheet)[0]
    document, (finding,) = document_of(rated)
    standard, reduced = document.caps[0].segments
    assert standard.billed_exact < standard.cap_exact
    excess = reduced.billed_exact - reduced.cap_exact
    assert excess == Decimal(reduced.solar_wh) / 1000 * Decimal("0.012")
    assert f"{excess:.4f} above" in finding.message


def test_one_solar_price_against_a_dual_reference():
    price_sheet = sheet(
        energy("solar", "solar", "0.22"),
        energy("grid", "grid", "0.30"),
        reference=DUAL_REFERENCE,
        limits_to_cap=True,
    )
    document, _ = document_of(rated_of(price_sheet)[0])
    standard, reduced = document.caps[0].segments
    assert standard.solar_wh + reduced.solar_wh == document.lines[0].quantity_wh
    assert standard.billed_exact == Decimal(standard.solar_wh) / 1000 * Decimal("0.22")
    assert document.caps[0].limited_by_exact == Decimal(reduced.solar_wh) / 1000 * Decimal("0.012")


def test_fees_are_shared_over_the_segments_and_stay_whole():
    price_sheet = replace(
        DUAL, components=(*DUAL.components, fee("f", Unit.DAY, "0.01", None, is_internal=True))
    )
    document, _ = document_of(rated_of(price_sheet)[0])
    solar = sum(line.amount_exact for line in document.lines if line.flow == "solar")
    assert sum(s.billed_exact for s in document.caps[0].segments) == solar + Decimal("0.90")
    assert document.caps[0].billed_exact == solar + Decimal("0.90")


def test_internal_costs_without_a_reference_are_refused_toward_tenants():
    rated = rated_of(flat("0.20", reference=None))[0]
    _, (finding,) = document_of(rated)
    assert finding.code == "cap.no_reference"
    assert document_of(rated, status=CapStatus.CO_OWNER)[1] == ()


def test_a_reference_without_vat_is_compared_with_it():
    net = replace(REFERENCE, includes_vat=False)
    document, _ = document_of(rated_of(flat("0.25", reference=net))[0])
    assert document.caps[0].segments[0].reference_price == Decimal("0.32430")


def test_the_effective_method():
    price_sheet = flat(
        "0.27", cap_method=CapMethod.EFFECTIVE, effective_price_per_kwh=Decimal("0.25")
    )
    assert cap_price(LAW, price_sheet, Decimal("0.30")) == Decimal("0.275")
    document, findings = document_of(rated_of(price_sheet)[0])
    assert findings == ()
    assert document.caps[0].method == "effective"
    assert "Abs. 2" in document.caps[0].article


def test_the_flat_method_begins_in_2023():
    before = cap_law_on(date(2022, 12, 31))
    with pytest.raises(NoCapMethod):
        cap_price(before, flat("0.20"), Decimal("0.30"))


@given(
    st.decimals(min_value=-1, max_value=1, places=5),
    st.decimals(min_value=0, max_value=1, places=5),
)
def test_the_effective_cap_is_between_zero_and_the_reference(effective, reference):
    cap = effective_cap_price(effective, reference, Decimal(50))
    assert 0 <= cap <= reference
    assert cap >= min(effective, reference)


@settings(max_examples=examples(25), deadline=None)
@given(
    solar=st.integers(0, 60).map(lambda rp: f"0.{rp:02}"),
    admin=st.integers(0, 30).map(str),
    liable=st.booleans(),
    seed=st.integers(0, 50),
)
def test_a_limited_bill_is_never_above_its_cap(solar, admin, liable, seed):
    january = Dates(date(2026, 1, 1), date(2026, 1, 8))
    price_sheet = replace(
        DUAL,
        components=(
            energy("solar", "solar", solar),
            energy("grid", "grid", "0.30"),
            fee("admin", Unit.BILLING_POINT, admin, ProRata.WHOLE, is_internal=True),
        ),
        limits_to_cap=True,
    )
    rated = rate(random_usage(1, january, seed), january, one_each(1, january, price_sheet))
    document, findings = document_of(rated[0], LIABLE if liable else NOT_LIABLE)
    assert findings == ()
    (proof,) = document.caps
    assert all(segment.cap_exact >= 0 for segment in proof.segments)
    assert proof.billed_exact - proof.limited_by_exact <= proof.cap_exact
    assert_adds_up(document)


def test_costs_that_cannot_be_right():
    costs = EffectiveCosts(
        *map(Decimal, ("60000", "12000")), 25, *map(Decimal, ("1", "2", "3", "4", "0"))
    )
    with pytest.raises(BadCosts, match="no energy"):
        effective_price(costs)
    with pytest.raises(BadCosts, match="below zero"):
        effective_price(replace(costs, subsidy=Decimal(70000), internally_consumed_kwh=Decimal(1)))


@pytest.mark.parametrize("price_sheet", [flat(Share(Decimal(80))), DUAL])
def test_a_fee_of_somebody_without_a_meter_is_above_a_cap_of_nothing(price_sheet):
    admin = fee("admin", Unit.MONTH, "4", ProRata.FULL_MONTHS, is_internal=True)
    price_sheet = replace(price_sheet, components=(admin,))
    parking = [Participant("P1", Q1, (), (price_sheet,))]
    rated = rate(random_usage(1, Q1), Q1, parking)[0]
    document, (finding,) = document_of(rated)
    assert finding.code == "cap.exceeded"
    assert "are 12.0000 above the cap of 0.0000" in finding.message
    (segment,) = document.caps[0].segments
    assert (segment.solar_wh, segment.cap_exact, segment.billed_exact) == (0, 0, 12)
    limits = replace(price_sheet, limits_to_cap=True)
    (rated,) = rate(random_usage(1, Q1), Q1, [replace(parking[0], sheets=(limits,))])
    document, findings = document_of(rated, LIABLE)
    assert findings == ()
    assert document.total == 0


def test_a_limit_does_not_lessen_the_vat_of_what_it_does_not_limit():
    """An exempt fee is nearly all that is above the cap: the energy's VAT must stay."""
    admin = fee("admin", Unit.MONTH, "200", ProRata.FULL_MONTHS, is_internal=True)
    price_sheet = flat(
        "0.01", replace(admin, vat=Vat.NONE, vat_reason=labels("exempt")), limits_to_cap=True
    )
    document, findings = document_of(rated_of(price_sheet)[0], LIABLE)
    assert findings == ()
    (proof,) = document.caps
    assert proof.limited_by_exact > 100
    assert proof.billed_exact - proof.limited_by_exact <= proof.cap_exact
    standard, exempt = document.vat
    assert (standard.rate, exempt.rate) == (Decimal("8.1"), 0)
    energy_net = sum(x.amount for x in document.lines if x.component in ("solar", "grid"))
    taken = {x.vat_category: -x.amount for x in document.lines if x.component == "cap-limit"}
    assert standard.base == energy_net - taken["S"]
    assert taken["S"] < next(x.amount for x in document.lines if x.component == "solar")
    assert taken["E"] > 30 * taken["S"]
    assert_adds_up(document)
