"""Usage x prices to lines."""

import itertools
from dataclasses import replace
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.core.kernel.money import total
from quartier.core.kernel.period import Dates
from quartier.core.rating.masks import standard_mask
from quartier.core.rating.price import NoPrice
from quartier.core.rating.rate import rate
from quartier.core.rating.sheet import PeakPer, ProRata, Slot, Unit
from quartier.core.rating.usage import BadUsage, Participant, Usage, Volume
from quartier.core.rating.windows import Season, Window, Windows
from tests.core.rating.sheets import (
    DSO,
    DUAL,
    FLAT,
    ZURICH,
    energy,
    fee,
    one_each,
    only,
    random_usage,
    sheet,
)
from tests.counts import examples

Q1 = Dates(date(2026, 1, 1), date(2026, 4, 1))
TZ = ZoneInfo(ZURICH)


def lines_of(rated):
    return {line.component.ref: line for line in rated.lines}


def test_quantities_are_the_sums_of_the_quarter_hours():
    usage = random_usage(3, Q1)
    rated = rate(usage, Q1, one_each(3, Q1, DUAL))
    slots = Q1.period(TZ).slots
    mask = standard_mask(DSO, slots.start, slots.stop, ZURICH)
    for row, one in enumerate(rated):
        lines = lines_of(one)
        grid = usage.consumption_mwh[row] - usage.solar_mwh[row]
        for ref, exact in (
            ("solar-ht", usage.solar_mwh[row][mask].sum()),
            ("solar-nt", usage.solar_mwh[row][~mask].sum()),
            ("grid-ht", grid[mask].sum()),
            ("grid-nt", grid[~mask].sum()),
        ):
            assert abs(lines[ref].quantity_wh * 1000 - int(exact)) < 1000
        assert one.consumption_wh * 1000 == int(usage.consumption_mwh[row].sum())
        assert lines["solar-ht"].price == Decimal("0.256")
        assert lines["metering"].quantity == 3
        assert lines["grid-ht"].amount_exact == lines["grid-ht"].quantity * Decimal("0.30")


def test_solar_and_grid_add_up_to_the_consumption_and_rows_to_the_site():
    usage = random_usage(7, Q1, seed=3)
    rated = rate(usage, Q1, one_each(7, Q1, DUAL))
    for one in rated:
        assert sum(line.quantity_wh or 0 for line in one.lines) == one.consumption_wh
    for refs in (("solar-ht",), ("solar-nt",), ("solar-ht", "solar-nt")):
        whole = sum(lines_of(one)[ref].quantity_wh for one in rated for ref in refs)
        mask = standard_mask(DSO, usage.first_slot, usage.first_slot + 8636, ZURICH)
        solar = usage.solar_mwh
        exact = {1: solar[:, mask if refs[0] == "solar-ht" else ~mask].sum(), 2: solar.sum()}
        assert abs(whole * 1000 - int(exact[len(refs)])) <= {1: 999, 2: 500}[len(refs)]


def test_identical_households_get_the_rest_in_turn():
    usage = random_usage(1, Q1)
    twins = Usage(
        usage.first_slot,
        ZURICH,
        np.repeat(usage.consumption_mwh, 4, axis=0),
        np.repeat(usage.solar_mwh, 4, axis=0),
    )
    solar = [one.solar_wh for one in rate(twins, Q1, one_each(4, Q1, DUAL))]
    assert max(solar) - min(solar) <= 2


def test_components_with_different_windows_agree():
    narrow = Windows("grid", (Window.of("mon-sun", "06:00", "22:00"),))
    mixed = replace(
        sheet(
            energy("solar", "solar", "0.2"),
            energy("e-ht", "grid", "0.12", Slot.STANDARD, part="energy"),
            energy("e-nt", "grid", "0.09", Slot.REDUCED, part="energy"),
            replace(energy("n-ht", "grid", "0.08", Slot.STANDARD, part="net"), windows="grid"),
            replace(energy("n-nt", "grid", "0.05", Slot.REDUCED, part="net"), windows="grid"),
        ),
        windows=(DSO, narrow),
    )
    (one,) = rate(random_usage(1, Q1), Q1, one_each(1, Q1, mixed))
    wh = {ref: line.quantity_wh for ref, line in lines_of(one).items()}
    assert wh["e-ht"] + wh["e-nt"] == wh["n-ht"] + wh["n-nt"]
    assert wh["n-ht"] != wh["e-ht"]
    assert wh["solar"] + wh["e-ht"] + wh["e-nt"] == one.consumption_wh


