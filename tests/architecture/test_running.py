"""The promises of tests/conftest.py: nothing is left out unnamed, every failure can be replayed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
SETTINGS = """[pytest]
pythonpath = .
addopts = -p no:cacheprovider --strict-markers --import-mode=importlib
markers =
    drill: long
    real_data: needs data
    db: needs a database
"""


@pytest.fixture
def run(tmp_path):
    """Run pytest on a file of tests in a folder of its own, with this project's conftest."""
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    (tmp_path / "tests").mkdir()
    shutil.copy(TESTS / "conftest.py", tmp_path / "tests")
    shutil.copytree(TESTS / "servers", tmp_path / "tests/servers")

    def run(text, *arguments, **variables):
        (tmp_path / "tests/test_it.py").write_text(text)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("QUARTIER_", "PYTEST_", "DJANGO_")) and name != "CI"
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "tests/test_it.py", *arguments],
            cwd=tmp_path,
            env=inherited | {"QUARTIER_TEST_DB": "none"} | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    return run


NEEDS_DATA = "def test_reads(real_data): assert real_data.is_dir()\ndef test_other(): pass\n"


def test_what_needs_the_data_is_left_out_by_name(run):
    code, output = run(NEEDS_DATA)
    assert code == 0
    assert "tests/test_it.py::test_reads: QUARTIER_REAL_DATA is not set" in output
    assert "test_other:" not in output


def test_with_the_data_nothing_is_left_out(run, tmp_path):
    code, output = run(NEEDS_DATA, QUARTIER_REAL_DATA=str(tmp_path), CI="true")
    assert code == 0
    assert "2 passed" in output


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_in_ci_a_test_left_out_fails_the_run(run, workers):
    code, output = run(NEEDS_DATA, workers, CI="true")
    assert code == 1
    assert "tests/test_it.py::test_reads: QUARTIER_REAL_DATA is not set" in output
    assert "1 passed, 1 skipped" in output


def test_a_file_cannot_skip_itself(run):
    text = "import pytest\npytest.importorskip('no_such_module')\ndef test_a(): pass\n"
    code, output = run(text)
    assert code != 0
    assert "never a whole file" in output


FAILING = """
from hypothesis import given, strategies as st
seen = []
@given(st.floats(0, 1))
def test_a(x): seen.append(x)
def test_b(rng): assert not seen, f"{rng.random()} {hash(tuple(seen))}"
"""


def test_a_failure_prints_the_command_that_replays_it(run):
    _, first = run(FAILING, QUARTIER_DRILL="1")
    (seed,) = re.findall(r"^QUARTIER_SEED=(\d+) .*pytest tests/test_it.py::test_b$", first, re.M)
    assert f"seed {seed}, full counts" in first
    _, again = run(FAILING, QUARTIER_DRILL="1", QUARTIER_SEED=seed)
    _, other = run(FAILING, QUARTIER_DRILL="1", QUARTIER_SEED=str(int(seed) + 1))

    def tried(output):
        return re.search(r"AssertionError: (0\.\d+) (-?\d+)", output).groups()

    assert tried(again) == tried(first)
    drawn, examples = tried(other)
    assert drawn != tried(first)[0]
    assert examples != tried(first)[1]


def test_a_wrong_database_is_named(run):
    code, _ = run("def test_a(): pass\n", QUARTIER_TEST_DB="oracle")
    assert code == pytest.ExitCode.USAGE_ERROR
