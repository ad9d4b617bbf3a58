"""The benchmark at tiny sizes: every figure is there, positive, and beside a floor."""

import json
import math
import os
import subprocess
import sys

import pytest

import quartier.cli.bench
from quartier.cli import main
from quartier.cli.bench import _figure
from quartier.cli.bench._figure import Figure, timed_each
from tests.servers import tables
from tests.servers.postgresql import Postgresql

KEYS = {
    "load_readings_per_s",
    "site_quarter_matrix_ms",
    "allocation_ns_per_cell",
    "building_quarter_50_ms",
    "building_quarter_500_ms",
    "building_growth_ratio",
    "invoice_pdf_ms",
    "documents_100_sites_s",
    "live_ingest_1000_ms",
    "bill_10_sites_s",
    "bill_100_sites_s",
    "bill_growth_ratio",
    "bill_peak_mb",
    "ingest_batches_per_s",
    "ingest_readings_per_s",
    "backfill_year_s",
    "meters_polled_per_s",
    "gateway_100_meters_mb",
    "meter_values_us",
    "fold_minute_ms",
    "fold_growth_ratio",
    "ingest_batches_per_s_pg",
    "ingest_readings_per_s_pg",
    "backfill_year_s_pg",
}


@pytest.fixture
def bench(tmp_path):
    """Runs ``quartier bench --quick`` in a process of its own, as a user does."""

    def run(*words, **more):
        home = tmp_path / "home"
        environment = {**os.environ, "QUARTIER_HOME": str(home)}
        environment["DATABASE_URL"] = "postgresql://nobody@localhost:1/nothing"
        environment |= more
        command = [sys.executable, "-m", "quartier", "bench", "--quick", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert not home.exists(), "the benchmark leaves the user's own folder alone"
        return done

    return run


@pytest.fixture
def url():
    """The address of a PostgreSQL with all tables."""
    server = Postgresql(is_durable=False)
    tables.postgresql(server)
    yield server.create("bench", tables.TEMPLATE)
    server.stop()


def test_every_figure_is_measured_beside_its_floor(bench, url, tmp_path):
    words = ("--json", str(tmp_path / "figures.json"))
    done = bench(*words, QUARTIER_BENCH_DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no progress where there is no terminal"
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["quick"] is True
    assert set(figures["details"]) == KEYS
    for name in KEYS:
        assert figures[name] == figures["details"][name]["value"]
        assert math.isfinite(figures[name])
        assert figures[name] > 0
        assert figures["floors"][name] > 0
        assert figures["details"][name]["floor_what"]
        assert f"\n{name} " in f"\n{done.stdout}"
    assert figures["bill_peak_mb"] > figures["floors"]["bill_peak_mb"] > 10


def test_one_group_alone(tmp_path, monkeypatch):
    asked = []

    def measured(wanted, folder, counts):
        asked.extend(wanted)
        return [Figure("a_ms", value=3.0, unit="ms", what="", floor=1.0)]

    monkeypatch.setattr(quartier.cli.bench, "_measured", measured)
    target = tmp_path / "figures.json"
    only = ["--only", "intervals", "--only", "allocation", "--only", "intervals"]
    assert main(["bench", *only]) == 0
    assert asked == ["intervals", "allocation"]
    assert main(["bench", "--only", "allocation", "--json", str(target)]) == 0
    figures = json.loads(target.read_text())
    assert (figures["a_ms"], figures["ratios"]) == (3.0, {"a_ms": 3.0})


def test_an_unknown_group_is_named(capsys):
    assert main(["bench", "--only", "weather"]) == 2
    assert "no group 'weather'; there are: allocation, billing" in capsys.readouterr().err


def test_making_what_a_run_uses_up_is_not_measured(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(_figure.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(_figure.time, "process_time", lambda: clock[0] / 2)

    def works():
        for seconds in (8, 1, 2, 4):
            clock[0] += 100  # making it

            def work(seconds=seconds):
                clock[0] += seconds

            yield work

    timing = timed_each(works(), warm=1)
    assert timing.wall_s == [1, 2, 4]
    assert timing.median_s == 2
    assert timing.median_cpu_s == 1
    assert timing.per(2).median_s == 1


def test_a_ratio_says_how_many_times_the_floor():
    slow = Figure("a", value=30, unit="ms", what="", floor=10)
    rate = Figure("b", value=10, unit="1/s", what="", floor=30, higher_is_better=True)
    assert slow.ratio == rate.ratio == 3
    assert Figure("c", value=10, unit="ms", what="").ratio is None