def test_a_line_is_near_its_exact_quantity_whatever_windows_others_have():
    """Seven households on five sheets whose windows cross: the period falls into many pieces,
    and still each line is less than 1 Wh off."""
    usage = random_usage(7, Q1, seed=11)
    slots = Q1.period(TZ).slots
    own = [
        Windows("dso", (Window.of("mon-sun", f"0{hour}:00", "21:00"),)) for hour in (4, 5, 6, 7, 8)
    ]
    mixed = [
        replace(
            sheet(
                energy("solar", "solar", "0.2"),
                energy("grid-ht", "grid", "0.12", Slot.STANDARD),
                energy("grid-nt", "grid", "0.09", Slot.REDUCED),
            ),
            windows=(windows,),
        )
        for windows in own
    ]
    people = [Participant(str(n), Q1, (("electricity", n),), (mixed[n % 5],)) for n in range(7)]
    for row, one in enumerate(rate(usage, Q1, people)):
        mask = standard_mask(own[row % 5], slots.start, slots.stop, ZURICH)
        solar, used = usage.solar_mwh[row], usage.consumption_mwh[row]
        for ref, exact in (
            ("solar", solar.sum()),
            ("grid-ht", (used - solar)[mask].sum()),
            ("grid-nt", (used - solar)[~mask].sum()),
        ):
            assert abs(lines_of(one)[ref].quantity_wh * 1000 - int(exact)) < 1000


def test_seasonal_prices():
    year = Dates(date(2026, 1, 1), date(2027, 1, 1))
    seasonal = sheet(
        energy("solar", "solar", "0.2"),
        energy("summer", "grid", "0.20", season=Season.of("04-01", "10-01")),
        energy("winter", "grid", "0.30", season=Season.of("10-01", "04-01")),
    )
    usage = random_usage(1, year)
    flat = Usage(usage.first_slot, ZURICH, np.full_like(usage.solar_mwh, 1000), usage.solar_mwh * 0)
    (one,) = rate(flat, year, one_each(1, year, seasonal))
    assert lines_of(one)["summer"].quantity_wh == 183 * 96
    assert lines_of(one)["winter"].quantity_wh == 182 * 96


def test_a_change_of_tenant_gives_two():
    usage = random_usage(2, Q1)
    day = date(2026, 2, 11)
    tenants = [
        Participant("A", Dates(Q1.from_date, day), (("electricity", 0),), (DUAL,)),
        Participant("B", Dates(day, Q1.to_date), (("electricity", 0),), (DUAL,)),
        Participant("C", Q1, (("electricity", 1),), (DUAL,)),
    ]
    a, b, c = rate(usage, Q1, tenants)
    assert (a.consumption_wh + b.consumption_wh) * 1000 == int(usage.consumption_mwh[0].sum())
    assert lines_of(a)["metering"].quantity == 2
    assert lines_of(b)["metering"].quantity == 2
    assert lines_of(c)["metering"].quantity == 3
    with pytest.raises(BadUsage, match="both billed for row 0"):
        rate(usage, Q1, [tenants[0], replace(tenants[1], dates=Dates(date(2026, 2, 10), day))])


def test_a_change_of_sheet_and_of_vat_rate_splits_the_lines():
    old = replace(FLAT, ref="old", valid=Dates(date(2023, 1, 1), date(2023, 12, 16)))
    new = replace(FLAT, ref="new", valid=Dates(date(2023, 12, 16)))
    period = Dates(date(2023, 12, 1), date(2024, 2, 1))
    people = [Participant("A", period, (("electricity", 0),), (new, old))]
    (one,) = rate(random_usage(1, period), period, people, [date(2024, 1, 1)])
    solar = [line for line in one.lines if line.component.ref == "solar"]
    assert [(line.sheet.ref, line.from_date, line.to_date) for line in solar] == [
        ("old", date(2023, 12, 1), date(2023, 12, 16)),
        ("new", date(2023, 12, 16), date(2024, 1, 1)),
        ("new", date(2024, 1, 1), date(2024, 2, 1)),
    ]
    assert sum(line.quantity_wh for line in one.lines) == one.consumption_wh


