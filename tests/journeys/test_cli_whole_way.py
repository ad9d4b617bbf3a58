"""A newcomer's whole way in processes of its own: from a site file to a restored backup."""

import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.journeys.small_sites import simple
from tests.servers import tables

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "zev-rosenweg.toml"


@pytest.fixture
def quartier(tmp_path):
    """``quartier(*words, code=0, home="home")`` runs the command and returns what it printed."""

    def run(*words, code=0, home="home"):
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        done = subprocess.run(
            [sys.executable, "-m", "quartier", *map(str, words)],
            env=kept | {"QUARTIER_HOME": str(tmp_path / home)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        if code == 2:
            assert not done.stdout
        return done.stdout

    return run


def texts(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.json")}


def test_from_a_site_file_to_a_restored_backup(quartier, tmp_path):
    first, last = date(2026, 3, 28), date(2026, 3, 31)
    toml, curve = simple("oak", first, last).write(tmp_path)
    span = ["--from", str(first), "--to", str(last)]
    tables.copy_to(tmp_path / "home")  # tests/config/test_start.py makes one from nothing

    assert "0 changed" in quartier("site", "load", toml)
    assert "0 created, 0 changed" in quartier("site", "load", toml)
    quartier("bill", "--site", "oak", *span, code=1)
    quartier("import", "load-curve", curve, "--site", "oak")
    quartier("import", "load-curve", curve, "--site", "oak")
    quartier("intervals", "export", "--site", "oak", *span, "--out", "first.csv")

    quartier("bill", "--site", "oak", *span, "--dry-run", "--out", "one")
    quartier("bill", "--site", "oak", *span, "--dry-run", "--out", "two")
    assert texts(tmp_path / "one") == texts(tmp_path / "two")
    assert len(texts(tmp_path / "one")) == 2
    assert "2 documents issued" in quartier("bill", "--site", "oak", *span)
    assert "2 issued already and left alone" in quartier("bill", "--site", "oak", *span)
    quartier("documents", "--site", "oak", *span, "--out", "pdf")
    assert len(list((tmp_path / "pdf").rglob("*.pdf"))) == 2
    quartier("check")

    quartier("site", "dump", "oak", "--out", "dumped.toml")
    assert "0 created, 0 changed" in quartier("site", "load", "dumped.toml")
    quartier("backup", "all.backup")
    quartier("backup", "all.backup", code=2)
    quartier("restore", "all.backup", home="other")
    quartier("restore", "all.backup", home="other", code=2)
    quartier("check", home="other")
    quartier("intervals", "export", "--site", "oak", *span, "--out", "second.csv", home="other")
    assert (tmp_path / "first.csv").read_bytes() == (tmp_path / "second.csv").read_bytes()
    assert "2 issued already" in quartier("bill", "--site", "oak", *span, home="other")


def test_an_example_is_dumped_and_loaded_elsewhere_as_the_same_site(quartier, tmp_path):
    for home in ("home", "other"):
        tables.copy_to(tmp_path / home)
    quartier("site", "load", EXAMPLE)
    quartier("site", "dump", "rosenweg", "--out", "first.toml")
    quartier("site", "load", "first.toml", home="other")
    quartier("site", "dump", "rosenweg", "--out", "second.toml", home="other")
    assert (tmp_path / "first.toml").read_bytes() == (tmp_path / "second.toml").read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["bill", "--site", "nobody", "--from", "2026-01-01", "--to", "2026-02-01"],
        ["import", "readings", "not-there.csv", "--site", "nobody"],
        ["site", "create", "a b", "--name", "x"],
        ["site", "create", "a", "--name", "x", "--timezone", "Mars/Base"],
        ["user", "add", "not an address"],
        ["restore", "not-there.backup"],
        ["allocate", "not-there.csv", "--rule", "equal", "--out", "out.csv"],
    ],
)
def test_wrong_use_is_one_line(words, capfd, db):
    from quartier.cli import main

    assert main(words) == 2
    out, err = capfd.readouterr()
    assert not out
    assert err.startswith("quartier: ")
    assert err.count("\n") == 1
