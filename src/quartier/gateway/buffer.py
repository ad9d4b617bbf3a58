"""What was measured and is not yet on the platform, in one SQLite file.

What :meth:`Buffer.append` has returned from is on the disk (``synchronous=FULL``), and stays until
the platform says that it has it, or until the file would grow beyond its limit: then the oldest
goes first, power before what is billed, and a finding says what. Nothing is dropped for its age,
since a clock that jumps would then drop everything.

Numbers are never given twice, not even after what had them is gone, so that a batch that is sent
again is known as the same (docs/uplink.md).
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

from quartier.core.kernel.findings import Finding, error, warning
from quartier.core.kernel.period import utc
from quartier.core.kernel.quality import Quality
from quartier.formats.uplink.batch import (
    MOST_DIGITS,
    NAME,
    BadMeasurement,
    Batch,
    Column,
    Kind,
    Measurement,
)

MOST_BYTES = 512 << 20
"""Of the file. A measurement takes 30 bytes or less: 90 days of 100 meters with four registers
every quarter-hour are 100 MB, four values of power every minute for 7 days 120 MB."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS source (
    id INTEGER PRIMARY KEY,
    meter TEXT NOT NULL, obis TEXT NOT NULL, kind TEXT NOT NULL, serial TEXT NOT NULL,
    UNIQUE (meter, obis, kind, serial)
);
CREATE TABLE IF NOT EXISTS measurement (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    source_id INTEGER NOT NULL REFERENCES source (id),
    at_ms INTEGER NOT NULL,
    value INTEGER NOT NULL,
    decimals INTEGER NOT NULL,
    quality INTEGER NOT NULL
);
"""
_DROPPED_AT_ONCE = 10_000


class DiskFull(OSError):
    """Nothing was stored: there is no room on the disk."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a measurement comes from (see ``formats.uplink.Column``)."""

    meter: str
    obis: str
    kind: Kind
    serial: str = ""

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.meter) or not NAME.fullmatch(self.obis):
            raise BadMeasurement(f"{self.meter!r} {self.obis!r} is not the name of a register")
        if len(self.serial) > 63 or not self.serial.isprintable():
            raise BadMeasurement(f"{self.serial[:80]!r} is no serial number")


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much has not arrived yet, and since when."""

    count: int
    oldest_at: datetime | None
    file_bytes: int


class Buffer:
    """One process has it open, one thread uses it."""

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES, timeout_s: float = 10) -> None:
        self.path = path
        self.most_bytes = most_bytes
        self._timeout_s = timeout_s
        self.findings: list[Finding] = []
        """What was wrong with the file when it was opened."""
        self._connection = self._opened()
        self._drop_unknown()
        self._sources: dict[Source, int] = {
            Source(meter, obis, Kind(kind), serial): number
            for number, meter, obis, kind, serial in self._connection.execute(
                "SELECT id, meter, obis, kind, serial FROM source"
            )
        }
        self._oldest: dict[Kind, int] = {}
        """A number before which nothing of that kind is."""
        self.id: str = self._connection.execute(
            "SELECT value FROM about WHERE name = 'buffer'"
        ).fetchone()[0]

    def close(self) -> None:
        """Nothing more is stored or read."""
        self._connection.close()

    def append(self, rows: Iterable[tuple[Source, Measurement]]) -> None:
        """Store all of ``rows`` or nothing; on the disk when it returns.

        Raises :class:`BadMeasurement`, :class:`DiskFull`, and ``sqlite3.Error`` where the disk is
        broken.
        """
        made: dict[Source, int] = {}
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:
                self._connection.executemany(
                    "INSERT INTO measurement (source_id, at_ms, value, decimals, quality) "
                    "VALUES (?, ?, ?, ?, ?)",
                    [(self._source_id(source, made), *_row(one)) for source, one in rows],
                )
        except sqlite3.OperationalError as problem:
            if getattr(problem, "sqlite_errorcode", None) != sqlite3.SQLITE_FULL:
                raise
            raise DiskFull(
                f"No room on the disk for {self.path.name}; make room, the gateway goes on reading."
            ) from problem
        self._sources |= made

    def batch(self, gateway: str, *, now: datetime, most: int = 20_000) -> Batch | None:
        """The oldest measurements that have not arrived, ``most`` of them; None without any."""
        rows = self._connection.execute(
            "SELECT number, source_id, at_ms, value, decimals, quality FROM measurement "
            "ORDER BY number LIMIT ?",
            (most,),
        ).fetchall()
        if not rows:
            return None
        by_source: dict[int, list[tuple[int, Measurement]]] = defaultdict(list)
        for number, source_id, at_ms, value, decimals, quality in rows:
            measurement = Measurement(
                _EPOCH + at_ms * _MILLISECOND, Decimal(value).scaleb(-decimals), Quality(quality)
            )
            by_source[source_id].append((number, measurement))
        sources = {number: source for source, number in self._sources.items()}
        columns = tuple(
            Column(
                sources[source_id].meter,
                sources[source_id].obis,
                sources[source_id].kind,
                _in_order_of_time(part),
                sources[source_id].serial,
            )
            for source_id, found in by_source.items()
            for part in _of_digits_that_fit(found)
        )
        return Batch(gateway, self.id, rows[0][0], rows[-1][0], utc(now), columns)

    def acknowledge(self, buffer_id: str, number: int) -> int:
        """Forget what the platform has, up to ``number``; how many that were. An answer about
        another buffer, or about what was never sent, forgets nothing."""
        if buffer_id != self.id or number > self._last_number():
            return 0
        with self._connection:
            return self._connection.execute(
                "DELETE FROM measurement WHERE number <= ?", (number,)
            ).rowcount

    def next_number(self) -> int:
        """The number that the next measurement gets."""
        return self._last_number() + 1

    def move(self, first: int, by: timedelta) -> None:
        """The instants from number ``first`` on were wrong by ``by``: the clock was set since.
        Only what was never sent may be moved."""
        with self._connection:
            self._connection.execute(
                "UPDATE measurement SET at_ms = at_ms + ? WHERE number >= ?",
                (by // _MILLISECOND, first),
            )

    def remember(self, name: str, value: str) -> None:
        """Keep ``value`` over a restart."""
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def remembered(self, name: str) -> str | None:
        """What was kept as ``name``."""
        row = self._connection.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def prune(self) -> list[Finding]:
        """Drop the oldest while the file is too large; what is billed goes last."""
        dropped: dict[Kind, list[int]] = {}
        while self._used_bytes() > self.most_bytes:
            for kind in (Kind.MOMENTARY, Kind.POWER, Kind.SWITCH, Kind.REGISTER):
                if times := self._drop_oldest(kind):
                    seen = dropped.setdefault(kind, [0, times[0], times[0]])
                    seen[:] = seen[0] + len(times), min(seen[1], *times), max(seen[2], *times)
                    break
            else:
                break  # nothing is left to drop
        if dropped:
            self._connection.execute("PRAGMA incremental_vacuum").fetchall()
        return [self._dropped(kind, *seen) for kind, seen in dropped.items()]

    def waiting(self) -> Waiting:
        """What a page of the gateway shows."""
        count, oldest = self._connection.execute(
            "SELECT count(*), min(at_ms) FROM measurement"
        ).fetchone()
        oldest_at = None if oldest is None else _EPOCH + oldest * _MILLISECOND
        return Waiting(count, oldest_at, self._used_bytes())

    def _opened(self) -> sqlite3.Connection:
        """The file, or a new one where it is damaged; the damaged one is kept beside it."""
        try:
            return self._connected()
        except sqlite3.DatabaseError as problem:
            if isinstance(problem, sqlite3.OperationalError):
                raise  # locked, not permitted: another start may do
            aside = self.path.with_name(f"{self.path.name}.damaged-{uuid4().hex[:8]}")
            self.path.rename(aside)
            for suffix in ("-wal", "-shm"):
                with suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + suffix).rename(f"{aside}{suffix}")
            self.findings.append(
                error(
                    "gateway.damaged_buffer",
                    "The buffer was damaged and a new one was begun; what had not been sent is in "
                    f"{aside.name}.",
                    where=self.path.name,
                    remedy="Send that file to the operator, and replace the disk or memory card.",
                )
            )
            return self._connected()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=self._timeout_s)
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            _check(connection)
            connection.executescript(_SCHEMA)
            with connection:
                connection.execute(
                    "INSERT OR IGNORE INTO about VALUES ('buffer', ?)", (uuid4().hex,)
                )
        except BaseException:
            connection.close()
            raise
        connection.isolation_level = None  # transactions begin where the code says so
        return connection

    def _drop_unknown(self) -> None:
        """What a newer version stored and this one does not know, as after going back to it."""
        known = [kind.value for kind in Kind]
        unknown = f"kind NOT IN ({', '.join('?' * len(known))})"
        of_it = f"SELECT id FROM source WHERE {unknown}"  # noqa: S608 - placeholders
        with self._connection:
            count = self._connection.execute(
                f"DELETE FROM measurement WHERE source_id IN ({of_it})",  # noqa: S608
                known,
            ).rowcount
            self._connection.execute(f"DELETE FROM source WHERE {unknown}", known)  # noqa: S608
        if count:
            self.findings.append(
                warning(
                    "gateway.unknown_kind",
                    f"{count} values that a newer version had stored were dropped: this version "
                    "does not know what they are.",
                    where=self.path.name,
                    remedy="Nothing needs to be done; no version drops readings of registers so.",
                )
            )

    def _source_id(self, source: Source, made: dict[Source, int]) -> int:
        known = self._sources.get(source) or made.get(source)
        if known is None:
            cursor = self._connection.execute(
                "INSERT INTO source (meter, obis, kind, serial) VALUES (?, ?, ?, ?)",
                (source.meter, source.obis, source.kind.value, source.serial),
            )
            assert cursor.lastrowid is not None
            known = made[source] = cursor.lastrowid
        return known

    def _last_number(self) -> int:
        """The last number that was ever given."""
        row = self._connection.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'measurement'"
        ).fetchone()
        return row[0] if row else 0

    def _drop_oldest(self, kind: Kind) -> list[int]:
        """The instants of what was dropped, in milliseconds."""
        rows = self._connection.execute(
            "SELECT number, at_ms FROM measurement WHERE number >= ? AND source_id IN "
            "(SELECT id FROM source WHERE kind = ?) ORDER BY number LIMIT ?",
            (self._oldest.get(kind, 0), kind.value, _DROPPED_AT_ONCE),
        ).fetchall()
        if rows:
            self._oldest[kind] = rows[-1][0]
            self._connection.execute(
                "DELETE FROM measurement WHERE number BETWEEN ? AND ? AND source_id IN "
                "(SELECT id FROM source WHERE kind = ?)",
                (rows[0][0], rows[-1][0], kind.value),
            )
        return [at_ms for _, at_ms in rows]

    def _dropped(self, kind: Kind, count: int, first_ms: int, last_ms: int) -> Finding:
        first, last = (_EPOCH + ms * _MILLISECOND for ms in (first_ms, last_ms))
        what, say = ("values of power", warning)
        if kind is Kind.REGISTER:
            what, say = ("readings", error)
        elif kind is Kind.SWITCH:
            what, say = ("switches of appliances", warning)
        made = say(
            "gateway.dropped",
            f"{count} {what} from {first:%Y-%m-%dT%H:%MZ} to {last:%Y-%m-%dT%H:%MZ} were dropped "
            f"before the platform had them: the buffer has grown to {self.most_bytes >> 20} MiB.",
            where=self.path.name,
            remedy="Bring the gateway's connection to the platform back.",
        )
        return replace(made, since=first, until=last)

    def _used_bytes(self) -> int:
        """Of the file, without the pages that are free again."""
        size, pages, free = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
        return int(size * (pages - free))


def _check(connection: sqlite3.Connection) -> None:
    """Raises ``sqlite3.DatabaseError`` for a damaged file."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _row(one: Measurement) -> tuple[int, int, int, int]:
    """Instant, digits of the value, how many of them are decimals, quality."""
    one.check()
    exponent = one.value.as_tuple().exponent
    assert isinstance(exponent, int), "it was checked"
    decimals = max(-exponent, 0)
    at_ms = (utc(one.measured_at) - _EPOCH) // _MILLISECOND
    return at_ms, int(one.value.scaleb(decimals)), decimals, int(one.quality)


def _of_digits_that_fit(
    found: list[tuple[int, Measurement]],
) -> list[list[tuple[int, Measurement]]]:
    """``found`` in parts that a column can hold: its values all get the decimals of the finest.

    What cannot be sent would keep all that is behind it from being sent.
    """
    by_decimals: dict[int, list[tuple[int, Measurement]]] = defaultdict(list)
    whole_digits = 0
    for row in found:
        _, _, decimals, _ = _row(row[1])
        by_decimals[decimals].append(row)
        whole_digits = max(whole_digits, row[1].value.adjusted() + 1)
    fits = whole_digits + max(by_decimals) <= MOST_DIGITS
    return [found] if fits else list(by_decimals.values())


def _in_order_of_time(found: list[tuple[int, Measurement]]) -> tuple[Measurement, ...]:
    """A clock that was set back leaves earlier instants behind later ones."""
    return tuple(one for _, one in sorted(found, key=lambda row: (row[1].measured_at, row[0])))
