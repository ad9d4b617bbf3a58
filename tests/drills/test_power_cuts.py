"""The power fails under the gateway's buffer and under the platform's database: what was told to
somebody is on the disk, nothing is there in half."""

import os
import random
import shutil
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from quartier.gateway.buffer import Buffer
from tests.servers import tables
from tests.servers.postgresql import Postgresql
from tests.servers.power import TOLD, Disk, traced

pytestmark = pytest.mark.drill
NOW = datetime(2026, 11, 23, tzinfo=UTC)
METERS = 4
ROOT = Path(__file__).resolve().parents[2]

TELL = f"""
import os, sys
folder = sys.argv[1]
number = os.open(folder + "/{TOLD}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def tell(*words):
    os.write(number, (" ".join(map(str, words)) + chr(10)).encode())
"""

# Stores groups of measurements whose values go on by one, and acknowledges those that arrived.
GATEWAY = f"""{TELL}
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from quartier.formats.uplink.batch import Kind, Measurement
from quartier.gateway.buffer import Buffer, Source

buffer = Buffer(Path(folder, "buffer.sqlite3"))
source = Source("m", "1-1:1.8.0", Kind.REGISTER)
value = 0
for group in range(60):
    count = 1 + value * 7 % 40
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=value)
    buffer.append((source, Measurement(at, Decimal(value + n))) for n in range(count))
    value += count
    tell("stored", value)
    if group % 5 == 4:
        batch = buffer.batch("gw", now=at, most=100)
        tell("arrived", int(batch.columns[0].measurements[-1].value))
        buffer.acknowledge(batch.buffer_id, batch.last)
        tell("forgotten", int(batch.columns[0].measurements[-1].value))
"""

# Runs the platform beside the PostgreSQL in the same folder: one trace of both.
ON_POSTGRESQL = """
import os, signal, sys
from pathlib import Path
from tests.servers.postgresql import Postgresql
from tests.servers.tables import TEMPLATE
server = Postgresql(small=True, of=Path(sys.argv[1]))
os.environ["DATABASE_URL"] = server.url_of(TEMPLATE)
try:
    exec(sys.argv[2])
finally:
    server.halt(signal.SIGQUIT)
"""

PLATFORM = f"""{TELL}
from quartier.config.start import django
django()
from quartier.cli.bench._ingest import Sender
sender = Sender("cellar", {METERS}, 25)
for count, body in enumerate(sender.batches(1), 1):
    tell("sent", count)
    sender.post(body)
    tell("acknowledged", count)
"""


def last(disk, word):
    return max((int(one.split()[1]) for one in disk.told if one.split()[0] == word), default=None)


def cuts(disk, calls, wanted, draw):
    """Lets the calls happen one by one; at ``wanted`` moments the power fails."""
    moments = sorted(draw.choices(range(len(calls)), k=wanted))
    for moment, call in enumerate(calls):
        while moments and moments[0] == moment:
            moments.pop(0)
            yield moment
        disk.call(call)


@pytest.fixture
def draw():
    return random.Random(int(os.environ["QUARTIER_SEED"]))


def test_the_gateway_keeps_what_it_stored(tmp_path, draw, drill_count):
    folder, after = tmp_path / "gateway", tmp_path / "after"
    folder.mkdir()
    disk = Disk(folder)
    calls = traced([sys.executable, "-c", GATEWAY, str(folder)], folder, **os.environ)
    assert sum(one.name == "fdatasync" for one in calls) > 60, "each group is synced"
    for _ in cuts(disk, calls, drill_count(1000, 60), draw):
        disk.cut(after, draw)
        buffer = Buffer(after / "buffer.sqlite3")
        batch = buffer.batch("gw", now=NOW, most=100_000)
        buffer.close()
        values = [int(one.value) for one in batch.columns[0].measurements] if batch else []
        stored, forgotten = last(disk, "stored") or 0, last(disk, "forgotten")
        # What has arrived may be forgotten already, though that was not told yet.
        firsts = {0 if one is None else one + 1 for one in (forgotten, last(disk, "arrived"))}
        if not values:
            assert stored in {0, *firsts}, "what was stored is gone"
            continue
        assert values == list(range(values[0], values[-1] + 1)), "each once"
        assert values[0] in firsts, "forgotten too early"
        assert values[-1] + 1 in (stored, stored + 1 + stored * 7 % 40), "a group in half"


