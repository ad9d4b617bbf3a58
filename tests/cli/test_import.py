"""quartier import: exit codes, what it prints, and nothing half written."""

import os
from datetime import UTC, datetime, timedelta

import pytest

from quartier.cli import FINDINGS, GOOD, WRONG_USE, main
from tests.formats.sdat.messages import Block, Letter

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 5, 23, tzinfo=UTC)
LETTER = Letter([Block(START, ["1.000"] * 96)])


@pytest.fixture
def site(db, settings, tmp_path):
    from quartier.apps.parties.models import Organisation
    from quartier.apps.sites.models import Site

    settings.QUARTIER_HOME = tmp_path / "home"
    organisation = Organisation.objects.create(ref="org", name="Org")
    return Site.objects.create(organisation=organisation, ref="site", name="Site")


def run(*words):
    return main(["import", *map(str, words)])


def blocks():
    from quartier.apps.metering.models import IntervalBlock

    return list(IntervalBlock.objects.values_list("day", "energy", "quality"))


def test_sdat_with_new_meters_then_again(site, tmp_path, capsys):
    path = tmp_path / "a.xml"
    path.write_bytes(LETTER.xml())
    assert run("sdat", path, "--site", "site", "--create-meters") == GOOD
    out = capsys.readouterr().out
    assert "1 files: 1 imported" in out
    assert "2026-01-06 00:00" in out
    stored = blocks()
    assert run("sdat", path, "--site", "site") == GOOD
    assert "1 known already" in capsys.readouterr().out
    assert blocks() == stored


def test_a_folder_with_a_bad_file(site, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "good.xml").write_bytes(LETTER.xml())
    (tmp_path / "in" / "bad.xml").write_bytes(LETTER.xml()[:500])
    (tmp_path / "in" / "empty.xml").write_bytes(b"")
    assert run("sdat", tmp_path / "in", "--site", "site", "--create-meters") == FINDINGS
    out = capsys.readouterr().out
    assert "1 imported, 2 rejected" in out
    assert "bad.xml" in out
    assert "empty.xml: the file is empty" in out
    assert len(blocks()) == 2  # a local day lies on two UTC days


def test_nothing_of_a_file_reaches_the_terminal_as_a_command_to_it(site, tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_bytes(b"x\x1b[31m;y\r\x07;timestamp\n1;2;3\n")
    assert run("load-curve", path, "--site", "site", "--profile", "long-import-export") == FINDINGS
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 2
    assert all(line.isprintable() for line in out.splitlines())


def test_unknown_points_are_named(site, tmp_path, capsys):
    path = tmp_path / "a.xml"
    path.write_bytes(LETTER.xml())
    assert run("sdat", path, "--site", "site") == FINDINGS
    assert "--create-meters" in capsys.readouterr().out
    assert blocks() == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["sdat", "nowhere.xml", "--site", "site"], "there is no file or folder nowhere.xml"),
        (["sdat", "", "--site", "site"], "the path is empty"),
        (["sdat", "a\0b", "--site", "site"], "there is no file or folder a"),
        (["sdat", "/dev/zero", "--site", "site"], "neither a file nor a folder"),
        (["sdat", "FILE", "--site", "other"], "no site 'other'"),
        (["sdat", "FILE"], "--site"),
        (["sdat", "EMPTY", "--site", "site"], "there is no file in"),
        (["readings", "PIPE", "--site", "site"], "save what it gives as a file"),
        (["load-curve", "CIRCLE", "--site", "site"], "a link that leads nowhere"),
        (["tea", "FILE", "--site", "site"], "invalid choice"),
        (["load-curve", "FILE", "--site", "site", "--profile", "x"], "there is no profile 'x'"),
        (["load-curve", "FILE", "--site", "site", "--profile", "x.toml"], "cannot be read"),
        (["load-curve", "FILE", "--site", "site", "--profile", "FILE"], "no profile"),
        (["readings", "FILE", "--site", "site", "--factor", "0"], "not a factor"),
    ],
)
def test_wrong_use_is_one_line(site, tmp_path, capsys, words, says):
    (tmp_path / "a.xml").write_bytes(LETTER.xml())
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    places = {"FILE": "a.xml", "EMPTY": "empty", "PIPE": "pipe", "CIRCLE": "circle"}
    places = {word: str(tmp_path / name) for word, name in places.items()}
    assert run(*(places.get(word, word) for word in words)) == WRONG_USE
    problem = capsys.readouterr().err
    assert says in problem
    assert len(problem.splitlines()) == 1


def test_a_bad_profile_file_names_its_key(site, tmp_path, capsys):
    (tmp_path / "p.toml").write_text("tea = 1")
    (tmp_path / "a.csv").write_text("x\n")
    words = ["load-curve", tmp_path / "a.csv", "--site", "site", "--profile", tmp_path / "p.toml"]
    assert run(*words) == WRONG_USE
    assert "'tea'" in capsys.readouterr().err


def test_a_load_curve_dry_run_then_import(site, tmp_path, capsys):
    path = tmp_path / "a.csv"
    rows = [f"A,{(START + timedelta(minutes=15 * n)).isoformat()},0.25" for n in range(96)]
    path.write_text("meter,timestamp,value_kwh\n" + "\n".join(rows))
    assert run("load-curve", path, "--site", "site", "--dry-run") == GOOD
    assert "96 quarter-hours, 24.000 kWh, 0 gaps" in capsys.readouterr().out
    assert blocks() == []
    assert run("load-curve", path, "--site", "site", "--create-meters") == GOOD
    assert len(blocks()) == 2


def test_a_load_curve_with_a_bad_row(site, tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("meter,timestamp,value_kwh\nA,2026-01-01 00:00,1\nA,2026-01-01 00:15,-1\n")
    assert run("load-curve", path, "--site", "site", "--create-meters") == FINDINGS
    assert "line 3" in capsys.readouterr().out
    assert blocks() == []


def test_readings(site, tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("meter;obis;read_at;value\nm;1-1:1.8.0;2026-01-01;1234,5\n")
    words = ["readings", path, "--site", "site", "--create-meters", "--decimal", ",", "--factor", 3]
    assert run(*words) == GOOD
    assert "readings by meter" in capsys.readouterr().out

    from quartier.apps.equipment.models import Device
    from quartier.apps.metering.models import Reading

    assert Reading.objects.get().value == 1234500
    assert Device.objects.get().factor == 3
