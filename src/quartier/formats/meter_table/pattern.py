"""Many meters of one kind from a pattern: the lines of a table that nobody has to type."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from quartier.formats.load_curve.cells import Cell
from quartier.formats.meter_table.read import MOST_ROWS, BadTable, Line

_NUMBER = re.compile(r"\{n(?::(0[1-9]))?\}")


@dataclass(frozen=True, slots=True)
class Pattern:
    """``count`` meters; ``{n}`` in ``ref`` and ``name`` is the number of each, ``{n:03}`` the same
    in three digits. ``same`` are cells that all of them have."""

    count: int
    ref: str
    name: str
    first_number: int = 1
    first_address: int | None = None
    address_step: int = 1
    billing_points: Sequence[str] | None = None
    """In their order, one a meter: at least as many as there are meters; None: of no matter."""
    same: Mapping[str, Cell] = field(default_factory=dict)


def lines_of_pattern(pattern: Pattern) -> tuple[Line, ...]:
    """The lines, from 1 on. Raises :class:`BadTable`."""
    if not 1 <= pattern.count <= MOST_ROWS:
        raise BadTable(f"from 1 to {MOST_ROWS} meters can be added at once")
    if pattern.count > 1 and not _NUMBER.search(pattern.ref):
        raise BadTable("the pattern of the references needs {n}, where the number stands")
    points = pattern.billing_points
    if points is not None and len(points) < pattern.count:
        raise BadTable(
            f"there are {len(points)} billing points for {pattern.count} meters; add them first,"
            " or take fewer meters"
        )
    lines = []
    for place in range(pattern.count):
        number = pattern.first_number + place
        cells: dict[str, Cell] = dict(pattern.same)
        cells["ref"] = _filled(pattern.ref, number)
        cells["name"] = _filled(pattern.name, number)
        if pattern.first_address is not None:
            cells["address"] = str(pattern.first_address + place * pattern.address_step)
        if points is not None:
            cells["billing_point"] = points[place]
        lines.append(Line(place + 1, {key: cell for key, cell in cells.items() if cell != ""}))
    return tuple(lines)


def _filled(pattern: str, number: int) -> str:
    return _NUMBER.sub(lambda match: f"{number:{match[1] or ''}}", pattern)
