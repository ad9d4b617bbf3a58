"""The interval store: loading history, reading a quarter, taking in live values."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
from django.db import connection

from quartier.apps.equipment.models import Meter, Register
from quartier.apps.metering import store
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from quartier.cli.bench import _floor
from quartier.cli.bench._counts import Counts
from quartier.cli.bench._figure import Figure, Timing, timed_each, timed_in_turn
from quartier.cli.bench._world import KNOWN_AT, QUARTER
from quartier.core.kernel.period import timezone_of
from quartier.core.metering.intervals import Series

DAY = 96
FIRST_DAY = 20_454  # 2026-01-01


def measure(folder: Path, counts: Counts) -> Iterator[Figure]:
    """``load_readings_per_s``, ``site_quarter_matrix_ms`` and ``live_ingest_1000_ms``."""
    yield _load(folder, counts)
    yield _matrix(counts)
    yield _live(folder, counts)


def site_with_registers(count: int, ref: str) -> tuple[Site, list[int]]:
    """A site with nothing but ``count`` meters of one register, and the ids of those."""
    organisation, _ = Organisation.objects.get_or_create(ref="bench", name="Bench")
    site = Site.objects.create(organisation=organisation, ref=ref, name=ref)
    meters = Meter.objects.bulk_create(Meter(site=site, ref=f"m{n:04d}") for n in range(count))
    registers = Register.objects.bulk_create(
        Register(site=site, meter=meter, obis="1-1:1.29.0") for meter in meters
    )
    return site, [register.pk for register in registers]


def _series(registers: list[int], first_slot: int, length: int, seed: int) -> list[Series]:
    random = np.random.default_rng(seed)
    energy_wh = random.gamma(1.2, 70, size=(len(registers), length)).astype(np.int64)
    measured = np.ones(length, np.uint8)
    return [
        Series(register, first_slot, row, measured)
        for register, row in zip(registers, energy_wh, strict=True)
    ]


def _rows(site_id: int) -> list[_floor.Row]:
    """What is stored of a site, as its rows in the order of the key."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT site_id, day, register_id, energy, quality, total_wh "
            "FROM metering_intervalblock WHERE site_id = %s ORDER BY day, register_id",
            [site_id],
        )
        return list(cursor.fetchall())


def _load(folder: Path, counts: Counts) -> Figure:
    """Each run loads a year into a site of its own, one call and one transaction."""
    length = counts.days_loaded * DAY
    readings = counts.registers * length
    sites: list[int] = []

    def loads() -> Iterator[Callable[[], object]]:
        for run in range(counts.loads + 1):
            site, registers = site_with_registers(counts.registers, f"load-{run}")
            sites.append(site.pk)
            series = _series(registers, FIRST_DAY * DAY, length, run)
            yield partial(store.write, site.pk, series, source="bench", known_at=KNOWN_AT)

    timing = timed_each(loads(), warm=1)

    def raw_loads() -> Iterator[Callable[[], object]]:
        bare = _floor.raw_table(folder / "load.sqlite3")
        for site_id in sites:
            rows = _rows(site_id)
            assert len(rows) == counts.registers * counts.days_loaded, "all of it was stored"
            yield partial(_floor.written, bare, _floor.INSERT, rows)
        bare.close()

    floor = timed_each(raw_loads(), warm=1)
    return Figure(
        "load_readings_per_s",
        readings / timing.median_s,
        "readings/s",
        f"into a new site: {counts.registers} registers x {counts.days_loaded} days in one call "
        f"({timing.median_cpu_s / readings * 1e9:.0f} ns CPU a reading)",
        floor=readings / floor.median_s,
        floor_what="the same blocks ready-made, raw sqlite3 executemany and commit",
        higher_is_better=True,
        samples=[readings / one for one in timing.wall_s],
    )


def _matrix(counts: Counts) -> Figure:
    site, registers = site_with_registers(counts.registers, "matrix")
    slots = QUARTER.period(timezone_of(site.timezone)).slots
    series = _series(registers, slots.start, len(slots), 1)
    store.write(site.pk, series, source="bench", known_at=KNOWN_AT)
    bare = _floor.raw(connection.settings_dict["NAME"])
    floor, timing = timed_in_turn(
        lambda: _floor.selected(bare, site.pk, registers, slots),
        lambda: store.read(site.pk, registers, slots.start, slots.stop),
        runs=counts.runs,
        warm=2,
    )
    bare.close()
    return timing.figure(
        "site_quarter_matrix_ms",
        "ms",
        1e3,
        f"to read {counts.registers} registers x {len(slots) // DAY} days as a checked matrix",
        floor=floor.median_s * 1e3,
        floor_what="raw SELECT of the same blobs and np.frombuffer",
    )


def _live(folder: Path, counts: Counts) -> Figure:
    """The day's blocks are there already, as they are all day but for its first quarter-hour."""
    site, registers = site_with_registers(counts.live_registers, "live")
    first = FIRST_DAY * DAY
    store.write(site.pk, _series(registers, first, 1, 0), source="bench", known_at=KNOWN_AT)

    def quarter_hours() -> Iterator[Callable[[], object]]:
        for run in range(counts.runs + 1):
            series = _series(registers, first + 1 + run, 1, run + 1)
            known_at = KNOWN_AT + timedelta(minutes=15 * run)
            yield partial(store.write, site.pk, series, source="bench", known_at=known_at)

    timing = timed_each(quarter_hours(), warm=1)

    rows = _rows(site.pk)
    assert len(rows) == counts.live_registers, "one day of each register"
    floor = _bare_updates(folder / "live.sqlite3", rows, counts.runs)
    return timing.figure(
        "live_ingest_1000_ms",
        "ms",
        1e3,
        f"to take in the next quarter-hour of {counts.live_registers} registers, one call, "
        "on the disk when it returns (synchronous=FULL)",
        floor=floor.median_s * 1e3,
        floor_what="the same blocks ready-made, raw sqlite3 UPDATE and commit",
    )


def _bare_updates(path: Path, rows: list[_floor.Row], runs: int) -> Timing:
    """``rows`` with other energies in each run: SQLite does not write what is the same."""
    bare = _floor.raw_table(path)
    _floor.written(bare, _floor.INSERT, rows)
    random = np.random.default_rng(1)

    def updates() -> Iterator[Callable[[], object]]:
        for _ in range(runs + 1):
            new = [(random.bytes(len(row[3])), *row[4:], *row[:3]) for row in rows]
            yield partial(_floor.written, bare, _floor.UPDATE, new)

    timing = timed_each(updates(), warm=1)
    bare.close()
    return timing
