"""Alarms of a whole day, from quarter-hours as they are stored."""

from datetime import date, timedelta

import numpy as np
import pytest

from quartier.apps.alarms.models import Alarm
from quartier.apps.alarms.watching import DAY_EVERY, watch_all
from quartier.apps.equipment.models import Assignment, Meter, Register
from quartier.apps.metering import store
from quartier.apps.metering.models import IntervalBlock
from quartier.apps.sites.models import BillingPoint, Building
from quartier.core.kernel.period import Dates, timezone_of
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series
from tests.apps.alarms.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DAY = date(2026, 11, 22)
SLOTS = Dates(DAY, DAY + timedelta(days=1)).period(timezone_of("Europe/Zurich")).slots


def put(register, energy_wh):
    series = Series.of(register.pk, SLOTS.start, [int(one) for one in energy_wh], Quality.MEASURED)
    store.write(register.site_id, [series], source="test", known_at=NOW)


@pytest.fixture
def flats(cellar):
    """Three flats behind a grid meter that counts what they use, yesterday; by ref."""
    site = cellar.site
    house = Building.objects.create(site=site, ref="a", name="A")
    grid = Meter.objects.create(site=site, ref="grid", name="Grid", mode=Meter.Mode.GRID)
    found = {
        direction: Register.objects.create(
            site=site, meter=grid, obis=f"1-1:{n}.8.0", direction=direction
        )
        for n, direction in ((1, "import"), (2, "export"))
    }
    used = np.random.default_rng(7).integers(100, 400, size=(3, len(SLOTS)))
    for number, energy_wh in enumerate(used, 1):
        point = BillingPoint.objects.create(
            site=site, building=house, ref=f"w{number}", name=f"W{number}"
        )
        register = Register.objects.get(site=site, meter__ref=f"m{number}")
        Assignment.objects.create(
            meter=register.meter, billing_point=point, starts_date=date(2025, 1, 1)
        )
        put(register, energy_wh)
        found[f"m{number}"] = register
    put(found["import"], used.sum(axis=0))
    put(found["export"], np.zeros(len(SLOTS)))
    cellar.well(NOW)
    cellar.used = used
    return found


def standing():
    rows = Alarm.objects.filter(ended_at=None)
    return sorted(rows.values_list("kind", "subject", "code", "severity"))


def test_a_day_that_adds_up_is_quiet(cellar, flats):
    watch_all(NOW)
    assert standing() == []


@pytest.mark.parametrize(
    ("factor", "severity", "code", "percent"),
    [
        (0.98, "warning", "residual_less", "0.7"),
        (0.90, "error", "residual_less", "3.4"),
        (1.10, "error", "residual_more", "3.4"),
    ],
)
def test_a_residual_of_the_day_before(cellar, flats, factor, severity, code, percent):
    total = cellar.used.sum()
    put(flats["m1"], np.round(cellar.used[0] * factor))
    watch_all(NOW)
    assert standing() == [("residual", "", code, severity)]
    values = Alarm.objects.get().values
    assert values["day"] == "2026-11-22"
    expected = abs(total - cellar.used[1:].sum() - (cellar.used[0] * factor).sum()) / total * 100
    assert float(values["percent"]) == pytest.approx(expected, abs=0.06)
    assert float(values["percent"]) == pytest.approx(float(percent), abs=0.3)


def test_a_residual_ends_when_the_day_was_put_right(cellar, flats):
    put(flats["m1"], cellar.used[0] * 2)
    watch_all(NOW)
    assert [row[0] for row in standing()] == ["residual"]
    put(flats["m1"], cellar.used[0])
    for look in range(1, 3):
        at = NOW + look * DAY_EVERY
        cellar.well(at)
        watch_all(at)
    assert standing() == []


def test_an_implausible_value(cellar, flats):
    odd = cellar.used[0].copy()
    odd[odd.argmin()] = -1
    put(flats["m1"], odd)
    watch_all(NOW)
    assert standing() == [("implausible", "m1", "negative", "error")]


def test_no_residual_is_told_of_a_day_with_a_gap(cellar, flats):
    put(flats["m1"], cellar.used[0] * 2)
    IntervalBlock.objects.filter(register_id=flats["m2"].pk).delete()
    watch_all(NOW)
    assert standing() == []
