"""Energy by meter: swapped wiring, virtual meters, sums over local days."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from quartier.apps.equipment.models import Meter
from quartier.apps.metering import store
from quartier.apps.metering.queries import BadRule, energy_by_step, meter_intervals
from quartier.core.kernel.period import Dates, slot_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH, Series

pytestmark = pytest.mark.db

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SLOT = slot_at(datetime(2026, 1, 1, tzinfo=UTC))


def put(site, register, values, quality=Quality.MEASURED, first_slot=SLOT):
    series = Series.of(register.id, first_slot, values, quality)
    store.write(site.id, [series], source="test", known_at=NOW)


def virtual(site, ref, rule, **fields):
    return Meter.objects.create(
        site=site, ref=ref, name=ref, source=Meter.Source.VIRTUAL, rule=rule, **fields
    )


def read(site, *meters, slots=3, **more):
    return meter_intervals(site, meters, SLOT, SLOT + slots, **more)


def test_a_meter_has_what_its_registers_measured(site, register, django_assert_max_num_queries):
    import_, export = register("entry"), register("entry", "export")
    put(site, import_, [10, 20, None])
    put(site, export, [1, None, 3], Quality.ESTIMATED)
    meter, bare = import_.meter, register("bare").meter
    with django_assert_max_num_queries(3):
        energy = read(site, meter, bare)
    assert energy.import_of(meter).tolist() == [10, 20, MISSING_WH]
    assert energy.export_of(meter).tolist() == [1, MISSING_WH, 3]
    assert energy.quality_of(meter).tolist() == [Quality.ESTIMATED, 0, 0]
    assert not energy.has(bare, "export")
    assert energy.export_of(bare).tolist() == [MISSING_WH] * 3


def test_swapped_wiring_changes_the_directions(site, register):
    import_, export = register("m", is_swapped=True), register("m", "export")
    put(site, import_, [1])
    put(site, export, [2])
    energy = read(site, import_.meter, slots=1)
    assert (energy.import_of(import_.meter)[0], energy.export_of(import_.meter)[0]) == (2, 1)


def test_a_virtual_meter_is_computed_and_its_gaps_with_it(site, register):
    entry, out = register("entry", mode="grid"), register("entry", "export")
    pv = register("pv", "export", mode="production")
    put(site, entry, [100, 100, None])
    put(site, out, [0, 30, 30])
    put(site, pv, [0, 50, 60], Quality.ESTIMATED)
    used = virtual(site, "used", "entry + pv - entry:export")
    double = virtual(site, "double", "used + used")
    energy = read(site, double)
    assert energy.import_of(double).tolist() == [200, 240, MISSING_WH]
    assert energy.quality_of(double).tolist() == [Quality.ESTIMATED, Quality.ESTIMATED, 0]
    assert energy.import_of(used).tolist() == [100, 120, MISSING_WH]
    assert energy.findings == ()
    assert energy.stored.register_ids == tuple(sorted((entry.id, out.id, pv.id)))


def test_a_virtual_production_is_an_export(site, register):
    put(site, register("a", "export", mode="production"), [5])
    meter = virtual(site, "both", "a + a", mode="production")
    assert read(site, meter, slots=1).export_of(meter)[0] == 10


def test_a_virtual_meter_below_zero_is_a_finding(site, register):
    put(site, register("a"), [5, 5])
    put(site, register("b"), [4, 6])
    meter = virtual(site, "rest", "a - b")
    energy = read(site, meter, slots=2)
    assert energy.import_of(meter).tolist() == [1, -1]
    assert [(f.code, f.where) for f in energy.findings] == [("metering.virtual_negative", "rest")]


@pytest.mark.parametrize("flag", [{"is_isolated": True}, {"is_enabled": False}])
def test_a_rule_refuses_isolated_and_disabled_meters(site, register, flag):
    register("a", **flag)
    with pytest.raises(BadRule, match="rule of v"):
        read(site, virtual(site, "v", "a"))


def test_a_rule_reaches_no_other_site(site, register):
    with pytest.raises(BadRule, match="no meter of this site"):
        read(site, virtual(site, "v", "elsewhere"))


def test_as_of_reaches_through_rules(site, register):
    a = register("a")
    put(site, a, [1])
    later = datetime(2026, 2, 1, tzinfo=UTC)
    store.write(site.id, [Series.of(a.id, SLOT, [9])], source="test", known_at=later)
    meter = virtual(site, "v", "a + a")
    assert read(site, meter, slots=1).import_of(meter)[0] == 18
    assert read(site, meter, slots=1, as_of=NOW).import_of(meter)[0] == 2


@pytest.mark.parametrize(
    ("step", "counts"),
    [
        ("day", {0: 96, 28: 92, 238: 100}),
        ("month", {0: 2972, 7: 2980, 8: 2880}),
        ("year", {0: 29_376}),
    ],
)
def test_sums_follow_the_local_calendar(
    site, register, step, counts, django_assert_max_num_queries
):
    """March 2026 has 2,972 quarter-hours and October 2,980 (rules.md f.1)."""
    a, b = register("a"), register("b")
    dates = Dates(date(2026, 3, 1), date(2027, 1, 1))
    first = slot_at(datetime(2026, 2, 28, 23, tzinfo=UTC))
    put(site, a, [1] * 29_400, first_slot=first)
    with django_assert_max_num_queries(1):
        totals = energy_by_step(site, [a.id, b.id], dates, step)
    assert {i: int(totals.energy_wh[0, i]) for i in counts} == counts
    assert totals.energy_wh[0].sum() == 29_376
    assert np.array_equal(totals.missing[1], totals.energy_wh[0])
    assert totals.dates[0].from_date == date(2026, 3, 1)
    assert totals.dates[-1].to_date == date(2027, 1, 1)