@settings(max_examples=examples(15), deadline=None)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(1, 6),
    cuts=st.sets(st.integers(1, 89), max_size=3),
)
def test_splitting_a_period_changes_nothing_beyond_the_rounding(seed, n, cuts):
    usage = random_usage(n, Q1, seed)
    whole = rate(usage, Q1, one_each(n, Q1, DUAL))
    days = [Q1.from_date, *(list(Q1.days())[cut] for cut in sorted(cuts)), Q1.to_date]
    parts = [Dates(first, end) for first, end in itertools.pairwise(days)]
    split = []
    for part in parts:
        slots = part.period(TZ).slots
        window = slice(slots.start - usage.first_slot, slots.stop - usage.first_slot)
        piece = Usage(
            slots.start, ZURICH, usage.consumption_mwh[:, window], usage.solar_mwh[:, window]
        )
        split.append(rate(piece, part, one_each(n, part, DUAL)))
    for row in range(n):
        assert sum(one[row].consumption_wh for one in split) == whole[row].consumption_wh
        for ref in ("solar-ht", "grid-nt"):
            together = sum(lines_of(one[row])[ref].quantity_wh for one in split)
            assert abs(together - lines_of(whole[row])[ref].quantity_wh) <= len(parts)


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 3, 29), date(2026, 3, 30)),
        (date(2026, 10, 25), date(2026, 10, 26)),
    ],
)
def test_days_of_a_clock_change(day, end):
    dates = Dates(day, end)
    (one,) = rate(random_usage(1, dates), dates, one_each(1, dates, DUAL))
    assert lines_of(one)["solar-ht"].quantity_wh == 0  # a Sunday
    nt = lines_of(one)
    assert nt["solar-nt"].quantity_wh + nt["grid-nt"].quantity_wh == one.consumption_wh


def test_a_missing_price_raises_and_names_everything():
    with pytest.raises(NoPrice) as caught:
        rate(random_usage(2, Q1), Q1, one_each(2, Q1, only(FLAT, "grid")))
    assert len(caught.value.gaps) == 2
    assert "no price for solar energy (electricity) of H0 from 2026-01-01" in str(caught.value)


def test_grid_energy_that_the_grid_operator_bills_is_no_line():
    usage = random_usage(2, Q1)
    people = one_each(2, Q1, only(FLAT, "solar"))
    for one in rate(usage, Q1, people, grid_elsewhere=True):
        assert [line.component.ref for line in one.lines] == ["solar"]
        assert lines_of(one)["solar"].quantity_wh == one.solar_wh < one.consumption_wh
    with pytest.raises(NoPrice, match="solar energy"):
        rate(usage, Q1, one_each(2, Q1, only(FLAT, "grid")), grid_elsewhere=True)


def test_a_sheet_that_forgets_the_grid_beside_one_that_prices_it_is_a_hole():
    day = date(2026, 2, 1)
    both = replace(FLAT, ref="1", valid=Dates(Q1.from_date, day))
    sun = replace(only(FLAT, "solar"), ref="2", valid=Dates(day, Q1.to_date))
    people = [Participant("A", Q1, (("electricity", 0),), (both, sun))]
    with pytest.raises(NoPrice, match="grid energy"):
        rate(random_usage(1, Q1), Q1, people, grid_elsewhere=True)


def test_a_missing_slot_raises():
    with pytest.raises(NoPrice, match="grid energy"):
        rate(
            random_usage(1, Q1), Q1, one_each(1, Q1, only(DUAL, "solar-ht", "solar-nt", "grid-ht"))
        )


def test_days_without_a_sheet_raise():
    late = replace(FLAT, valid=Dates(date(2026, 1, 2)))
    with pytest.raises(NoPrice):
        rate(random_usage(1, Q1), Q1, one_each(1, Q1, late))


def test_what_nobody_used_needs_no_price():
    usage = random_usage(1, Q1)
    dark = Usage(usage.first_slot, ZURICH, usage.consumption_mwh, usage.solar_mwh * 0)
    (one,) = rate(dark, Q1, one_each(1, Q1, only(FLAT, "grid")))
    assert one.lines[0].quantity_wh == one.consumption_wh


def test_two_sheets_for_one_day_are_refused():
    people = [Participant("A", Q1, (("electricity", 0),), (FLAT, replace(FLAT, ref="2")))]
    with pytest.raises(BadUsage, match="both price electricity"):
        rate(random_usage(1, Q1), Q1, people)


def test_power_peaks_by_month_and_period():
    usage = random_usage(1, Q1)
    consumption = np.full_like(usage.consumption_mwh, 100_000)
    for day, peak_wh in ((10, 2275), (40, 2325), (70, 2275)):
        consumption[0, day * 96] = peak_wh * 1000
    peaks = sheet(
        energy("grid", "grid", "0.1"),
        fee("power", Unit.KW, "3.60", None, flow="grid", peak_per=PeakPer.MONTH),
        fee("once", Unit.KW, "5", None, flow="total", peak_per=PeakPer.PERIOD),
    )
    flat = Usage(usage.first_slot, ZURICH, consumption, consumption * 0)
    lines = lines_of(rate(flat, Q1, one_each(1, Q1, peaks))[0])
    assert lines["power"].quantity == Decimal("27.500")  # 9.1 + 9.3 + 9.1, as in W1
    assert lines["power"].amount_exact == 99
    assert lines["once"].quantity == Decimal("9.300")


