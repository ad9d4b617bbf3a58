"""The gateway's buffer under SIGKILL: what it said it stored is there, once, nothing in half."""

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from quartier.gateway.buffer import Buffer

pytestmark = pytest.mark.drill
NOW = datetime(2026, 11, 23, tzinfo=UTC)

# Stores groups of measurements whose values go on by one, says so after each, and now and then
# sends what waits and takes the platform's answer.
WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from quartier.formats.uplink.batch import Kind, Measurement
from quartier.gateway.buffer import Buffer, Source

path, value, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
buffer = Buffer(path)
print("open", len(buffer.findings), flush=True)
source = Source("m", "1-1:1.8.0", Kind.REGISTER)
while True:
    count = 1 + (value * 7 + seed) % 40
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=value)
    rows = [(source, Measurement(at, Decimal(value + n))) for n in range(count)]
    buffer.append(rows)
    value += count
    print("stored", value, flush=True)
    if value % 5 == 0:
        batch = buffer.batch("gw", now=at, most=100)
        print("sending", int(batch.columns[0].measurements[-1].value), flush=True)
        buffer.acknowledge(batch.buffer_id, batch.last)
        print("arrived", flush=True)
"""


def test_what_was_stored_survives_a_kill_once(tmp_path, rng, drill_count):
    path = tmp_path / "buffer.sqlite3"
    after, arrived = 0, -1
    for _ in range(drill_count(100, 4)):
        said = told_until_killed(path, after, rng)
        stored = max([after, *(int(line[1]) for line in said if line[0] == "stored")])
        sending = arrived
        for line in said:
            if line[0] == "sending":
                sending = int(line[1])
            elif line[0] == "arrived":
                arrived = sending
        values = waiting(path)
        assert values == list(range(values[0], values[-1] + 1)) if values else True
        # An answer that was being taken when the kill came may count or not.
        assert not values or values[0] - 1 in (arrived, sending), "forgotten before it arrived"
        end = values[-1] + 1 if values else sending + 1
        assert end >= stored, "what was acknowledged is gone"
        assert end - stored in (0, 1 + (stored * 7 + SEED) % 40), "a group is in half"
        after, arrived = end, (values[0] - 1 if values else end - 1)


SEED = 11


def told_until_killed(path: Path, value: int, rng) -> list[list[str]]:
    """What a writer said before it was killed at some moment after it had opened the buffer."""
    command = [sys.executable, "-c", WRITER, str(path), str(value), str(SEED)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        opened = process.stdout.readline().split()
        time.sleep(rng.uniform(0, 0.15))
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    assert opened == ["open", "0"], "a kill damages no file"
    return [line.split() for line in rest.splitlines(keepends=True) if line.endswith("\n")]


def waiting(path: Path) -> list[int]:
    """The values that wait in the buffer, in order of their numbers."""
    buffer = Buffer(path)
    batch = buffer.batch("gw", now=NOW, most=10**6)
    buffer.close()
    return [] if batch is None else [int(row.value) for row in batch.columns[0].measurements]
