"""What is odd in the quarter-hours of a site: each kind is found, and a plain site is quiet."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quartier.apps.equipment.models import Assignment, Device, Meter, Register
from quartier.apps.metering import store
from quartier.apps.metering.check import check
from quartier.apps.metering.operations import IncomingReading, receive_readings
from quartier.apps.metering.validation import validated
from quartier.apps.sites.models import BillingPoint, Building
from quartier.core.kernel.findings import Severity
from quartier.core.kernel.period import Dates, local_midnight, timezone_of
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series

pytestmark = pytest.mark.db

DATES = Dates(date(2026, 3, 1), date(2026, 4, 5))  # over a change of the clock
SLOTS = DATES.period(timezone_of("Europe/Zurich")).slots
NOW = datetime(2026, 4, 6, tzinfo=UTC)
HOURS = (np.arange(SLOTS.start, SLOTS.stop) % 96) / 4
SUN = (np.maximum(np.sin((HOURS - 5) / 13 * np.pi), 0) * 900).astype(int) * (HOURS > 5)


def put(site, register, energy_wh, first_slot=SLOTS.start, quality=Quality.MEASURED):
    series = Series.of(register.pk, first_slot, [int(wh) for wh in energy_wh], quality)
    store.write(site.pk, [series], source="test", known_at=NOW)


@pytest.fixture
def building(site, register):
    """A grid entry, a roof and two homes that add up, in every quarter-hour."""
    house = Building.objects.create(site=site, ref="a", name="A")
    used = np.random.default_rng(3).integers(20, 400, size=(2, len(SLOTS)))
    registers = {
        "in": register("grid", mode=Meter.Mode.GRID),
        "out": register("grid", direction="export"),
        "pv": register("pv", direction="export", mode=Meter.Mode.PRODUCTION),
    }
    for n in (0, 1):
        point = BillingPoint.objects.create(site=site, building=house, ref=f"w{n}", name=f"W{n}")
        registers[f"m{n}"] = register(f"m{n}", fuse_a=Decimal(25))
        Assignment.objects.create(
            meter=registers[f"m{n}"].meter, billing_point=point, starts_date=date(2025, 1, 1)
        )
        put(site, registers[f"m{n}"], used[n])
    balance = used.sum(axis=0) - SUN
    put(site, registers["pv"], SUN)
    put(site, registers["in"], np.maximum(balance, 0))
    put(site, registers["out"], np.maximum(-balance, 0))
    return registers


def codes(site, dates=DATES, **options):
    return [finding.code for finding in validated(site, dates, **options)]


def test_a_plain_building_is_quiet(site, building):
    assert codes(site) == []
    assert list(check(site)) == []


def test_the_queries_do_not_grow_with_the_building(site, building, register):
    with CaptureQueriesContext(connection) as few:
        validated(site, DATES)
    for n in range(9):
        register(f"more{n}")
    with CaptureQueriesContext(connection) as many:
        validated(site, DATES)
    assert 0 < len(few) == len(many) <= 5


@pytest.mark.parametrize(
    ("which", "energy_wh", "code"),
    [
        ("m0", [-5], "metering.negative"),
        ("m0", [4_331], "metering.over_fuse"),
        ("m1", [77] * 32, "metering.flat"),
        ("pv", [21_000], "metering.spike"),
    ],
)
def test_what_is_odd_in_a_meter_is_named(site, building, which, energy_wh, code):
    put(site, building[which], energy_wh, SLOTS.start + 48)
    found = [one for one in validated(site, DATES) if one.code != "metering.sum"]
    assert [one.code for one in found] == [code]
    assert f"meter {building[which].meter.ref}" in found[0].where
    assert code in {one.code for one in check(site)}


def test_a_gap_counts_where_a_device_was_there_to_count(site, building):
    late = Dates(date(2026, 3, 1), date(2026, 4, 6))
    assert set(codes(site, late)) == {"metering.gap"}
    assert codes(site, late, is_complete=False) == []
    removed_at = local_midnight(date(2026, 4, 5), timezone_of(site.timezone))
    for meter in Meter.objects.filter(site=site):
        Device.objects.create(
            meter=meter,
            serial="A",
            installed_at=datetime(2025, 1, 1, tzinfo=UTC),
            removed_at=removed_at,
        )
    assert codes(site, late) == []


def test_a_gap_inside_is_found_while_data_comes_in(site, building):
    put(site, building["m0"], [100], SLOTS.stop + 2)
    (gap,) = [one for one in check(site) if one.code == "metering.gap"]
    assert "2 quarter-hours" in gap.message


def test_a_meter_that_is_wired_wrong_breaks_the_sum(site, building):
    put(site, building["m0"], [0] * len(SLOTS))
    (finding,) = validated(site, DATES)
    assert (finding.code, finding.severity) == ("metering.sum", Severity.ERROR)


def test_a_home_counts_for_the_sum_only_while_it_has_a_billing_point(site, building):
    Assignment.objects.create(
        meter=building["m0"].meter, billing_point=None, starts_date=date(2026, 3, 15)
    )
    assert codes(site) == ["metering.sum"]


def test_a_roof_that_is_a_home_produces_by_night(site, building):
    Meter.objects.filter(site=site).update(is_enabled=False)
    Meter.objects.filter(ref="m0").update(mode=Meter.Mode.PRODUCTION, is_enabled=True)
    assert codes(site) == ["metering.produces_by_night"]


def test_a_split_that_does_not_add_up(site, building):
    meter = building["m0"].meter
    parts = [
        Register.objects.create(site=site, meter=meter, obis="1-1:1.29.0", part=part)
        for part in ("community", "residual")
    ]
    total = store.read(site.pk, [building["m0"].pk], SLOTS.start, SLOTS.stop).energy_wh[0]
    put(site, parts[0], total // 3)
    put(site, parts[1], total - total // 3)
    assert codes(site) == []
    put(site, parts[1], [total[0]], SLOTS.start)
    assert codes(site) == ["metering.split"]


def test_readings_a_month_apart_are_not_flat(site, building):
    meter = Meter.objects.create(site=site, ref="lift", name="Lift")
    lift = Register.objects.create(site=site, meter=meter, obis="1-1:1.8.0")
    Device.objects.create(meter=meter, serial="L", installed_at=datetime(2026, 3, 1, tzinfo=UTC))
    readings = [
        IncomingReading(lift.pk, datetime(2026, month, 1, tzinfo=UTC), Decimal(value), "s")
        for month, value in ((3, 0), (4, 300_000))
    ]
    receive_readings(site, readings, received_at=NOW)
    assert store.coverage(site.pk, [lift.pk], SLOTS.start + 4, SLOTS.stop - 500) == {
        lift.pk: {Quality.ESTIMATED: len(SLOTS) - 504}
    }
    assert codes(site, is_complete=False) == []


def test_a_curve_that_stopped_coming_is_late_a_counter_is_not(site, building):
    put(site, building["m0"], [100] * 2, SLOTS.stop + 46 * 96)
    assert {one.code for one in check(site)} == {"metering.gap"}
    Meter.objects.filter(ref="m1").update(source=Meter.Source.CURVE)
    late = [one for one in check(site) if one.code == "metering.late"]
    assert ["meter m1" in one.where for one in late] == [True]


def test_a_rule_that_cannot_be_computed_is_a_finding(site, building):
    Meter.objects.create(
        site=site, ref="rest", name="Rest", source=Meter.Source.VIRTUAL, rule="grid - nobody"
    )
    (finding,) = check(site)
    assert finding.code == "metering.bad_rule"
    assert "nobody" in finding.message