def test_a_month_with_two_sheets_has_one_peak_and_one_fee():
    fees = sheet(
        energy("grid", "grid", "0.1"),
        energy("solar", "solar", "0.1"),
        fee("power", Unit.KW, "3.60", None, flow="total", peak_per=PeakPer.MONTH),
        fee("month", Unit.MONTH, "5", ProRata.FULL_MONTHS),
        fee("point", Unit.BILLING_POINT, "2", ProRata.WHOLE),
    )
    first = replace(fees, ref="1", valid=Dates(date(2026, 1, 1), date(2026, 2, 15)))
    second = replace(fees, ref="2", valid=Dates(date(2026, 2, 15)))
    people = [Participant("A", Q1, (("electricity", 0),), (first, second))]
    (one,) = rate(random_usage(1, Q1), Q1, people)
    months = [(x.sheet.ref, x.quantity) for x in one.lines if x.component.ref == "month"]
    assert months == [("1", 2), ("2", 1)]
    assert [x.sheet.ref for x in one.lines if x.component.ref == "point"] == ["1"]
    (whole,) = rate(random_usage(1, Q1), Q1, one_each(1, Q1, fees))
    power = total([x.quantity for x in one.lines if x.component.ref == "power"])
    assert power == lines_of(whole)["power"].quantity


def test_volumes_between_readings():
    water = sheet(
        replace(energy("water", "cold_water", "2.10"), unit=Unit.M3, solution="water"),
        energy("grid", "grid", "0.3"),
        energy("solar", "solar", "0.3"),
    )
    read = Volume("water", "cold_water", Q1.from_date, Q1.to_date, Decimal("12.345"))
    usage = random_usage(1, Q1)
    person = replace(one_each(1, Q1, water)[0], volumes=(read,))
    assert lines_of(rate(usage, Q1, [person])[0])["water"].amount_exact == Decimal("25.92450")
    with pytest.raises(NoPrice, match="hot_water"):
        rate(usage, Q1, [replace(person, volumes=(replace(read, flow="hot_water"),))])
    with pytest.raises(BadUsage, match="add a reading of 2026-02-01"):
        rate(usage, Q1, [person], [date(2026, 2, 1)])


def test_a_charging_row_is_its_own_solution():
    both = sheet(
        energy("solar", "solar", "0.24"),
        energy("grid", "grid", "0.30"),
        energy("ev-solar", "solar", "0.28", solution="charging"),
        energy("ev-grid", "grid", "0.36", solution="charging"),
    )
    usage = random_usage(2, Q1)
    person = Participant("A", Q1, (("electricity", 0), ("charging", 1)), (both,))
    (one,) = rate(usage, Q1, [person])
    lines = lines_of(one)
    charged = lines["ev-solar"].quantity_wh + lines["ev-grid"].quantity_wh
    assert charged * 1000 == int(usage.consumption_mwh[1].sum())
    assert sum(line.quantity_wh for line in one.lines) == one.consumption_wh


def test_usage_that_does_not_fit_is_refused():
    usage = random_usage(1, Q1)
    january = Dates(date(2026, 1, 1), date(2026, 2, 1))
    finer = Usage(usage.first_slot, ZURICH, usage.consumption_mwh + 1, usage.solar_mwh)
    with pytest.raises(BadUsage, match="quarter-hours"):
        rate(usage, january, one_each(1, january, FLAT))
    with pytest.raises(BadUsage, match="exceeds"):
        Usage(usage.first_slot, ZURICH, usage.solar_mwh, usage.consumption_mwh + 1)
    with pytest.raises(BadUsage, match="whole Wh"):
        rate(finer, Q1, one_each(1, Q1, FLAT))
    with pytest.raises(BadUsage, match="outside"):
        rate(usage, Q1, one_each(1, Dates(date(2025, 12, 1), date(2026, 2, 1)), FLAT))
    with pytest.raises(BadUsage, match="row 5 of 1"):
        rate(usage, Q1, [Participant("A", Q1, (("electricity", 5),), (FLAT,))])
    with pytest.raises(BadUsage, match="int64"):
        Usage(usage.first_slot, ZURICH, usage.consumption_mwh.astype(float), usage.solar_mwh)
