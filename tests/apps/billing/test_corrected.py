"""An import that changes billed intervals names the invoices."""

from datetime import UTC, date, datetime

import pytest

from quartier.apps.billing.corrected import billed_ranges
from quartier.apps.billing.models import Invoice
from quartier.apps.billing.operations import bill
from quartier.apps.equipment.models import Meter, Register
from quartier.apps.intake.operations import import_load_curves
from quartier.apps.intake.sources import Source
from quartier.cli.bench import _world as world
from quartier.cli.bench._world import KNOWN_AT, QUARTER
from quartier.core.kernel.period import slot_at

pytestmark = pytest.mark.db


def test_a_correction_of_billed_intervals_names_the_invoices(db, settings, tmp_path):
    settings.QUARTIER_HOME = tmp_path
    site = world.site_with(3, "linde")
    bill(site, QUARTER, now=KNOWN_AT, issued_date=date(2026, 10, 5), actor="test")
    numbers = sorted(Invoice.objects.values_list("number", flat=True))
    meter = Meter.objects.get(site=site, ref="m001")
    at = datetime(QUARTER.from_date.year, QUARTER.from_date.month, 15, 12, tzinfo=UTC)
    text = f"meter,timestamp,value_kwh\n{meter.ref},{at.isoformat()},7.777\n"
    report, _ = import_load_curves(
        site, [Source("a.csv", text.encode())], by="test", at=KNOWN_AT, overwrite=True
    )
    register = Register.objects.get(meter=meter, direction="import")
    slot = slot_at(at)
    assert report.revised_slots == [(register.pk, slot, slot + 1)]
    (named,) = report.billed
    assert f"3 invoices {numbers[0]} to {numbers[-1]}" in named
    before = slot_at(QUARTER.period(world_zone(site)).starts_at)
    assert billed_ranges(site.pk, [register.pk], before - 96, before) == []
    assert len(billed_ranges(site.pk, [register.pk], before - 96, before + 1)) == 1


def world_zone(site):
    from zoneinfo import ZoneInfo

    return ZoneInfo(site.timezone)
