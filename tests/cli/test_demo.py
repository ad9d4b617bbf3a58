"""The demo: real curves scaled, hours kept, everything billed and printed."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from quartier.cli.demo import curves
from quartier.cli.demo._dates import last_quarter
from quartier.cli.demo.appliances import APPLIANCES, COMMON, HEATING
from quartier.cli.demo.energy import Energy, House, consumers
from quartier.cli.demo.gateway import SILENT
from quartier.core.kernel.period import Dates, timezone_of
from quartier.gateway.surplus.consumers import Mode

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


@pytest.fixture(scope="module")
def energy():
    data = Dates(date(2026, 5, 1), date(2026, 7, 3))
    return Energy(data, date(2026, 6, 30), ZURICH)


def test_a_longer_horizon_changes_nothing_before_it(energy):
    longer = Energy(Dates(date(2026, 5, 1), date(2026, 7, 5)), date(2026, 6, 30), ZURICH)
    for key, known in energy.series.items():
        assert np.array_equal(longer.series[key][: len(known)], known), key
    assert longer.switches[: len(energy.switches)] == energy.switches


def test_the_appliances_are_steered_by_the_controller_and_counted(energy):
    assert {one.decision.name for one in energy.switches} == {one.ref for one in APPLIANCES}
    assert {one.decision.reason.value for one in energy.switches} >= {"surplus", "no_surplus"}
    for one in APPLIANCES:
        drawn_w = energy.drawn[one.ref].reshape(-1, 24 * 60)
        assert set(np.unique(drawn_w)) == {0, one.power_w}
        assert (np.count_nonzero(drawn_w, axis=1) * 60 <= one.most_s).all()
        assert (np.count_nonzero(drawn_w, axis=1) * 60 >= one.daily_s).all()
    drawn_wh = sum(int(drawn_w.sum()) for drawn_w in energy.drawn.values()) / 60
    counted = sum(int(energy.counters[ref, "import"][-1]) for ref in (HEATING, COMMON))
    assert counted == sum(
        int(energy.series[ref, "import"][energy.first + 192 :].sum()) for ref in (HEATING, COMMON)
    )
    assert drawn_wh > 0


def test_minutes_and_quarter_hours_are_of_one_building(energy):
    minutes = 3 * 24 * 60
    grid_w = energy.grid_w(0, minutes)
    net = energy.series["netz", "import"] - energy.series["netz", "export"]
    assert np.allclose(
        grid_w.reshape(-1, 15).sum(axis=1) / 60,
        net[energy.first :][: minutes // 15],
        atol=len(APPLIANCES),
    )
    for minute in (0, 700, 2_000, minutes - 1):
        powers = energy.powers(minute)
        assert powers["netz"] == pytest.approx(grid_w[minute])
        others = sum(watts for ref, watts in powers.items() if ref != "netz")
        assert powers["netz"] == pytest.approx(others)


def test_other_settings_hold_from_now_on():
    house = House(consumers(), ZURICH)
    noon = datetime(2026, 7, 1, 10, tzinfo=UTC)
    for minute in range(30):
        house.step(noon + timedelta(minutes=minute), minute, 4_000)
    assert house.drawn_w == {}
    house.change(consumers({"heizstab-1": Mode.ON}), {})
    (switched,) = house.step(noon + timedelta(minutes=30), 30, 4_000)
    assert (switched.name, switched.is_on) == ("heizstab-1", True)
    assert house.drawn_w == {"heizstab-1": 2_000}


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
    with closing(sqlite3.connect(folder / "quartier.sqlite3")) as tables:
        alarms = tables.execute("SELECT kind, subject FROM alarms_alarm").fetchall()
        (switches,) = tables.execute("SELECT count(*) FROM equipment_switch").fetchone()
        findings = tables.execute("SELECT text FROM equipment_gatewayfinding").fetchall()
    assert alarms == [("silent_meter", SILENT)]
    assert switches > 20
    assert findings == []
    # What runs beside the server goes on from there, by the settings that people chose.
    later = "from datetime import *; from quartier.config.start import django; django();"
    later += "from quartier.apps.equipment.models import Appliance as A;"
    later += "A.objects.filter(ref='heizstab-1').update(mode='on');"
    later += "from quartier.cli.demo._live import Live;"
    later += "Live(date(2026, 5, 7), datetime(2026, 5, 7, 12, tzinfo=UTC)).send("
    later += "datetime(2026, 5, 7, 12, 0, 5, tzinfo=UTC))"
    environment = {**os.environ, "QUARTIER_HOME": str(folder)}
    subprocess.run([sys.executable, "-c", later], env=environment, check=True)
    with closing(sqlite3.connect(folder / "quartier.sqlite3")) as tables:
        (read_at,) = tables.execute("SELECT max(read_at) FROM metering_reading").fetchone()
        last = tables.execute(
            "SELECT reason FROM equipment_switch ORDER BY switched_at DESC"
        ).fetchall()
    assert read_at.startswith("2026-05-07 11:45")
    assert ("always",) in last
    checked = subprocess.run(
        [sys.executable, "-m", "quartier", "check"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "0 findings" in checked.stdout, checked.stdout
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
