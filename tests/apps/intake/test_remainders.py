"""A curve finer than 1 Wh gives the same quarter-hours in one file and in many."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import accumulate

import numpy as np
import pytest

from quartier.apps.equipment.models import Register
from quartier.apps.intake.operations import import_load_curves
from quartier.apps.intake.sources import Source
from quartier.apps.metering import store
from quartier.core.kernel.energy import remainder_after, whole_wh
from quartier.core.kernel.period import slot_at
from quartier.formats.load_curve import Profile
from tests.apps.intake.letters import NOW

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 1, tzinfo=UTC)
SLOT = slot_at(START)
PROFILE = Profile(
    name="test",
    columns={"meter": 1, "timestamp": 2, "import": 3},
    header=False,
    timezone="UTC",
    delimiter=";",
)


def energies(count):
    """kWh with five decimals, the same in every run."""
    numbers = np.random.default_rng(7).integers(0, 99_999, count).tolist()
    return [Decimal(number).scaleb(-5) for number in numbers]


def run(site, values, first, end, name="curve.csv", **options):
    rows = "".join(
        f"A;{START + timedelta(minutes=15 * n):%Y-%m-%d %H:%M};{values[n]}\n"
        for n in range(first, end)
        if values[n] is not None
    )
    report, _ = import_load_curves(
        site,
        [Source(name, rows.encode())],
        by="test",
        at=NOW,
        profile=PROFILE,
        create_meters=True,
        **options,
    )
    assert not report.count("rejected"), report.findings
    return report


def stored_wh(site, count):
    register = Register.objects.get(site=site, direction="import")
    return store.read(site.pk, [register.pk], SLOT, SLOT + count).energy_wh[0].tolist()


def worst_run(wh, values):
    """The most by which any run of quarter-hours differs from the curve, in Wh."""
    off = [Decimal(0), *accumulate(w - v * 1000 for w, v in zip(wh, values, strict=True))]
    return max(off) - min(off)


def test_a_year_in_twelve_files_is_the_year_in_one(site):
    values = energies(1200)
    for month in range(12):
        run(site, values, month * 100, month * 100 + 100)
    assert stored_wh(site, 1200) == whole_wh(values)


def test_a_gap_between_two_files_carries_on_as_within_one(site):
    values = energies(300)
    values[95:103] = [None] * 8
    run(site, values, 0, 100)
    run(site, values, 100, 300)
    there = [w for w, v in zip(stored_wh(site, 300), values, strict=True) if v is not None]
    assert there == [w for w in whole_wh(values) if w is not None]


def test_a_file_of_whole_wh_between_two_carries_on_too(site):
    values = energies(300)
    values[100:200] = [Decimal("0.250")] * 100
    for first in (0, 100, 200):
        run(site, values, first, first + 100)
    assert stored_wh(site, 300) == whole_wh(values)


def test_rolling_windows_agree_where_they_overlap(site):
    values = energies(600)
    for first in range(0, 500, 100):
        report = run(site, values, first, first + 200)
        assert not any(result.kept for result in report.meters.values())
    assert stored_wh(site, 600) == whole_wh(values)


def test_overwriting_with_the_same_values_changes_nothing(site):
    values = energies(400)
    run(site, values, 0, 200)
    run(site, values, 200, 400)
    report = run(site, values, 100, 400, overwrite=True)
    assert report.revised_slots == []


@pytest.mark.parametrize("order", [(1, 0), (2, 1, 0), (1, 2, 0)])
def test_files_that_come_later_than_their_successors_still_join(site, order):
    values = energies(100 * len(order))
    for number in order:
        run(site, values, 100 * number, 100 * number + 100)
    assert worst_run(stored_wh(site, len(values)), values) < 1


def test_the_remainder_is_what_whole_wh_leaves():
    values = energies(500)
    left = remainder_after(values[:200])
    assert whole_wh(values[:200]) + whole_wh(values[200:], left) == whole_wh(values)
    assert remainder_after(values[200:], left) == remainder_after(values)
    assert 0 <= left < 1
