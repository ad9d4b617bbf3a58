"""The tests' own PostgreSQL: durable as by default, private, and gone with whoever started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from tests.servers.postgresql import Postgresql

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def server():
    server = Postgresql()
    yield server
    server.stop()
    assert not server.folder.exists()


def test_it_is_durable_and_private(server):
    with psycopg.connect(server.url) as connection:
        shown = {
            name: connection.execute(f"show {name}").fetchone()[0]
            for name in ("fsync", "synchronous_commit", "listen_addresses", "server_encoding")
        }
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
    }
    assert server.folder.stat().st_mode & 0o077 == 0


def test_it_does_not_outlive_a_run_that_is_killed(tmp_path):
    program = (
        "import time; from tests.servers.postgresql import Postgresql\n"
        "server = Postgresql(); print(server._server.pid, server.folder, flush=True)\n"
        "time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as run:
        pid, _, folder = run.stdout.readline().strip().partition(" ")
        os.kill(int(pid), 0)
        run.send_signal(signal.SIGKILL)
    for _ in range(200):
        if not Path(folder, "data/postmaster.pid").exists():
            break
        time.sleep(0.05)
    assert not Path(folder, "data/postmaster.pid").exists()
    subprocess.run(["rm", "-r", folder], check=True)