def test_the_platform_keeps_what_it_acknowledged(tmp_path, draw, drill_count):
    folder, after = tmp_path / "platform", tmp_path / "after"
    tables.copy_to(folder)
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"QUARTIER_HOME": str(folder), "PYTHONWARNINGS": "ignore"}
    disk = Disk(folder)
    calls = traced([sys.executable, "-c", PLATFORM, str(folder)], folder, **environment)
    first_sent = next(
        at for at, one in enumerate(calls) if one.path.name == TOLD and one.data == b"sent 1\n"
    )
    for call in calls[:first_sent]:
        disk.call(call)
    for _ in cuts(disk, calls[first_sent:], drill_count(500, 30), draw):
        disk.cut(after, draw)
        database = sqlite3.connect(after / "quartier.sqlite3")
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (readings,) = database.execute("SELECT count(*) FROM metering_reading").fetchone()
        (numbers,) = database.execute(
            "SELECT coalesce(max(last), 0) FROM metering_gatewaybuffer"
        ).fetchone()
        (filled,) = database.execute(
            "SELECT count(*) FROM metering_intervalblock WHERE total_wh > 0"
        ).fetchone()
        database.close()
        acknowledged, sent = last(disk, "acknowledged") or 0, last(disk, "sent") or 0
        assert readings in (acknowledged * METERS, sent * METERS), "a batch is lost or in half"
        assert numbers == readings
        assert bool(filled) == (readings > METERS)


def test_the_platform_keeps_what_it_acknowledged_on_postgresql(tmp_path, draw, drill_count):
    server = Postgresql(small=True)
    tables.postgresql(server)
    server.halt()
    after = server.folder.with_name(f"{server.folder.name}-after")
    try:
        disk, careless = Disk(server.folder), Disk(server.folder)
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environment |= {"QUARTIER_HOME": str(tmp_path), "PYTHONWARNINGS": "ignore"}
        environment["PYTHONPATH"] = str(ROOT)
        run = [sys.executable, "-c", ON_POSTGRESQL, str(server.folder), PLATFORM]
        calls = traced(run, server.folder, **environment)
        assert sum(one.name == "fdatasync" for one in calls) > 25, "each batch is synced"
        first_sent = next(
            at for at, one in enumerate(calls) if one.path.name == TOLD and one.data == b"sent 1\n"
        )
        for call in calls[:first_sent]:
            disk.call(call)
        for _ in cuts(disk, calls[first_sent:], drill_count(40, 2), draw):
            disk.cut(after, draw)
            readings, numbers, filled = found_on(server, after)
            acknowledged, sent = last(disk, "acknowledged") or 0, last(disk, "sent") or 0
            assert readings in (acknowledged * METERS, sent * METERS), "a batch is lost or in half"
            assert numbers == readings
            assert bool(filled) == (readings > METERS)
        # Where nothing were synced, this would be seen.
        for call in calls:
            if call.name != "fdatasync":
                careless.call(call)
        careless.cut(after, draw, "nothing")
        assert found_on(server, after)[0] < last(careless, "acknowledged") * METERS
    finally:
        shutil.rmtree(server.folder)
        shutil.rmtree(after, ignore_errors=True)


def found_on(server, folder):
    """Starts PostgreSQL on what a cut left: readings, the last numbers, and blocks with energy."""
    for name in ("postmaster.pid", "pg_internal.init"):
        for path in (folder / "data").rglob(name):
            path.unlink()
    server.give(folder)
    again = Postgresql(small=True, of=folder)
    try:
        with psycopg.connect(again.url_of(tables.TEMPLATE)) as database:
            return database.execute(
                "SELECT (SELECT count(*) FROM metering_reading),"
                " (SELECT coalesce(max(last), 0) FROM metering_gatewaybuffer),"
                " (SELECT count(*) FROM metering_intervalblock WHERE total_wh > 0)"
            ).fetchone()
    finally:
        again.halt()
