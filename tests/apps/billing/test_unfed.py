"""A billing point without a meter on some days: never 0 in silence."""

from datetime import date, timedelta

import numpy as np
import pytest

from quartier.apps.billing.operations import bill
from quartier.apps.billing.prepare import prepare
from quartier.apps.equipment.models import Assignment, Meter, Register
from quartier.apps.metering import store
from quartier.apps.metering.models import IntervalBlock
from quartier.apps.sites.models import BillingPoint
from quartier.cli.bench import _world as world
from quartier.cli.bench._world import KNOWN_AT, QUARTER
from quartier.core.kernel.period import Dates
from quartier.core.metering.intervals import Series

pytestmark = pytest.mark.db

ISSUED = date(2026, 10, 5)
AUGUST, SEPTEMBER = date(2026, 8, 1), date(2026, 9, 1)


@pytest.fixture
def site(db):
    return world.site_with(4, "linde")


def prepared(site, dates=QUARTER):
    return prepare(site, dates, known_at=KNOWN_AT, issued_date=ISSUED)


def codes(result):
    return sorted({finding.code for finding in result.findings})


def reassigned(site, ref, *rows):
    """``rows`` of (start, ref of the billing point or None) are all assignments of a meter."""
    meter = Meter.objects.get(site=site, ref=ref)
    meter.assignments.all().delete()
    for starts_date, point in rows:
        Assignment.objects.create(
            meter=meter,
            billing_point=point and BillingPoint.objects.get(site=site, ref=point),
            starts_date=starts_date,
        )


UNFED = {
    "ends": ([(world.START, "w001"), (SEPTEMBER, None)], ["2026-09-01 to 2026-10-01"]),
    "starts": ([(AUGUST, "w001")], ["2026-07-01 to 2026-08-01"]),
    "pauses": (
        [(world.START, "w001"), (AUGUST, None), (SEPTEMBER, "w001")],
        ["2026-08-01 to 2026-09-01"],
    ),
    "moves away": ([(world.START, "w001"), (SEPTEMBER, "w002")], ["2026-09-01 to 2026-10-01"]),
}


@pytest.mark.parametrize(("rows", "said"), UNFED.values(), ids=UNFED)
def test_days_without_the_meter_of_other_days_stop_the_bill(site, rows, said):
    """They read 0, and nobody would have known."""
    reassigned(site, "m001", *rows)
    run, invoices = bill(site, QUARTER, now=KNOWN_AT, issued_date=ISSUED, actor="test")
    unfed = [one for one in run.findings if one.code == "billing.unfed"]
    assert [one.message for one in unfed] == [
        f"No electricity meter counts for it from {part} (exclusive)." for part in said
    ]
    assert all(one.severity == "error" and "Wohnung 1, Bewohner 1" in one.where for one in unfed)
    assert invoices == ()


def unbilled(site, ref="w001"):
    BillingPoint.objects.filter(site=site, ref=ref).update(is_billed=False)


@pytest.mark.parametrize(("rows", "said"), UNFED.values(), ids=UNFED)
def test_so_do_those_of_a_point_billed_to_nobody(site, rows, said):
    """It used solar energy there, or did not: the others' bills hang on it."""
    unbilled(site)
    assert codes(prepared(site)) == []
    reassigned(site, "m001", *rows)
    run, invoices = bill(site, QUARTER, now=KNOWN_AT, issued_date=ISSUED, actor="test")
    unfed = [one for one in run.findings if one.code == "billing.unfed"]
    assert [(one.where, one.severity) for one in unfed] == [("Wohnung 1", "error")] * len(said)
    assert all(one.message.endswith(f"for it from {part} (exclusive).") for one, part in
               zip(unfed, said, strict=True))  # fmt: skip
    assert invoices == ()
    reassigned(site, "m001")
    assert "billing.unfed" not in codes(prepared(site)), "without a meter it takes no part"


def test_nobody_elses_energy_hangs_on_it_where_the_program_shares_nothing(site):
    unbilled(site)
    reassigned(site, "m001", (world.START, "w001"), (SEPTEMBER, None))
    site.communities.update(kind="leg")
    assert "billing.unfed" not in codes(prepared(site))
    site.communities.update(kind="zev", starts_date=SEPTEMBER)
    unfed = [one for one in prepared(site).findings if one.code == "billing.unfed"]
    assert ["2026-09-01 to 2026-10-01" in one.message for one in unfed] == [True]
    site.communities.all().delete()
    assert "billing.unfed" not in codes(prepared(site))


def test_a_meter_that_takes_over_on_the_same_day_leaves_no_day_without(site):
    slots = QUARTER.period(world.timezone_of(site.timezone)).slots
    at = Dates(QUARTER.from_date, SEPTEMBER).period(world.timezone_of(site.timezone)).slots.stop
    old = Register.objects.get(site=site, meter__ref="m001")
    known = store.read(site.pk, [old.pk], slots.start, slots.stop)
    before = {one.point.ref: one.document for one in prepared(site).drafts}
    IntervalBlock.objects.filter(register_id=old.pk).delete()
    new = Meter.objects.create(site=site, ref="m001b", name="Ersatz")
    made = Register.objects.create(site=site, meter=new, obis="1-1:1.29.0")
    cut = at - slots.start
    store.write(
        site.pk,
        [
            Series(old.pk, slots.start, known.energy_wh[0, :cut], known.quality[0, :cut]),
            Series(made.pk, at, known.energy_wh[0, cut:], known.quality[0, cut:]),
        ],
        source="test", known_at=KNOWN_AT - timedelta(hours=1),
    )  # fmt: skip
    reassigned(site, "m001", (world.START, "w001"), (SEPTEMBER, None))
    reassigned(site, "m001b", (SEPTEMBER, "w001"))
    run = prepared(site)
    assert codes(run) == []
    assert {one.point.ref: one.document.lines for one in run.drafts} == {
        ref: document.lines for ref, document in before.items()
    }


def test_days_without_a_meter_can_be_billed_as_a_period_of_their_own(site):
    Meter.objects.filter(site=site, ref__in=["grid", "m001"]).update(is_enabled=False)
    new = Meter.objects.create(site=site, ref="m001b", name="Neu")
    made = Register.objects.create(site=site, meter=new, obis="1-1:1.29.0")
    later = Dates(SEPTEMBER, QUARTER.to_date)
    slots = later.period(world.timezone_of(site.timezone)).slots
    ones = np.ones(len(slots), np.int64)
    store.write(
        site.pk, [Series(made.pk, slots.start, ones, ones.astype(np.uint8))],
        source="test", known_at=KNOWN_AT - timedelta(hours=1),
    )  # fmt: skip
    reassigned(site, "m001b", (SEPTEMBER, "w001"))
    assert codes(prepared(site)) == ["billing.unfed"]
    assert codes(prepared(site, Dates(QUARTER.from_date, SEPTEMBER))) == ["billing.no_meter"]
    assert codes(prepared(site, later)) == []
