"""``quartier intervals``: the CSV, the archive and back, and what is refused."""

import csv
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quartier.cli import main

pytestmark = pytest.mark.db

NOW = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def site(db):
    from quartier.apps.equipment.models import Meter, Register
    from quartier.apps.metering import store
    from quartier.apps.parties.models import Organisation
    from quartier.apps.sites.models import Site
    from quartier.core.kernel.period import slot_at
    from quartier.core.kernel.quality import Quality
    from quartier.core.metering.intervals import MISSING_WH, Series

    organisation = Organisation.objects.create(ref="north", name="North")
    site = Site.objects.create(organisation=organisation, ref="elm", name="Elm")
    registers = {}
    for ref, obis, direction, unit in (
        ("b", "1-1:1.8.0", "import", "wh"),
        ("b", "1-1:2.8.0", "export", "wh"),
        ("a", "1-1:1.8.0", "import", "wh"),
        ("w", "8-0:1.0.0", "import", "l"),
    ):
        meter, _ = Meter.objects.get_or_create(site=site, ref=ref, defaults={"name": ref})
        registers[ref, direction] = Register.objects.create(
            site=site, meter=meter, obis=obis, direction=direction, unit=unit
        ).id
    first = slot_at(datetime(2026, 3, 28, 23, tzinfo=UTC))
    rng = np.random.default_rng(7)
    series = []
    for register_id in registers.values():
        energy = rng.integers(0, 2_000, 92)
        quality = rng.integers(0, len(Quality), 92)
        energy[quality == 0] = MISSING_WH
        series.append(Series(register_id, first, energy, quality))
    series.append(Series.of(registers["a", "import"], first, [1_234_567, -5, None]))
    store.write(site.id, series, source="test", known_at=NOW)
    return site


def export(out, site="elm", days=("2026-03-29", "2026-03-30")):
    place = ["--site", site, "--out", str(out)]
    return main(["intervals", "export", *place, "--from", days[0], "--to", days[1]])


def test_csv_has_every_quarter_hour_in_order(site, tmp_path, capsys):
    assert export(tmp_path / "out.csv") == 0
    text = (tmp_path / "out.csv").read_text()
    assert text.startswith(
        "meter,obis,start,energy_kwh,quality\n"
        "a,1-1:1.8.0,2026-03-28T23:00:00Z,1234.567,measured\n"
        "a,1-1:1.8.0,2026-03-28T23:15:00Z,-0.005,measured\n"
    )
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == 3 * 92  # the day on which the clocks go forward
    keys = [(row["meter"], row["obis"], row["start"]) for row in rows]
    assert keys == sorted(keys)
    assert rows[91]["start"] == "2026-03-29T21:45:00Z"
    for row in rows:
        assert (row["energy_kwh"] == "") == (row["quality"] == "missing")
    assert {"measured", "missing", "estimated", "temporary"} <= {row["quality"] for row in rows}
    assert "no energy (a .parquet has them): w" in capsys.readouterr().err


def test_a_period_without_data_is_all_missing(site, tmp_path):
    assert export(tmp_path / "out.csv", days=("2020-02-01", "2020-02-02")) == 0
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert len(lines) == 1 + 3 * 96
    assert lines[1] == "a,1-1:1.8.0,2020-01-31T23:00:00Z,,missing"


def snapshot(site):
    from quartier.apps.metering.models import IntervalBlock

    return sorted(
        (row.day, row.register_id, bytes(row.energy), bytes(row.quality), row.total_wh)
        for row in IntervalBlock.objects.filter(site_id=site.id)
    )


def clear(site):
    from quartier.apps.metering.models import IntervalBlock

    IntervalBlock.objects.filter(site_id=site.id).delete()


def test_an_archive_comes_back_exactly(site, tmp_path, capsys):
    out = tmp_path / "out.parquet"
    assert export(out) == 0
    before = snapshot(site)
    arguments = ["intervals", "import", str(out), "--site", "elm"]
    assert main(arguments) == 0
    assert "0 filled, 0 revised" in capsys.readouterr().out
    clear(site)
    assert main(arguments) == 0
    assert snapshot(site) == before


