"""The shared energy of a site, whatever the rule: exact, and silent about nothing."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest

from quartier.apps.contracts.models import Community
from quartier.apps.equipment.models import Assignment, Device, Meter, Register
from quartier.apps.metering import store
from quartier.apps.metering.models import IntervalBlock
from quartier.apps.sharing.energy import shared_energy
from quartier.apps.sharing.sources import sources_in
from quartier.apps.sites.models import BillingPoint
from quartier.cli.bench import _world as world
from quartier.core.kernel.period import Dates, timezone_of
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series

pytestmark = pytest.mark.db

DAYS = Dates(date(2026, 10, 24), date(2026, 10, 27))
"""Three days with a clock change: 96 + 100 + 96 quarter-hours."""


@pytest.fixture
def site(db):
    return world.site_with(3, "linde", DAYS)


def slots_of(site):
    return DAYS.period(timezone_of(site.timezone)).slots


def set_rule(site, rule, **more):
    Community.objects.filter(site=site).update(rule=rule, **more)


def conserved(shared):
    assert np.array_equal(shared.solar_mwh.sum(axis=0), shared.used_mwh.sum(axis=0))
    assert np.array_equal(shared.used_mwh + shared.surplus_mwh, shared.production_mwh)
    assert (shared.solar_mwh >= 0).all()
    assert (shared.solar_mwh <= shared.consumption_mwh).all()


@pytest.mark.parametrize(
    ("rule", "more"),
    [
        ("proportional", {}),
        ("equal", {}),
        ("priority", {}),
        ("quota", {"params": {"rest": "proportional"}}),
    ],
)
def test_every_rule_conserves_the_energy(site, rule, more):
    BillingPoint.objects.filter(site=site).update(quota=Decimal("0.333333333"))
    BillingPoint.objects.filter(site=site, ref="w002").update(self_consumption_priority=5)
    set_rule(site, rule, **more)
    shared, findings = shared_energy(site, DAYS)
    assert findings == ()
    assert shared.consumption_mwh.shape == (3, 292)
    conserved(shared)
    if rule == "priority":
        first = shared.row(BillingPoint.objects.get(ref="w002").pk)
        production = shared.production_mwh.sum(axis=0)
        expected = np.minimum(shared.consumption_mwh[first], production)
        assert np.array_equal(shared.solar_mwh[first], expected)


def test_balanced_against_the_grid_meter_the_grid_shares_are_what_it_counted(site):
    set_rule(site, "proportional", is_balanced=True)
    shared, findings = shared_energy(site, DAYS)
    assert findings == ()
    grid = (shared.consumption_mwh - shared.solar_mwh).sum(axis=0)
    assert np.array_equal(grid, shared.grid_in_mwh)


def test_the_agreement_can_change_inside_the_period(site):
    Community.objects.create(site=site, starts_date=date(2026, 10, 25), rule="equal")
    shared, findings = shared_energy(site, DAYS)
    assert findings == ()
    before, _ = shared_energy(site, Dates(DAYS.from_date, date(2026, 10, 25)))
    after, _ = shared_energy(site, Dates(date(2026, 10, 25), DAYS.to_date))
    assert np.array_equal(shared.solar_mwh[:, :96], before.solar_mwh)
    assert np.array_equal(shared.solar_mwh[:, 96:], after.solar_mwh)


def test_a_gap_stops_the_sharing_of_that_quarter_hour_for_everybody(site):
    slots = slots_of(site)
    new = Meter.objects.create(site=site, ref="m004", name="Neu")
    point = BillingPoint.objects.get(ref="w001")
    Assignment.objects.create(meter=new, billing_point=point, starts_date=world.START)
    register = Register.objects.create(site=site, meter=new, obis="1-1:1.29.0")
    values = np.full(len(slots) - 1, 10)
    store.write(
        site.pk,
        [Series(register.pk, slots.start + 1, values, np.ones(len(values), np.uint8))],
        source="test",
        known_at=world.KNOWN_AT,
    )
    shared, findings = shared_energy(site, DAYS)
    assert "metering.gap" in {finding.code for finding in findings}
    assert shared.site_quality[0] == Quality.MISSING
    assert (shared.solar_mwh[:, 0] == 0).all()
    assert shared.quality[shared.row(point.pk), 0] == Quality.MISSING
    assert (shared.site_quality[1:] == Quality.MEASURED).all()


def test_two_meters_of_one_billing_point_add_up_and_the_worse_quality_counts(site):
    slots = slots_of(site)
    new = Meter.objects.create(site=site, ref="m004", name="Neu")
    point = BillingPoint.objects.get(ref="w001")
    Assignment.objects.create(meter=new, billing_point=point, starts_date=date(2026, 10, 25))
    register = Register.objects.create(site=site, meter=new, obis="1-1:1.29.0")
    store.write(
        site.pk,
        [
            Series(
                register.pk,
                slots.start,
                np.full(len(slots), 10),
                np.full(len(slots), int(Quality.ESTIMATED), np.uint8),
            )
        ],
        source="test",
        known_at=world.KNOWN_AT,
    )
    first, _ = shared_energy(site, Dates(DAYS.from_date, date(2026, 10, 25)))
    shared, _ = shared_energy(site, DAYS)
    row = shared.row(point.pk)
    assert np.array_equal(shared.consumption_mwh[:, :96], first.consumption_mwh)
    assert (shared.quality[row, :96] == Quality.MEASURED).all()
    assert (shared.quality[row, 96:] == Quality.ESTIMATED).all()
    alone = store.read(
        site.pk, [Register.objects.get(meter__ref="m001").pk], slots.start, slots.stop
    )
    expected = (alone.energy_wh[0, 96:] + 10) * 1000
    assert np.array_equal(shared.consumption_mwh[row, 96:], expected)


def test_a_meter_that_counts_only_what_flows_back_is_a_gap(site):
    Register.objects.filter(meter__ref="m001").update(direction=Register.Direction.EXPORT)
    shared, findings = shared_energy(site, DAYS)
    row = shared.row(BillingPoint.objects.get(ref="w001").pk)
    assert (shared.quality[row] == Quality.MISSING).all()
    assert (shared.site_quality == Quality.MISSING).all()
    assert [one.severity for one in findings if one.code == "metering.gap"] == ["error"]


def test_a_virtual_meter_and_a_swapped_one(site):
    slots = slots_of(site)
    swapped = Meter.objects.create(site=site, ref="sub", name="Sub", is_swapped=True)
    register = Register.objects.create(
        site=site, meter=swapped, obis="1-1:2.29.0", direction="export"
    )
    store.write(
        site.pk,
        [Series(register.pk, slots.start, np.full(len(slots), 2), np.ones(len(slots), np.uint8))],
        source="test",
        known_at=world.KNOWN_AT,
    )
    sums = Meter.objects.create(
        site=site, ref="sum", name="Summe", source=Meter.Source.VIRTUAL, rule="m001 + sub"
    )
    extra = BillingPoint.objects.create(
        site=site, building=site.buildings.get(), ref="w009", name="Gewerbe"
    )
    Assignment.objects.create(meter=sums, billing_point=extra, starts_date=world.START)
    Meter.objects.filter(pk=swapped.pk).update(mode=Meter.Mode.BATTERY)
    shared, _ = shared_energy(site, DAYS)
    one, both = (
        shared.row(BillingPoint.objects.get(ref="w001").pk),
        shared.row(extra.pk),
    )
    assert np.array_equal(
        shared.consumption_mwh[both], shared.consumption_mwh[one] + np.int64(2000)
    )
    assert (shared.charge_mwh == 2000).all()


def test_of_a_local_community_the_operators_split_counts(site):
    slots = slots_of(site)
    set_rule(site, "proportional", kind="leg")
    series = []
    for number, meter in enumerate(Meter.objects.filter(ref__startswith="m").order_by("ref")):
        total = Register.objects.get(meter=meter, part="total")
        share = Register.objects.create(site=site, meter=meter, obis="1-1:1.29.0", part="community")
        known = store.read(site.pk, [total.pk], slots.start, slots.stop).energy_wh[0]
        series.append(
            Series(share.pk, slots.start, known // (number + 2), np.ones(len(slots), np.uint8))
        )
    store.write(site.pk, series, source="test", known_at=world.KNOWN_AT)
    shared, findings = shared_energy(site, DAYS)
    assert findings == ()
    for row, one in enumerate(series):
        assert np.array_equal(shared.solar_mwh[row], one.energy_wh * 1000)
    first = series[0]
    too_much = Series(first.register_id, first.first_slot, first.energy_wh * 2 + 2, first.quality)
    store.write(site.pk, [too_much], source="test", known_at=world.KNOWN_AT)
    shared, findings = shared_energy(site, DAYS)
    assert [finding.code for finding in findings] == ["sharing.split"]
    assert (shared.solar_mwh <= shared.consumption_mwh).all()


def test_a_missing_split_stops_a_local_community(site):
    set_rule(site, "proportional", kind="leg")
    _, findings = shared_energy(site, DAYS)
    assert {finding.code for finding in findings} == {"metering.gap"}
    assert "from the community" in findings[0].message


def test_a_virtual_meter_below_zero_is_unknown_and_said(site):
    Meter.objects.create(
        site=site, ref="rest", name="Rest", source=Meter.Source.VIRTUAL, rule="m001 - m002 - m003"
    )
    extra = BillingPoint.objects.create(
        site=site, building=site.buildings.get(), ref="w009", name="Allgemein"
    )
    Assignment.objects.create(
        meter=Meter.objects.get(ref="rest"), billing_point=extra, starts_date=world.START
    )
    shared, findings = shared_energy(site, DAYS)
    assert any(finding.severity == "error" for finding in findings)
    assert "sharing.rule" not in {finding.code for finding in findings}
    assert (shared.consumption_mwh >= 0).all()


def test_a_day_that_is_not_over_misses_nothing(site):
    longer = Dates(DAYS.from_date, date(2026, 10, 28))
    _, findings = shared_energy(site, longer)
    assert {finding.code for finding in findings} == {"metering.gap"}
    _, findings = shared_energy(site, longer, due_before=date(2026, 10, 27))
    assert findings == ()
    _, findings = shared_energy(site, longer, due_before=date(2020, 1, 1))
    assert findings == ()


def test_what_a_rule_takes_away_is_not_counted_there(site):
    """The energy of a meter that only stands behind a minus would be lost."""
    for rule, lost in (
        ("m001 - m002", ["m002"]),
        ("m001+m002", []),
        ("m001 + m002:import", []),
        ("- m002 + m001", ["m002"]),
    ):
        Meter.objects.filter(ref="virtual").delete()
        virtual = Meter.objects.create(
            site=site, ref="virtual", name="V", source=Meter.Source.VIRTUAL, rule=rule
        )
        point = BillingPoint.objects.get(site=site, ref="w001")
        Assignment.objects.filter(meter__ref__in=["m001", "m002"]).delete()
        Assignment.objects.create(meter=virtual, billing_point=point, starts_date=world.START)
        _, findings = sources_in(site, DAYS)
        assert [finding.where for finding in findings] == [f"linde, meter {ref}" for ref in lost]


def test_quotas_levels_and_assignments_are_inputs(site):
    set_rule(site, "quota", params={"rest": "export"})
    BillingPoint.objects.filter(site=site).update(quota=Decimal("0.3"))
    first = shared_energy(site, DAYS)[0].inputs
    assert shared_energy(site, DAYS)[0].inputs == first
    BillingPoint.objects.filter(site=site, ref="w002").update(quota=Decimal("0.4"))
    second = shared_energy(site, DAYS)[0].inputs
    assert {one.kind for one in set(second) - set(first)} == {"community"}
    other = BillingPoint.objects.get(site=site, ref="w003")
    Assignment.objects.filter(meter__ref="m001").update(billing_point=other)
    third = shared_energy(site, DAYS)[0].inputs
    assert {one.kind for one in set(third) - set(second)} == {"meters"}


def test_a_meter_that_takes_the_place_of_another_is_no_second_metering_point(site):
    point = BillingPoint.objects.get(site=site, ref="w001")
    monday = date(2026, 10, 26)
    for ref, starts in (("m004", world.START), ("m005", monday)):
        meter = Meter.objects.create(site=site, ref=ref, name=ref)
        if starts == monday:
            Assignment.objects.create(meter=meter, billing_point=None, starts_date=world.START)
        Assignment.objects.create(meter=meter, billing_point=point, starts_date=starts)
    Assignment.objects.create(
        meter=Meter.objects.get(ref="m004"), billing_point=None, starts_date=monday
    )
    shared, _ = shared_energy(site, DAYS)
    assert shared.metering_points(point.pk, DAYS) == 2
    assert shared.metering_points(BillingPoint.objects.get(ref="w002").pk, DAYS) == 1
    assert shared.metering_points(-1, DAYS) == 0


def test_a_dwelling_without_a_quota_is_named(site):
    set_rule(site, "quota", params={"rest": "export"})
    BillingPoint.objects.filter(site=site).update(quota=Decimal("0.5"))
    BillingPoint.objects.filter(site=site, ref="w002").update(quota=Decimal(0))
    BillingPoint.objects.filter(site=site, ref="w003").update(quota=None)
    shared, (finding,) = shared_energy(site, DAYS)
    assert (finding.code, finding.severity) == ("sharing.no_quota", "warning")
    assert finding.message.endswith(": w003.")
    assert not shared.solar_mwh[shared.row(BillingPoint.objects.get(ref="w003").pk)].any()


def test_a_meter_counts_for_nobody_before_it_is_installed(site):
    new = Meter.objects.create(site=site, ref="m004", name="Neu")
    device = Device.objects.create(
        meter=new, serial="X-1", installed_at=datetime(2026, 10, 25, 23, tzinfo=UTC)
    )
    point = BillingPoint.objects.get(ref="w001")
    Assignment.objects.create(meter=new, billing_point=point, starts_date=date(2026, 10, 26))
    _, findings = shared_energy(site, DAYS)
    assert {finding.code for finding in findings} == {"metering.gap"}
    Device.objects.filter(pk=device.pk).update(installed_at=datetime(2026, 10, 24, tzinfo=UTC))
    _, findings = shared_energy(site, DAYS)
    unmapped = [finding for finding in findings if finding.code == "sharing.unmapped"]
    assert "2026-10-24 to 2026-10-26" in unmapped[0].message


def assigned(ref, point, *starts):
    """The meter ``ref`` counts for ``point`` from the first date and, alternating, for nobody."""
    Assignment.objects.filter(meter__ref=ref).delete()
    for place, day in enumerate(starts):
        Assignment.objects.create(
            meter=Meter.objects.get(ref=ref),
            billing_point=None if place % 2 else point,
            starts_date=day,
        )


SUNDAY, MONDAY = date(2026, 10, 25), date(2026, 10, 26)


def test_without_a_meter_on_some_days_it_is_unknown_and_stops_nobody_else(site):
    point = BillingPoint.objects.get(site=site, ref="w001")
    assigned("m001", point, world.START, SUNDAY, MONDAY)
    shared, _ = shared_energy(site, DAYS)
    row = shared.row(point.pk)
    assert (shared.quality[row, 96:196] == Quality.MISSING).all()
    assert (shared.quality[row, :96] == Quality.MEASURED).all()
    assert (shared.quality[row, 196:] == Quality.MEASURED).all()
    assert not shared.consumption_mwh[row, 96:196].any()
    assert (shared.site_quality == Quality.MEASURED).all()
    assert shared.solar_mwh[:, 96:196].any()
    assert shared.unfed(point.pk, DAYS) == [Dates(SUNDAY, MONDAY)]
    assert shared.unfed(point.pk, Dates(MONDAY, DAYS.to_date)) == []
    assert list(shared.has_meter) == [True, True, True]


def cut_off(ref, first, end):
    """Nothing is stored of the meter ``ref`` outside of the quarter-hours [first, end) of DAYS."""
    (register,) = Register.objects.filter(meter__ref=ref)
    slots = DAYS.period(timezone_of("Europe/Zurich")).slots
    read = store.read(register.site_id, [register.pk], slots.start, slots.stop)
    IntervalBlock.objects.filter(register_id=register.pk).delete()
    store.write(
        register.site_id,
        [
            Series(
                register.pk,
                slots.start + first,
                read.energy_wh[0, first:end],
                read.quality[0, first:end],
            )
        ],
        source="test",
        known_at=world.KNOWN_AT,
    )


@pytest.mark.parametrize(
    ("first", "said"),
    [(96, []), (100, []), (95, ["2026-10-24 to 2026-10-25"]), (0, ["2026-10-24 to 2026-10-25"])],
)
def test_a_meter_without_device_is_there_from_its_first_quarter_hour(site, first, said):
    assigned("m001", BillingPoint.objects.get(site=site, ref="w001"), SUNDAY)
    cut_off("m001", first, 292)
    _, findings = sources_in(site, DAYS)
    assert [finding.code for finding in findings] == ["sharing.unmapped"] * len(said)
    assert all(text in one.message for text, one in zip(said, findings, strict=True))


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (196, []),
        (230, []),  # exchanged on Monday: that day is the successor's
        (292, ["2026-10-26 to 2026-10-27"]),
    ],
)
def test_a_meter_without_device_is_gone_after_its_last_quarter_hour(site, end, said):
    assigned("m001", BillingPoint.objects.get(site=site, ref="w001"), world.START, MONDAY)
    cut_off("m001", 0, end)
    _, findings = sources_in(site, DAYS)
    assert [finding.code for finding in findings] == ["sharing.unmapped"] * len(said)
    assert all(text in one.message for text, one in zip(said, findings, strict=True))


def test_a_device_that_was_removed_counts_for_nobody_from_that_day_on(site):
    assigned("m001", BillingPoint.objects.get(site=site, ref="w001"), world.START, MONDAY)
    device = Device.objects.create(
        meter=Meter.objects.get(ref="m001"),
        serial="X-1",
        installed_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    _, (finding,) = sources_in(site, DAYS)
    assert "2026-10-26 to 2026-10-27" in finding.message
    for removed_at in (datetime(2026, 10, 26, 9, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        Device.objects.filter(pk=device.pk).update(removed_at=removed_at)
        assert sources_in(site, DAYS)[1] == ()
