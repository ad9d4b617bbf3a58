"""The floors: the same bytes through the bare library, in the same run on the same disk."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import connection

from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.sites.models import Site
from quartier.core.allocation import allocate
from quartier.core.kernel.energy import MWH_PER_WH

BLOCK = 96
Row = tuple[int, int, int, bytes, bytes, int]
"""Site, day, register, energies, qualities, total: a row of the table of blocks."""

INSERT = (
    "INSERT INTO metering_intervalblock (site_id, day, register_id, energy, quality, total_wh) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)
UPDATE = (
    "UPDATE metering_intervalblock SET energy = ?, quality = ?, total_wh = ? "
    "WHERE site_id = ? AND day = ? AND register_id = ?"
)
SELECT = (
    "SELECT register_id, day, energy, quality FROM metering_intervalblock WHERE site_id = ? "
    "AND day >= ? AND day < ? AND register_id IN (SELECT value FROM json_each(?))"
)


def raw(path: Path | str) -> sqlite3.Connection:
    """A connection of sqlite3 alone, with the pragmas of the real one."""
    made = sqlite3.connect(path, isolation_level=None)
    made.executescript(settings.DATABASES["default"]["OPTIONS"]["init_command"])
    return made


def raw_table(path: Path) -> sqlite3.Connection:
    """A new database with nothing but the real table of blocks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = 'metering_intervalblock'")
        (sql,) = cursor.fetchone()
    made = raw(path)
    made.execute(sql)
    return made


def written(to: sqlite3.Connection, sql: str, rows: Sequence[tuple[object, ...]]) -> None:
    """``rows`` in one transaction, on the disk when this returns."""
    to.execute("BEGIN IMMEDIATE")
    to.executemany(sql, rows)
    to.execute("COMMIT")


def selected(
    of: sqlite3.Connection, site_id: int, registers: Sequence[int], slots: range
) -> np.ndarray:
    """The energies of the blocks int32[N, 96], unsorted and unchecked."""
    wanted = (site_id, slots.start // BLOCK, -(-slots.stop // BLOCK), json.dumps(list(registers)))
    rows = of.execute(SELECT, wanted).fetchall()
    np.frombuffer(b"".join(row[3] for row in rows), np.uint8)
    return np.frombuffer(b"".join(row[2] for row in rows), "<i4").reshape(-1, BLOCK)


def read_and_allocate(site: Site, slots: range) -> Callable[[], object]:
    """The least that a bill needs: every interval of ``site`` read, and the solar energy shared
    among its households; no tariffs, no documents."""
    rows = list(Register.objects.filter(site=site).values_list("pk", "meter__ref"))
    registers = [pk for pk, _ in rows]
    consumers = [pk for pk, ref in rows if ref.startswith("m")]
    (plant,) = (pk for pk, ref in rows if ref == "pv")

    def work() -> object:
        found = store.read(site.pk, registers, slots.start, slots.stop)
        used = [found.row(pk) for pk in consumers]
        return allocate(
            found.energy_wh[used] * MWH_PER_WH,
            found.energy_wh[[found.row(plant)]] * MWH_PER_WH,
            "proportional",
            slots=slots.start,
        )

    return work
