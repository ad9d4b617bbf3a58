"""Interval blocks in the database: the SQL of both engines, on arrays. Used by ``store`` alone.

Plain SQL and not the ORM: a quarter of a building is 3,680 blocks, and what surrounds a block
must cost less than its 96 values (docs/decisions/0006-interval-store.md).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection

from quartier.core.kernel.period import SLOTS_PER_UTC_DAY, date_of_day_number
from quartier.core.metering.intervals import MISSING_WH, Qualities

ENERGY_BYTES = 4 * SLOTS_PER_UTC_DAY
QUALITY_BYTES = SLOTS_PER_UTC_DAY
_LOCK_CLASS = 0x51494E54  # any fixed number keeps this lock apart from others: "QINT"

_SELECT = (
    "SELECT register_id, day, total_wh, energy, quality FROM metering_intervalblock "
    "WHERE site_id = %s AND day >= %s AND day < %s AND register_id "
)
_SELECT_SQLITE = f"{_SELECT} IN (SELECT value FROM json_each(%s))"  # noqa: S608
_SELECT_POSTGRESQL = f"{_SELECT} = ANY(%s::bigint[])"
_COLUMNS = "(site_id, day, register_id, energy, quality, total_wh)"
_INSERT = f"INSERT INTO metering_intervalblock {_COLUMNS} VALUES (%s, %s, %s, %s, %s, %s)"  # noqa: S608
_UPDATE = (
    "UPDATE metering_intervalblock SET energy = %s, quality = %s, total_wh = %s "
    "WHERE site_id = %s AND day = %s AND register_id = %s"
)
# All blocks travel as one value; PostgreSQL cuts it up. An array of 1,000 bytea costs thrice.
# COPY would be faster, but PostgreSQL refuses it on tables with row-level security.
_ENERGY = f"substring(%s::bytea from ((n.i - 1) * {ENERGY_BYTES} + 1)::int for {ENERGY_BYTES})"
_QUALITY = f"substring(%s::bytea from ((n.i - 1) * {QUALITY_BYTES} + 1)::int for {QUALITY_BYTES})"
_FROM = (
    "FROM unnest(%s::int[], %s::bigint[], %s::bigint[])"
    " WITH ORDINALITY n(day, register_id, total_wh, i)"
)
_UPDATE_MANY = f"""
UPDATE metering_intervalblock b SET energy = {_ENERGY}, quality = {_QUALITY}, total_wh = n.total_wh
{_FROM} WHERE b.site_id = %s AND b.day = n.day AND b.register_id = n.register_id
"""  # noqa: S608
_INSERT_MANY = f"""
INSERT INTO metering_intervalblock (energy, quality, day, register_id, total_wh, site_id)
SELECT {_ENERGY}, {_QUALITY}, n.day, n.register_id, n.total_wh, %s {_FROM}
"""


class DamagedBlock(Exception):
    """A stored block does not match its checksum or its size: restore it from a backup."""

    def __init__(self, site_id: int, register_id: int, day: int) -> None:
        super().__init__(
            f"the stored intervals of register {register_id} of site {site_id} on "
            f"{date_of_day_number(day)} (UTC) are damaged; restore a backup or import them again"
        )
        self.site_id, self.register_id, self.day = site_id, register_id, day


@dataclass(frozen=True, eq=False)
class Blocks:
    """N blocks of one site: ``register_id`` and ``day`` int64[N], ``energy_wh`` int32[N, 96]
    with ``MISSING_WH``, ``quality`` uint8[N, 96]."""

    register_id: npt.NDArray[np.int64]
    day: npt.NDArray[np.int64]
    energy_wh: npt.NDArray[np.int32]
    quality: Qualities

    def __len__(self) -> int:
        return len(self.day)

    def totals_wh(self) -> npt.NDArray[np.int64]:
        """Sum of each block's energies that are there, int64[N]."""
        return totals_wh(self.energy_wh)

    def take(self, which: npt.NDArray[Any]) -> "Blocks":
        """The blocks at the positions (or under the mask) ``which``."""
        return Blocks(
            self.register_id[which], self.day[which], self.energy_wh[which], self.quality[which]
        )


def totals_wh(energy_wh: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """The sum of each row of ``energy_wh`` int32[N, 96] without what is missing, int64[N]."""
    totals: npt.NDArray[np.int64] = energy_wh.sum(axis=1, dtype=np.int64)
    if energy_wh.size and energy_wh.min() == MISSING_WH:
        is_missing = energy_wh == MISSING_WH
        totals -= np.count_nonzero(is_missing, axis=1) * MISSING_WH
    return totals


def lock_site(site_id: int) -> None:
    """Let one transaction at a time write the intervals of a site.

    On SQLite the transaction itself (IMMEDIATE) is that lock. On PostgreSQL row locks would not
    do: two writers that both add a day's first slot have no row to lock yet.
    """
    assert connection.in_atomic_block
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s::int, %s::int)",
                [_LOCK_CLASS, site_id % 2**31],
            )


