"""``quartier bill --all`` killed at any moment, or run twice at once: never half, never double."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers import tables
from tests.servers.postgresql import Postgresql

pytestmark = pytest.mark.drill

QUARTIER = [sys.executable, "-m", "quartier"]
BILL = ["bill", "--all", "--from", "2026-07-01", "--to", "2026-07-04", "--issued", "2026-07-10"]
SITES = 6
HOUSEHOLDS = 5
NUMBERS = [f"s{n}-2026-{k:05d}" for n in range(SITES) for k in range(1, HOUSEHOLDS + 1)]


def environment(home, url=""):
    """The environment of a user with nothing set but where the data is."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    place = {"DATABASE_URL": url} if url else {}
    root = str(Path(__file__).resolve().parents[2])
    return kept | place | {"QUARTIER_HOME": str(home), "PYTHONPATH": root}


def start(command, env):
    return subprocess.Popen(
        [*QUARTIER, *command], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(command, env, codes=(0,)):
    process = start(command, env)
    out, err = process.communicate(timeout=300)
    assert process.returncode in codes, (process.returncode, out, err)
    assert "Traceback" not in err
    return out


def make(env):
    script = Path(__file__).with_name("make_sites.py")
    subprocess.run([sys.executable, script, str(SITES), str(HOUSEHOLDS)], env=env, check=True)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """A home with six sites to bill, and nothing billed."""
    home = tables.copy_to(tmp_path_factory.mktemp("fresh"))
    make(environment(home))
    return home


@pytest.fixture(scope="module")
def whole(fresh, tmp_path_factory):
    """The documents of a run that nothing interrupted, and how many seconds it took."""
    home = tmp_path_factory.mktemp("whole") / "home"
    shutil.copytree(fresh, home)
    begun = time.monotonic()
    run(BILL, environment(home))
    seconds = time.monotonic() - begun
    rows = documents(home)
    assert sorted(rows) == NUMBERS
    return rows, seconds


def documents(home):
    """Number -> hash of the stored document; each is what its own hash says."""
    with contextlib.closing(sqlite3.connect(home / "quartier.sqlite3")) as database:
        return hashes(
            database.execute("select number, document, sha256, site_id from billing_invoice")
        )


def hashes(rows):
    out = {}
    for number, document, sha256, _ in rows:
        assert number not in out, f"{number} twice"
        data = bytes(document)
        assert hashlib.sha256(data).hexdigest() == str(sha256)
        assert json.loads(data)["number"] == number
        out[number] = sha256
    return out


def assert_whole_sites(numbers):
    """Each site has all of its documents or none."""
    for n in range(SITES):
        count = sum(number.startswith(f"s{n}-") for number in numbers)
        assert count in (0, HOUSEHOLDS), f"site s{n} has {count} of {HOUSEHOLDS} documents"


def test_killed_at_any_moment_it_resumes(fresh, whole, tmp_path, rng, drill_count):
    expected, seconds = whole
    for trial in range(drill_count(40, 2)):
        home = tmp_path / f"t{trial}"
        shutil.copytree(fresh, home)
        env = environment(home)
        kills = 0
        while True:
            process = start(BILL, env)
            try:
                process.wait(timeout=rng.uniform(0.1, 1.1) * seconds)
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.communicate()
                kills += 1
            assert_whole_sites(documents(home))
            if kills == 4:
                break
        run(BILL, env)
        assert documents(home) == expected, f"trial {trial}, {kills} kills"
        run(["check"], env)
        shutil.rmtree(home)


def both_at_once(env):
    """Two runs at the same time: each ends well, or says that the other was before it."""
    runs = [start(BILL, env) for _ in range(2)]
    for process in runs:
        out, err = process.communicate(timeout=300)
        assert process.returncode in (0, 1), (process.returncode, out, err)
        assert "Traceback" not in err
    run(BILL, env)
    run(["check"], env)


def test_two_runs_at_once_issue_each_document_once(fresh, whole, tmp_path, drill_count):
    for trial in range(drill_count(10, 1)):
        home = tmp_path / f"t{trial}"
        shutil.copytree(fresh, home)
        both_at_once(environment(home))
        assert documents(home) == whole[0]


def test_the_same_on_postgresql(whole, tmp_path, rng, drill_count):
    import psycopg

    for _ in range(drill_count(5, 1)):
        server = Postgresql()
        try:
            tables.postgresql(server)
            url = server.create("sites", template=tables.TEMPLATE)
            env = environment(tmp_path, url)
            make(env)
            process = start(BILL, env)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=rng.uniform(0.3, 1.0) * whole[1])
            process.kill()
            process.communicate()
            with psycopg.connect(url, autocommit=True) as database:
                asked = "select number, document, sha256, site_id from billing_invoice"
                assert_whole_sites(hashes(database.execute(asked)))
                both_at_once(env)
                assert hashes(database.execute(asked)).keys() == whole[0].keys()
        finally:
            server.stop()
