"""Read a wide table in chunks, share each, and write the result; all of it or nothing."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from quartier.cli import UserError
from quartier.cli._output import whole_file
from quartier.cli._progress import Progress
from quartier.cli.allocate.cells import EMPTY, BadCell, Energies, Texts, mwh_of_cell, quoted
from quartier.cli.allocate.columns import Columns, columns_of
from quartier.cli.allocate.parameters import Parameters, read_parameters
from quartier.core.allocation import Allocation, AllocationError, BadEnergy, allocate
from quartier.core.allocation.ties import Bools, Int64, position_multiplier
from quartier.core.kernel.findings import Finding, warning

if TYPE_CHECKING:
    from _csv import Reader

_CHUNK_ROWS = 8_192


@dataclass
class Chunk:
    """Rows of the table, the line on which each begins, and how far the file is read."""

    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    position: int = 0


def share_table(
    source: Path, rule: str, parameters_path: Path | None, target: Path
) -> list[Finding]:
    """Share ``source`` by ``rule`` into ``target``; returns what was noticed.

    Raises UserError that names file, line and column; ``target`` is then as it was before.
    """
    for path in (source, parameters_path):
        if path is not None and target.exists() and path.exists() and target.samefile(path):
            raise UserError(f"--out is the same file as {path}; choose another name")
    try:
        parameters = read_parameters(parameters_path, rule)
        with source.open("rb") as binary:
            return _share(binary, source, rule, parameters, target)
    except AllocationError as error:
        raise UserError(f"{parameters_path or source}: {error}") from error


def _share(
    binary: BinaryIO, source: Path, rule: str, parameters: Parameters, target: Path
) -> list[Finding]:
    # What is not UTF-8 in a label or an ignored column passes through as the bytes it was.
    text = TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="")
    rows = csv.reader(text, strict=True)
    header = _header(rows, source)
    columns = columns_of(header, parameters, f"{source}, line {max(rows.line_num, 1)}")
    shares = Shares(columns, rule, parameters, source)
    size = source.stat().st_size
    with whole_file(target, errors="surrogateescape") as out, Progress(size, "sharing") as progress:
        out.write(",".join([quoted(header[0]), *shares.written]) + "\n")
        for chunk in _chunks(rows, binary, columns.width, source):
            out.writelines(shares.lines_of(chunk))
            progress.advance(chunk.position - progress.done)
        if not shares.count:
            raise UserError(f"{source}: there is no row below the header; nothing to share")
    return shares.findings()


def _header(rows: "Reader", source: Path) -> list[str]:
    try:
        header = next(rows, None)
    except csv.Error as error:
        raise UserError(f"{source}, line 1: {error}; save the file as CSV") from error
    if header is None:
        raise UserError(f"{source}: the file is empty; it needs a header and rows")
    if "\0" in "".join(header):
        raise UserError(f"{source}, line 1: not UTF-8 text; save the file as CSV in UTF-8")
    return [name.strip(" \t") if at else name for at, name in enumerate(header)]


def _chunks(rows: "Reader", binary: BinaryIO, width: int, source: Path) -> Iterator[Chunk]:
    """The table's rows; raises UserError for a row of another width or one that is not CSV."""
    chunk = Chunk()
    blank = 0
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise UserError(f"{source}, line {line}: {error}; mend the quotes there") from error
        if row is None:
            break
        if not row:  # allowed at the end of the file only
            blank = blank or line
            continue
        if blank:
            raise UserError(f"{source}, line {blank}: the line is empty; take it out")
        if len(row) != width:
            raise UserError(
                f"{source}, line {line}: {len(row)} cells under {width} headers; mend the line"
            )
        chunk.rows.append(row)
        chunk.lines.append(line)
        if len(chunk.rows) == _CHUNK_ROWS:
            chunk.position = binary.tell() if binary.seekable() else 0
            yield chunk
            chunk = Chunk()
    if chunk.rows:
        yield chunk


