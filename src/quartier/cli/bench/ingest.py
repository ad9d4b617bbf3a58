"""What gateways send, on SQLite and, where QUARTIER_BENCH_DATABASE_URL names an empty database (as
``make bench`` does), on PostgreSQL."""

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quartier.cli.bench._counts import Counts
from quartier.cli.bench._figure import Figure
from quartier.cli.bench._fleet import DATABASE, EMPTY

URL = "QUARTIER_BENCH_DATABASE_URL"


def measure(folder: Path, counts: Counts) -> Iterator[Figure]:
    """``ingest_batches_per_s``, ``ingest_readings_per_s`` and ``backfill_year_s``, each a second
    time as ``..._pg`` on PostgreSQL."""
    home = folder / "ingest"
    home.mkdir()
    shutil.copyfile(folder / EMPTY, home / DATABASE)
    yield from _figures(_process(home, "", counts), "SQLite", "", counts)
    if url := os.environ.get(URL, ""):
        yield from _figures(_process(home, url, counts), "PostgreSQL", "_pg", counts)


def _process(home: Path, url: str, counts: Counts) -> dict[str, Any]:
    environment = {**os.environ, "QUARTIER_HOME": str(home), "PYTHONWARNINGS": "ignore"}
    environment.pop("DATABASE_URL", None)
    if url:
        environment["DATABASE_URL"] = url
    sizes = (counts.registers, counts.batches, counts.days_sent)
    done = subprocess.run(
        [sys.executable, "-m", "quartier.cli.bench._ingest", *map(str, sizes)],
        env=environment,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=True,
    )
    took: dict[str, Any] = json.loads(done.stdout)
    return took


def _figures(took: dict[str, Any], where: str, ending: str, counts: Counts) -> Iterator[Figure]:
    live, history = took["live"], took["history"]
    cpu_s = statistics.median(live["cpu_s"])
    how = "COPY" if ending else "executemany"
    floor_what = f"the same rows ready-made, {how} and commit"
    yield Figure(
        f"ingest_batches_per_s{ending}",
        1 / cpu_s,
        "batches/s",
        f"a core, {where}: signed, {counts.registers} readings each, to the stored quarter-hours "
        f"and the signed answer; {statistics.median(live['wall_s']) * 1e3:.3g} ms wall",
        floor=1 / statistics.median(live["floor"]["cpu_s"]),
        floor_what=floor_what,
        higher_is_better=True,
        samples=[1 / one for one in live["cpu_s"]],
    )
    readings = counts.registers * (counts.days_sent * 96 + 5)
    yield Figure(
        f"ingest_readings_per_s{ending}",
        readings / sum(history["cpu_s"]),
        "readings/s",
        f"a core, {where}: history in batches of 20,000",
        floor=readings / sum(history["floor"]["cpu_s"]),
        floor_what=floor_what,
        higher_is_better=True,
    )
    yield Figure(
        f"backfill_year_s{ending}",
        sum(history["wall_s"]),
        "s",
        f"{where}: {counts.days_sent} days of {counts.registers} meters, {readings:,} readings",
        floor=sum(history["floor"]["wall_s"]),
        floor_what=floor_what,
        cpu=sum(history["cpu_s"]),
    )
