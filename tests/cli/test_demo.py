"""The demo: real curves scaled, hours kept, everything billed and printed."""

import subprocess
import sys
from datetime import date, timedelta

import numpy as np
import pytest

from quartier.cli.demo import curves
from quartier.cli.demo._dates import last_quarter
from quartier.core.kernel.period import Dates, timezone_of

ZURICH = timezone_of("Europe/Zurich")


def test_an_hours_energy_is_not_changed_by_spreading_it():
    slots = Dates(date(2025, 7, 1), date(2026, 7, 1)).period(ZURICH).slots
    name = curves.homes()[0]
    quarters = curves.household(name, 0, 2_800_000, slots, ZURICH)
    later = range(slots.start + 3, slots.stop)
    assert np.array_equal(curves.household(name, 0, 2_800_000, later, ZURICH), quarters[3:])
    by_hour = quarters.reshape(-1, 4).sum(axis=1)
    whole = curves.household(name, 0, 10_583_000, slots, ZURICH).reshape(-1, 4).sum(axis=1)
    scale = whole.sum() / by_hour.sum()
    assert np.abs(whole / scale - by_hour).max() <= 2
    assert 2_700_000 < quarters.sum() < 2_900_000


def test_weekdays_stay_weekdays():
    monday = date(2026, 6, 1)
    one = Dates(monday, monday + timedelta(days=7)).period(ZURICH).slots
    next_year = Dates(date(2027, 5, 31), date(2027, 6, 7)).period(ZURICH).slots
    name = curves.homes()[3]
    assert np.array_equal(
        curves.household(name, 2, 3_000_000, one, ZURICH).reshape(-1, 4).sum(axis=1),
        curves.household(name, 2, 3_000_000, next_year, ZURICH).reshape(-1, 4).sum(axis=1),
    )


def test_a_battery_never_gives_what_it_has_not_got():
    slots = Dates(date(2026, 5, 1), date(2026, 6, 1)).period(ZURICH).slots
    made = curves.roof(curves.roofs()[0], 30, 1000, slots, ZURICH)
    used = curves.household(curves.homes()[0], 0, 9_000_000, slots, ZURICH)
    charge, discharge = curves.battery(made, used, 20_000, 10_000, 0.9)
    assert (charge <= np.maximum(made - used, 0)).all()
    assert (discharge <= np.maximum(used - made, 0)).all()
    assert (np.cumsum(discharge) <= np.cumsum(charge) * 0.9 + 1).all()
    assert max(charge.max(), discharge.max()) <= 2_500


@pytest.mark.parametrize(
    ("as_of", "first", "end"),
    [
        (date(2026, 11, 22), date(2026, 7, 1), date(2026, 10, 1)),
        (date(2026, 10, 1), date(2026, 7, 1), date(2026, 10, 1)),
        (date(2026, 1, 1), date(2025, 10, 1), date(2026, 1, 1)),
    ],
)
def test_the_last_quarter_is_over(as_of, first, end):
    assert last_quarter(as_of) == Dates(first, end)


def test_the_demo_is_built_billed_and_printed(tmp_path):
    folder = tmp_path / "demo"

    def demo(*more):
        return subprocess.run(
            [sys.executable, "-m", "quartier", "demo", "--no-serve", "--out", str(folder), *more],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = demo("--as-of", "2026-05-07")
    assert done.returncode == 0, done.stderr
    assert "32 invoices of 2026-01-01 to 2026-04-01" in done.stdout
    for who in ("operator", "owner", "resident"):
        assert who in done.stdout
    assert len(list(folder.glob("documents/**/*.pdf"))) == 32
    assert (folder / "README.txt").stat().st_mode & 0o077 == 0
    again = demo()
    assert again.returncode == 0
    assert "served as it is" in again.stdout
    other = demo("--as-of", "2026-06-01")
    assert other.returncode == 2
    assert "2026-05-07" in other.stderr


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-m", "quartier", "demo", "--no-serve", "--out", str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
