"""Every defect of a price sheet, all at once."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from quartier.core.kernel.period import Dates
from quartier.core.rating.check import coverage, validate
from quartier.core.rating.sheet import (
    CapMethod,
    PeakPer,
    ProRata,
    Share,
    Slot,
    SlotPrice,
    Unit,
    Vat,
)
from quartier.core.rating.windows import Season
from tests.core.rating.sheets import DUAL, DUAL_REFERENCE, FLAT, energy, fee, only, sheet

SUMMER, WINTER = Season.of("04-01", "10-01"), Season.of("10-01", "04-01")


def messages(price_sheet, flows=()):
    return " | ".join(str(finding) for finding in validate(price_sheet, flows))


def test_whole_sheets_have_no_defect():
    assert validate(DUAL, ("solar", "grid")) == ()
    assert validate(FLAT, ("solar", "grid")) == ()


def test_standard_without_reduced_is_a_hole():
    assert "have standard without reduced" in messages(only(DUAL, "solar-ht", "grid-ht", "grid-nt"))


def test_solar_without_grid_and_a_missing_flow():
    assert "not its flow grid" in messages(only(FLAT, "solar"))
    assert "not its flow solar" in messages(only(FLAT, "grid"), ("solar", "grid"))
    assert messages(only(FLAT, "grid"), ("grid",)) == ""
    fees = sheet(fee("basic", Unit.MONTH, "5", ProRata.BY_DAY))
    assert "prices no energy" in messages(fees, ("grid",))


def test_where_the_grid_operator_bills_the_grid_the_sun_alone_is_priced():
    assert validate(only(FLAT, "solar"), ("solar",), grid_elsewhere=True) == ()
    (finding,) = validate(only(FLAT, "grid"), ("solar",), grid_elsewhere=True)
    assert "not its flow solar" in finding.message


def test_a_season_without_price_is_a_hole():
    summer = energy("g", "grid", "0.20", season=SUMMER)
    assert "leave days without a price" in messages(sheet(summer))
    winter = energy("w", "grid", "0.30", season=WINTER)
    assert messages(sheet(summer, winter)) == ""


def test_all_defects_are_listed_at_once():
    broken = sheet(
        energy("a", "grid", "0.2", Slot.STANDARD),
        energy("a", "grid", Share(Decimal(80))),
        fee("fee", Unit.MONTH, "4", None),
        fee("once", Unit.BILLING_POINT, "4", ProRata.FULL_MONTHS),
        replace(energy("levy", "grid", "0.02"), vat=Vat.LEVY),
        replace(fee("peak", Unit.KW, "3", None), flow="grid"),
        timezone="Europe/Nowhere",
        cap_method=CapMethod.EFFECTIVE,
    )
    text = messages(broken)
    for part in (
        "2 components are called 'a'",
        "have standard without reduced",
        "share of the standard product, which the sheet lacks",
        "Set pro_rata to by_day or full_months",
        "Set pro_rata to by_day or whole",
        "has no VAT and gives no reason",
        "Set peak_per: month or period",
        "'Europe/Nowhere' is not a time zone",
        "no effective price",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("component", "part"),
    [
        (replace(energy("x", "grid", "1"), price=Decimal("NaN")), "not a number"),
        (energy("x", "grid", "1e40"), "below a million"),
        (energy("x", "grid", "0.1234567890123"), "at most 12 decimals"),
        (replace(energy("x", "grid", "1"), label=()), "no label"),
        (replace(energy("x", "grid", "1", Slot.REDUCED), windows="none"), "needs windows"),
        (replace(energy("x", "grid", "1"), flow=""), "needs a flow"),
        (replace(energy("x", "grid", "1"), unit=Unit.M3), "measured in kWh"),
        (replace(energy("x", "heat", "1", Slot.REDUCED)), "no time slot"),
        (replace(energy("x", "grid", "1"), peak_per=PeakPer.MONTH), "peak_per has no meaning"),
        (replace(energy("x", "grid", "1"), pro_rata=ProRata.BY_DAY), "pro_rata has no meaning"),
        (fee("x", Unit.DAY, "1", ProRata.BY_DAY), "pro_rata has no meaning"),
        (fee("x", Unit.MONTH, "1", ProRata.BY_DAY, flow="grid"), "has no flow"),
        (replace(energy("x", "grid", "1"), price=Share(Decimal(-1))), "not a percentage"),
    ],
)
def test_a_bad_component(component, part):
    assert part in messages(sheet(energy("grid", "grid", "0.3"), component))


def test_the_reference_must_price_the_slots_of_its_shares():
    half = replace(DUAL_REFERENCE, prices=DUAL_REFERENCE.prices[:1])
    assert "prices one of standard and reduced" in messages(replace(DUAL, reference=half))
    flat = sheet(
        energy("s", "solar", Share(Decimal(80))),
        energy("g", "grid", "0.3"),
        reference=DUAL_REFERENCE,
    )
    assert "no price for the slot 'all'" in messages(flat)
    mean = (*DUAL_REFERENCE.prices, SlotPrice(Slot.ALL, Decimal("0.29")))
    assert messages(replace(flat, reference=replace(DUAL_REFERENCE, prices=mean))) == ""


def test_a_share_and_its_standard_product_agree_on_vat():
    mixed = only(DUAL, "solar-ht", "solar-nt", "grid-ht", "grid-nt")
    for one in (DUAL_REFERENCE, replace(DUAL_REFERENCE, includes_vat=False)):
        for included in (True, False):
            parts = tuple(replace(c, price_includes_vat=included) for c in mixed.components)
            found = messages(replace(mixed, components=parts, reference=one))
            assert ("says the opposite" in found) == (included != one.includes_vat)


def test_dates_that_no_sheet_covers():
    year = Dates(date(2026, 1, 1), date(2027, 1, 1))
    first = replace(FLAT, valid=Dates(date(2026, 2, 1), date(2026, 5, 1)))
    second = replace(FLAT, valid=Dates(date(2026, 6, 1), date(2026, 8, 1)))
    codes = [finding.code for finding in coverage([second, first], year, "H1")]
    assert codes == ["rating.uncovered"] * 3
    assert "2026-05-01 to 2026-06-01" in str(coverage([first, second], year, "H1")[1])
    assert coverage([FLAT], year, "H1") == ()
    assert [f.code for f in coverage([], year, "H1")] == ["rating.uncovered"]


def test_sheets_of_different_solutions_lie_side_by_side():
    dates = Dates(date(2026, 1, 1), date(2026, 7, 1))
    charging = sheet(energy("ev", "total", "0.4", solution="charging"), ref="ev")
    assert coverage([FLAT, charging], dates, "H1") == ()
    (finding,) = coverage([FLAT, charging, replace(charging, ref="ev2")], dates, "H1")
    assert "'ev' and 'ev2' both price charging" in finding.message


def test_an_open_sheet_covers_an_open_range():
    assert coverage([FLAT], Dates(date(2026, 1, 1)), "H1") == ()
    closed = replace(FLAT, valid=Dates(date(2026, 1, 1), date(2027, 1, 1)))
    assert len(coverage([closed], Dates(date(2026, 1, 1)), "H1")) == 1


def test_sheets_that_overlap():
    dates = Dates(date(2026, 1, 1), date(2026, 7, 1))
    first = replace(FLAT, valid=Dates(date(2026, 1, 1), date(2026, 4, 1)))
    second = replace(FLAT, valid=Dates(date(2026, 3, 1)))
    assert [f.code for f in coverage([first, second], dates, "H1")] == ["rating.overlap"]
