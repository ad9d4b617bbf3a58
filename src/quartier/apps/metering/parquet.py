"""Intervals as Parquet: the archive, exact to the Wh and the quality (stack.md, archive).

One row a register and quarter-hour, sorted by register and time:

| column | type | meaning |
|---|---|---|
| meter, obis, direction, part, unit | string | the register |
| start | timestamp[ms, UTC] | start of the quarter-hour |
| value | int32, null where missing | in ``unit``: wh or l |
| quality | string | a word of ``kernel.quality``; ``missing`` exactly where the value is null |
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from quartier.apps.metering import store
from quartier.apps.metering.export import parts, registers_of
from quartier.apps.metering.store import Written
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import QUARTER_SECONDS
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH, SLOT_LIMIT, BadSeries, Series

_QUARTER_MS = QUARTER_SECONDS * 1000
_REGISTER = ("meter", "obis", "direction", "part", "unit")
_KEY = ("meter", "direction", "part", "unit")
SCHEMA = pa.schema(
    [
        *((name, pa.dictionary(pa.int32(), pa.string())) for name in _REGISTER),
        ("start", pa.timestamp("ms", "UTC")),
        ("value", pa.int32()),
        ("quality", pa.dictionary(pa.int32(), pa.string())),
    ]
)
_WORDS = [quality.word for quality in Quality]


class NotIntervals(Exception):
    """The file is not an archive of intervals of this site."""


def export(site: Site, slots: range, out: Path | IO[bytes]) -> int:
    """Write ``slots`` of all registers of ``site`` to ``out``; returns the rows written."""
    rows = 0
    with pq.ParquetWriter(
        out,
        SCHEMA,
        compression="zstd",
        use_dictionary=[*_REGISTER, "quality"],
        column_encoding={"start": "DELTA_BINARY_PACKED", "value": "DELTA_BINARY_PACKED"},
    ) as writer:
        for part in parts(site, registers_of(site), slots):
            value, quality = part.intervals.energy_wh[0], part.intervals.quality[0]
            count = len(value)
            register = part.register
            names = (
                register.meter.ref,
                register.obis,
                register.direction,
                register.part,
                register.unit,
            )
            start = np.arange(part.intervals.slots.start, part.intervals.slots.stop) * _QUARTER_MS
            writer.write_table(
                pa.table(
                    [
                        *(_repeated(name, count) for name in names),
                        pa.array(start.astype("datetime64[ms]"), SCHEMA.field("start").type),
                        pa.array(value.astype(np.int32), mask=value == MISSING_WH),
                        pa.DictionaryArray.from_arrays(
                            pa.array(quality.astype(np.int32)), pa.array(_WORDS)
                        ),
                    ],
                    schema=SCHEMA,
                )
            )
            rows += count
    return rows


def _repeated(word: str, count: int) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([word]))


def import_(site: Site, path: Path, *, known_at: datetime, reason: str = "") -> Written:
    """Store the intervals of ``path``, all or nothing. The same file again changes nothing.

    Raises :class:`NotIntervals` for a file of another shape, or that names registers which the
    site does not have, and what ``store.write`` raises.
    """
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as problem:
        raise NotIntervals(f"{path} is not a Parquet file: {_line(problem)}") from None
    with file:
        missing = {*_REGISTER, "start", "value", "quality"} - set(file.schema_arrow.names)
        if missing:
            raise NotIntervals(f"{path} has no column {', '.join(sorted(missing))}")
        try:
            return store.write(
                site.pk,
                _series(site, file, path),
                source=f"parquet {path.name}"[:200],
                known_at=known_at,
                reason=reason,
            )
        except (pa.ArrowException, OSError, BadSeries) as problem:
            raise NotIntervals(f"{path} cannot be read: {_line(problem)}") from None


def _line(problem: Exception) -> str:
    return str(problem).splitlines()[0][:200] if str(problem) else type(problem).__name__


def _series(site: Site, file: pq.ParquetFile, path: Path) -> Iterator[Series]:
    known = {(r.meter.ref, r.direction, r.part, r.unit): r.pk for r in registers_of(site)}
    codes = {quality.word: int(quality) for quality in Quality}
    columns = [*_REGISTER, "start", "value", "quality"]
    for batch in file.iter_batches(batch_size=200_000, columns=columns):
        words = {name: _encoded(batch.column(name), name, path) for name in (*_REGISTER, "quality")}
        slots = _slots(batch.column("start"), path)
        values, is_null = _values(batch.column("value"), path)
        unknown = set(words["quality"][1]) - codes.keys()
        if unknown:
            raise NotIntervals(f"{path} has an unknown quality {min(unknown)!r}")
        code = np.array([codes[word] for word in words["quality"][1]] or [0], np.uint8)
        quality = code[words["quality"][0]]
        if not np.array_equal(is_null, quality == Quality.MISSING):
            raise NotIntervals(f"{path} has a value of quality missing, or none of another")
        # A series ends where the register changes or a slot is left out.
        breaks = np.diff(slots) != 1
        for name in _REGISTER:
            breaks |= np.diff(words[name][0]) != 0
        edges = [0, *(np.flatnonzero(breaks) + 1).tolist(), len(slots)]
        for first, end in pairwise(edges):
            if first == end:
                continue
            key = tuple(words[column][1][words[column][0][first]] for column in _KEY)
            if key not in known:
                raise NotIntervals(
                    f"{path} holds {' '.join(key)}, which site {site.ref} does not have"
                )
            yield Series(known[key], int(slots[first]), values[first:end], quality[first:end])


def _encoded(column: Any, name: str, path: Path) -> tuple[npt.NDArray[np.int64], list[str]]:
    """A column of text as positions in a list of words."""
    if column.null_count:
        raise NotIntervals(f"{path} leaves {name} empty in a row")
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    if not pa.types.is_string(column.type.value_type):
        raise NotIntervals(f"{path}: the column {name} is not text")
    return column.indices.to_numpy(zero_copy_only=False).astype(
        np.int64
    ), column.dictionary.to_pylist()


def _slots(column: Any, path: Path) -> npt.NDArray[np.int64]:
    if not pa.types.is_timestamp(column.type) or column.type.tz is None or column.null_count:
        raise NotIntervals(f"{path}: the column start is not an instant in every row")
    instants = column.cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy()
    if len(instants) and (
        (instants % _QUARTER_MS).any()
        or instants.min() < 0
        or instants.max() >= SLOT_LIMIT * _QUARTER_MS
    ):
        raise NotIntervals(f"{path} has a start that is not on a quarter-hour of 1970 to 2100")
    slots: npt.NDArray[np.int64] = instants // _QUARTER_MS
    return slots


def _values(column: Any, path: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    if not pa.types.is_integer(column.type):
        raise NotIntervals(f"{path}: the column value is not whole numbers")
    is_null = column.is_null().to_numpy(zero_copy_only=False)
    values = column.cast(pa.int64()).fill_null(MISSING_WH).to_numpy(zero_copy_only=False)
    return values, is_null