def read(site_id: int, register_ids: Sequence[int], first_day: int, end_day: int) -> Blocks:
    """The blocks of ``register_ids`` in ``[first_day, end_day)``, in any order.

    Raises :class:`DamagedBlock`.
    """
    rows = _rows(site_id, register_ids, first_day, end_day)
    if not rows:
        empty = np.empty((0, SLOTS_PER_UTC_DAY))
        none = np.empty(0, np.int64)
        return Blocks(none, none, empty.astype(np.int32), empty.astype(np.uint8))
    registers, days, totals, energies, qualities = zip(*rows, strict=True)
    energy_bytes = b"".join(energies)
    quality_bytes = b"".join(qualities)
    if len(energy_bytes) != len(rows) * ENERGY_BYTES or len(quality_bytes) != len(rows) * 96:
        for register_id, day, _, energy, quality in rows:
            if len(energy) != ENERGY_BYTES or len(quality) != QUALITY_BYTES:
                raise DamagedBlock(site_id, register_id, day)
    blocks = Blocks(
        np.array(registers, np.int64),
        np.array(days, np.int64),
        np.frombuffer(energy_bytes, "<i4").reshape(-1, SLOTS_PER_UTC_DAY),
        np.frombuffer(quality_bytes, np.uint8).reshape(-1, SLOTS_PER_UTC_DAY),
    )
    wrong = np.flatnonzero(blocks.totals_wh() != np.array(totals, np.int64))
    # Nearly always nothing is missing, which the two minima tell sooner than every value does.
    if blocks.energy_wh.min() == MISSING_WH or not blocks.quality.min():
        is_odd = (blocks.energy_wh == MISSING_WH) != (blocks.quality == 0)
        if is_odd.any():
            wrong = np.flatnonzero(is_odd.any(axis=1))
    if len(wrong):
        raise DamagedBlock(site_id, registers[wrong[0]], days[wrong[0]])
    return blocks


def _rows(site_id: int, register_ids: Sequence[int], first_day: int, end_day: int) -> list[Any]:
    parameters: list[Any] = [site_id, first_day, end_day]
    ids = [int(register_id) for register_id in register_ids]
    if connection.vendor == "postgresql":
        connection.ensure_connection()
        import psycopg  # only where PostgreSQL is used

        # Binary, or every byte would travel as two characters of text.
        with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as raw:
            raw.execute(_SELECT_POSTGRESQL, [*parameters, ids], binary=True)
            rows: list[Any] = raw.fetchall()
            return rows
    with connection.cursor() as cursor:
        cursor.execute(_SELECT_SQLITE, [*parameters, json.dumps(ids)])
        found: list[Any] = cursor.fetchall()
        return found


def insert(site_id: int, blocks: Blocks) -> None:
    """Add blocks that are not there yet."""
    if not len(blocks):
        return
    energy_wh = blocks.energy_wh.astype("<i4", copy=False)
    days, registers = blocks.day.tolist(), blocks.register_id.tolist()
    totals = blocks.totals_wh().tolist()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                _INSERT_MANY,
                [energy_wh.tobytes(), blocks.quality.tobytes(), site_id, days, registers, totals],
            )
            return
        energies = _pieces(energy_wh)
        qualities = _pieces(blocks.quality)
        rows = zip(repeat(site_id), days, registers, energies, qualities, totals, strict=False)
        cursor.executemany(_INSERT, list(rows))


def replace(site_id: int, blocks: Blocks) -> None:
    """Give blocks that are there these values."""
    if not len(blocks):
        return
    energy_wh = blocks.energy_wh.astype("<i4", copy=False)
    days, registers = blocks.day.tolist(), blocks.register_id.tolist()
    totals = blocks.totals_wh().tolist()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                _UPDATE_MANY,
                [energy_wh.tobytes(), blocks.quality.tobytes(), days, registers, totals, site_id],
            )
            changed = cursor.rowcount
        else:
            energies = _pieces(energy_wh)
            qualities = _pieces(blocks.quality)
            rows = zip(energies, qualities, totals, repeat(site_id), days, registers, strict=False)
            cursor.executemany(_UPDATE, list(rows))
            changed = cursor.rowcount
    assert changed == len(blocks), f"{changed} of {len(blocks)} blocks were there to be replaced"


def _pieces(array: npt.NDArray[Any]) -> list[bytes]:
    """The bytes of each row."""
    rows = np.ascontiguousarray(array)
    pieces: list[bytes] = rows.view(f"V{rows.itemsize * rows.shape[1]}").ravel().tolist()
    return pieces
