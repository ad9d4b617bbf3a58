"""``quartier site`` and ``quartier user`` as a person meets them: output, files, exit codes."""

import io
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from quartier.cli import main

ROOT = Path(__file__).parents[2]
ROSENWEG = ROOT / "examples" / "zev-rosenweg.toml"


@dataclass(frozen=True)
class Done:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(db, capsys, monkeypatch, tmp_path):
    """Runs a command in an empty folder, on a database without a site."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments, text=""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        returncode = main([str(argument) for argument in arguments])
        return Done(returncode, *capsys.readouterr())

    return command


@pytest.fixture
def rosenweg(run):
    """The same, where the small example is loaded."""
    done = run("site", "load", ROSENWEG)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "site 'rosenweg': 44 created, 0 changed"
    return run


def test_a_second_load_says_that_nothing_was_to_do(rosenweg):
    done = rosenweg("site", "load", str(ROSENWEG))
    assert (done.returncode, done.stdout) == (0, "site 'rosenweg': 0 created, 0 changed\n")


def test_a_dump_loads_without_a_change(rosenweg):
    out = Path("out.toml")
    assert rosenweg("site", "dump", "rosenweg", "--out", str(out)).returncode == 0
    shown = rosenweg("site", "dump", "sonnenhaus/rosenweg")
    assert shown.stdout == out.read_text(encoding="utf-8")
    done = rosenweg("site", "load", "-", text=shown.stdout)
    assert (done.returncode, done.stdout) == (0, "site 'rosenweg': 0 created, 0 changed\n")


def test_faults_are_a_line_each_and_exit_2(run):
    bad = Path("bad.toml")
    text = ROSENWEG.read_text(encoding="utf-8")
    bad.write_text(text.replace('canton = "BE"', 'canton = "XX"').replace('"owner"', '"boss"'))
    done = run("site", "load", "bad.toml")
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert lines[0] == "bad.toml:15: site.canton: 'XX' is not a canton. Write e.g. \"ZH\"."
    assert lines[-1].startswith("quartier: bad.toml: ")
    assert lines[-1].endswith(" faults; nothing was written")
    assert len(lines) >= 3
    assert not done.stdout


def test_a_file_without_end_is_refused_by_its_size(run):
    done = run("site", "load", "/dev/zero")
    assert done.returncode == 2
    assert "larger than 8 MiB" in done.stderr


def test_what_is_kept_is_a_warning_and_exit_1(rosenweg):
    text = ROSENWEG.read_text(encoding="utf-8")
    start = text.index("[[plant]]")
    less = text[:start] + text[text.index("[[community]]") :]
    less = less[: less.index("[[price_sheet]]")]
    done = rosenweg("site", "load", "-", text=less)
    assert done.returncode == 1
    assert "warning: kept plant 'dach': it is not in -" in done.stderr
    assert "warning: kept price sheet '2025'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["site", "load", "nowhere.toml"], "there is no file nowhere.toml"),
        (["site", "load", "."], "is a folder"),
        (["site", "dump", "nowhere"], "no site 'nowhere'; there are: rosenweg"),
        (["site", "create", "bad ref", "--name", "x"], "ref: Letters, digits"),
        (["site", "create", "rosenweg", "--name", "x"], "already has a site 'rosenweg'"),
        (["site", "create", "a", "--name", "x", "--timezone", "Mars/X"], "not a time zone"),
        (["site", "create", "a", "--name", "  "], "name: "),
        (["site", "create", "a"], "--name"),
        (["user", "add", "not-an-address"], "not-an-address"),
        (["user", "add", "a@example.ch", "--party", "nobody"], "no party 'nobody'"),
        (["user", "add", "a@example.ch", "--organisation", "x"], "no organisation 'x'"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(db, capsys, arguments, words):
    assert main(["site", "create", "rosenweg", "--name", "Rosenweg"]) == 0
    capsys.readouterr()
    assert main(arguments) == 2
    complaint = capsys.readouterr().err
    assert len(complaint.splitlines()) == 1
    assert words in complaint


def test_a_site_is_made_in_a_default_organisation(run):
    done = run("site", "create", "probe", "--name", "Probe", "--timezone", "Europe/Paris")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "created site 'probe' (Probe) in organisation 'default'\n"
    assert run("site", "list").stdout == "default/probe  Probe\n"
    dumped = run("site", "dump", "probe").stdout
    assert 'timezone = "Europe/Paris"' in dumped


def test_a_user_gets_a_generated_password_once(rosenweg):
    done = rosenweg("user", "add", "Op@Example.ch", "--operator")
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "added user op@example.ch to organisation 'sonnenhaus'"
    assert len(second.removeprefix("password (shown only now): ")) == 27
    again = rosenweg("user", "add", "op@example.ch")
    assert again.returncode == 2
    assert "already a user op@example.ch" in again.stderr


def test_a_contact_of_a_site_file_gets_a_password(rosenweg):
    done = rosenweg("user", "add", "chiara.fontana@example.ch", "--party", "fontana")
    assert done.returncode == 0, done.stderr
    assert "password (shown only now)" in done.stdout
