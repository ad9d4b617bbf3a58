"""The rows of a table of meters: which cells stand in which line. Hostile files are refused."""

import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from io import BytesIO
from itertools import islice

from quartier.formats.load_curve.cells import Cell, Row, csv_rows, decoded, text_of, xlsx_rows
from quartier.formats.load_curve.curves import BadCurves
from quartier.formats.meter_table.columns import COLUMNS, column_of

MOST_BYTES = 2 * 1024 * 1024
MOST_UNPACKED = 32 * 1024 * 1024
MOST_ROWS = 500
_MOST_SEEN = 2 * MOST_ROWS
"""Rows of a sheet that are looked at, blank ones too: one with more is refused."""
_MAGIC = b"PK\x03\x04"


class BadTable(ValueError):
    """The file is no table of meters; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """The cells of one line by the key of their column; empty ones are left out."""

    row: int
    cells: Mapping[str, Cell]


def lines_of(data: bytes) -> tuple[Line, ...]:
    """The lines of a CSV or XLSX file, whichever it is. Raises :class:`BadTable`."""
    if len(data) > MOST_BYTES:
        raise BadTable(f"the file is larger than {MOST_BYTES // 2**20} MiB")
    try:
        rows = list(islice(_rows(data), MOST_ROWS + 2))
    except BadCurves as problem:
        raise BadTable(problem.errors[0]) from None
    if not rows:
        raise BadTable("the table is empty; the first line names the columns")
    (_first, head), *rest = rows
    if len(rest) > MOST_ROWS:
        raise BadTable(f"the table has more than {MOST_ROWS} meters; cut it into several")
    keys = _head(head)
    return tuple(
        Line(number, _cells(number, keys, cells)) for number, cells in rest if _is_used(cells)
    )


def _rows(data: bytes) -> Iterable[Row]:
    if data.startswith(_MAGIC):
        _refuse_bomb(data)
        return xlsx_rows(data, "", _MOST_SEEN)
    text = decoded(data, "utf-8")
    first = text.split("\n", 1)[0]
    return csv_rows(text, max(";,\t", key=first.count))


def _refuse_bomb(data: bytes) -> None:
    """Whether the file unpacks to much more than a table of meters needs."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as problem:
        raise BadTable(f"the file is not an XLSX file: {problem}") from None
    if unpacked > MOST_UNPACKED:
        raise BadTable(f"the XLSX file unpacks to more than {MOST_UNPACKED // 2**20} MiB")


def _head(cells: list[Cell]) -> list[str]:
    keys: list[str] = []
    for cell in cells:
        name = text_of(cell)[:60]
        key = column_of(name) if name else ""
        if key is None:
            close = get_close_matches(name.casefold(), list(COLUMNS), n=1)
            if close:
                raise BadTable(f"there is no column {name!r}; did you mean {close[0]}?")
            raise BadTable(f"there is no column {name!r}; the empty table has them all")
        if key and key in keys:
            raise BadTable(f"the column {name!r} is there twice; keep one")
        keys.append(key)
    for needed in ("ref", "name"):
        if needed not in keys:
            raise BadTable(f"the column {needed!r} is missing; each meter needs one")
    return keys


def _cells(number: int, keys: list[str], cells: list[Cell]) -> dict[str, Cell]:
    if any(text_of(cell) for cell in cells[len(keys) :]):
        raise BadTable(f"line {number}: there is a cell beyond the last column")
    found = {}
    for key, cell in zip(keys, cells, strict=False):
        if not text_of(cell):
            continue
        if not key:
            raise BadTable(f"line {number}: there is a cell in a column without a heading")
        found[key] = cell
    return found


def _is_used(cells: list[Cell]) -> bool:
    return any(text_of(cell) for cell in cells)