def test_an_archive_is_small(site, tmp_path):
    from quartier.apps.equipment.models import Register
    from quartier.apps.metering import store
    from quartier.core.kernel.period import slot_at
    from quartier.core.metering.intervals import Series

    first = slot_at(datetime(2026, 1, 1, tzinfo=UTC))
    rng = np.random.default_rng(1)
    energy = np.abs(rng.normal(60, 30, 96 * 90)).astype(int)
    ids = Register.objects.filter(site=site).values_list("id", flat=True)
    clear(site)
    series = [Series(i, first, energy, np.ones(len(energy), np.uint8)) for i in ids]
    store.write(site.id, series, source="test", known_at=NOW)
    out = tmp_path / "out.parquet"
    assert export(out, days=("2026-01-02", "2026-03-01")) == 0
    assert out.stat().st_size < 1.6 * 4 * 58 * 96


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"site": "oak"}, "no site 'oak'"),
        ({"days": ("2026-03-30", "2026-03-30")}, "is not after"),
        ({"days": ("0001-01-01", "9999-12-31")}, "between the years"),
        ({"days": ("2026-13-01", "2026-12-30")}, "is not a date"),
        ({"out": "none/out.csv"}, "cannot write"),
        ({"out": "."}, "is a folder"),
    ],
)
def test_wrong_use_is_one_line(site, tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    assert export(**{"out": "out.csv", **arguments}) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def refused(tmp_path, capsys, says, path=None):
    path = path or tmp_path / "bad.parquet"
    assert main(["intervals", "import", str(path), "--site", "elm"]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_what_is_no_archive_is_refused(site, tmp_path, capsys):
    refused(tmp_path, capsys, "not a Parquet file", tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1" + bytes(1000) + b"PAR1")
    refused(tmp_path, capsys, "not a Parquet file")
    (tmp_path / "bad.parquet").write_bytes(b"")
    refused(tmp_path, capsys, "not a Parquet file")
    pq.write_table(pa.table({"meter": ["a"]}), tmp_path / "bad.parquet")
    refused(tmp_path, capsys, "has no column")


COLUMNS = {
    "meter": ["a", "a"],
    "obis": ["1-1:1.8.0"] * 2,
    "direction": ["import"] * 2,
    "part": ["total"] * 2,
    "unit": ["wh"] * 2,
    "start": pa.array([1_770_000_300_000, 1_770_001_200_000], pa.timestamp("ms", "UTC")),
    "value": [5, None],
    "quality": ["measured", "missing"],
}


@pytest.mark.parametrize(
    ("column", "values", "says"),
    [
        ("meter", ["a", "zz"], "holds zz import total wh, which site elm does not have"),
        ("meter", ["a", None], "leaves meter empty"),
        ("unit", ["l", "l"], "does not have"),
        ("obis", [1, 2], "obis is not text"),
        ("quality", ["measured", "good"], "unknown quality 'good'"),
        ("quality", ["missing", "missing"], "a value of quality missing"),
        ("quality", ["measured", "measured"], "none of another"),
        ("value", [0.5, None], "not whole numbers"),
        ("value", [5_000_000_000, None], "too much"),
        ("start", pa.array([1, 2], pa.timestamp("ms", "UTC")), "not on a quarter-hour"),
        ("start", pa.array([-900_000, 0], pa.timestamp("ms", "UTC")), "not on a quarter-hour"),
        ("start", pa.array([2**60, 0], pa.timestamp("ms", "UTC")), "not on a quarter-hour"),
        ("start", pa.array([0, None], pa.timestamp("ms", "UTC")), "not an instant"),
        ("start", pa.array([0, 900_000], pa.timestamp("ms")), "not an instant"),
    ],
)
def test_an_archive_with_wrong_contents_changes_nothing(
    site, tmp_path, capsys, column, values, says
):
    before = snapshot(site)
    pq.write_table(pa.table({**COLUMNS, column: values}), tmp_path / "bad.parquet")
    refused(tmp_path, capsys, says)
    assert snapshot(site) == before


def test_plain_columns_of_another_program_are_read(site, tmp_path, capsys):
    pq.write_table(pa.table(COLUMNS), tmp_path / "other.parquet")
    assert main(["intervals", "import", str(tmp_path / "other.parquet"), "--site", "elm"]) == 0
    assert "1 filled" in capsys.readouterr().out