class Shares:
    """Turns chunks into lines of the result."""

    def __init__(self, columns: Columns, rule: str, parameters: Parameters, source: Path) -> None:
        self.columns = columns
        self.rule = rule
        self.parameters = parameters
        self.source = source
        self.count = 0
        self._energies = Energies()
        self._texts = Texts()
        self._grid_exceeds: list[int] = []

    @property
    def written(self) -> list[str]:
        """The header of the result, without its label."""
        battery = ["solar_charge", "grid_charge", "used", "surplus"]
        return [
            *(
                quoted(f"{name}_{what}")
                for name in self.columns.consumers
                for what in ("solar", "grid")
            ),
            *(quoted(f"{name}_surplus") for name in self.columns.plants),
            *(f"battery_{what}" for what in battery if self.columns.charge is not None),
        ]

    def lines_of(self, chunk: Chunk) -> Iterator[str]:
        """The lines of the result for the rows of ``chunk``."""
        columns = self.columns
        energies = self._read(chunk)
        consumers = len(columns.consumers)
        plants = consumers + len(columns.plants)
        site = iter(energies[plants:])
        grid = None if columns.grid is None else next(site)
        has_battery = columns.charge is not None
        known = np.maximum(energies[:plants], 0)
        try:
            result = allocate(
                known[:consumers],
                known[consumers:],
                self.rule,
                slots=_turns(energies),
                parameters=self.parameters.of_rule,
                consumers=columns.sorted_consumers,
                grid_in_mwh=grid,
                charge_mwh=next(site) if has_battery else None,
                discharge_mwh=next(site) if has_battery else None,
            )
        except BadEnergy as error:
            if error.column is None:
                raise
            line = chunk.lines[error.column]
            raise UserError(
                f"{self.source}, line {line}: the energies of the row are too large to add up; "
                "check their unit"
            ) from error
        if grid is not None:
            total = known[:consumers].sum(axis=0)
            self._grid_exceeds += [chunk.lines[at] for at in np.flatnonzero(grid > total)]
        self.count += len(chunk.rows)
        texts = self._texts
        values = self._written(result, energies == EMPTY).T.tolist()
        for row, energies_mwh in zip(chunk.rows, values, strict=True):
            yield quoted(row[0]) + "," + ",".join([texts[e] for e in energies_mwh]) + "\n"

    def _read(self, chunk: Chunk) -> Int64:
        """The energies[columns, rows] of a chunk in mWh, EMPTY where a cell is."""
        positions = self.columns.read
        pick = itemgetter(*positions)
        energies = self._energies
        try:
            if len(positions) == 1:
                table = [[energies[pick(row)]] for row in chunk.rows]
            else:
                table = [[energies[cell] for cell in pick(row)] for row in chunk.rows]
        except BadCell:
            self._refuse_first_bad_cell(chunk)
            raise  # unreachable: the cell is bad the second time, too
        matrix = np.ascontiguousarray(np.array(table, dtype=np.int64).T)
        members = len(self.columns.consumers) + len(self.columns.plants)
        gaps = np.argwhere(matrix[members:].T == EMPTY)
        if gaps.size:
            row, series = gaps[0]
            raise UserError(
                f"{self.source}, line {chunk.lines[row]}, column {positions[members + series] + 1}:"
                " the cell is empty, but a meter of the whole site is needed in every row; fill it"
            )
        return matrix

    def _refuse_first_bad_cell(self, chunk: Chunk) -> None:
        for row, line in zip(chunk.rows, chunk.lines, strict=True):
            for position in sorted(self.columns.read):
                try:
                    mwh_of_cell(row[position])
                except BadCell as error:
                    where = f"{self.source}, line {line}, column {position + 1}"
                    raise UserError(f"{where}: {error}") from error

    def _written(self, result: Allocation, is_empty: Bools) -> Int64:
        """The result in the order of ``written``, EMPTY for who is not a member."""
        columns = self.columns
        count = len(columns.consumers)
        row_of = {name: at for at, name in enumerate(columns.sorted_consumers)}
        plant_of = {name: at for at, name in enumerate(columns.sorted_plants)}
        series = []
        for name in columns.consumers:
            at = row_of[name]
            series.append(np.where(is_empty[at], EMPTY, result.solar_mwh[at]))
            series.append(np.where(is_empty[at], EMPTY, result.grid_mwh[at]))
        for name in columns.plants:
            at = plant_of[name]
            series.append(np.where(is_empty[count + at], EMPTY, result.surplus_mwh[at]))
        if result.battery is not None:
            battery = result.battery
            series += [battery.charged_solar_mwh, battery.charged_grid_mwh]
            series += [battery.used_mwh, battery.surplus_mwh]
        return np.array(series)

    def findings(self) -> list[Finding]:
        """What was noticed in all chunks."""
        lines = self._grid_exceeds
        if not lines:
            return []
        first = ", ".join(str(line) for line in lines[:5]) + (", ..." if len(lines) > 5 else "")
        return [
            warning(
                "allocation.grid_exceeds_consumption",
                f"in {len(lines)} of {self.count} rows the grid meter counted more than all "
                f"consumers used (lines {first}); nobody got solar energy in them.",
                where=str(self.source),
                remedy="Look for a consumer without a column, a loss, or swapped directions.",
            )
        ]


def _turns(energies: Int64) -> Int64:
    """What turns the ties of each row: a sum over all it holds, and nothing but that.

    So a row gives the same result wherever it stands and whatever its label says.
    """
    factors = position_multiplier(energies.shape[0])[:, None]
    turns: Int64 = (energies.astype(np.uint64) * factors).sum(axis=0).view(np.int64)
    return turns
