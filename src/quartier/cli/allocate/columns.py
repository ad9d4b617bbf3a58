"""Which column of the table is what."""

from collections.abc import Sequence
from dataclasses import dataclass

from quartier.cli import UserError
from quartier.cli.allocate.parameters import Parameters

_CONSUMPTION = "_consumption"
_PRODUCTION = "_production"


@dataclass(frozen=True)
class Columns:
    """Positions in a row. ``consumers`` and ``plants`` are in the order of the table.

    For the arithmetic they are sorted by name, so that the order of the columns does not change
    who gets the last mWh.
    """

    width: int
    consumers: dict[str, int]
    plants: dict[str, int]
    grid: int | None = None
    charge: int | None = None
    discharge: int | None = None

    @property
    def sorted_consumers(self) -> list[str]:
        """The consumers' names, in the order of the arithmetic."""
        return sorted(self.consumers)

    @property
    def sorted_plants(self) -> list[str]:
        """The plants' names, in the order of the arithmetic."""
        return sorted(self.plants)

    @property
    def read(self) -> list[int]:
        """The positions to read: consumers, plants, grid, charge, discharge."""
        site = [self.grid, self.charge, self.discharge]
        return [
            *(self.consumers[name] for name in self.sorted_consumers),
            *(self.plants[name] for name in self.sorted_plants),
            *(position for position in site if position is not None),
        ]


def columns_of(header: Sequence[str], parameters: Parameters, where: str) -> Columns:
    """Find the columns; raises UserError that says what the header lacks."""
    if len(header) == 1 and (";" in header[0] or "\t" in header[0]):
        sign = "semicolons" if ";" in header[0] else "tabs"
        raise UserError(
            f"{where}: the columns are separated by {sign}; save the file as CSV with commas"
        )
    names = header[1:]
    for position, name in enumerate(names, 2):
        if names.index(name) != position - 2 and _matters(name, parameters):
            raise UserError(
                f"{where}, column {position}: a second column {name!r}; rename one of them"
            )
    consumers = _named(header, "C", _CONSUMPTION)
    if not consumers:
        raise UserError(
            f"{where}: there is no column C*_consumption; name one per consumer, as C01_consumption"
        )
    plants = _named(header, "P", _PRODUCTION)
    if not plants and parameters.grid is None:
        raise UserError(
            f"{where}: there is no column P*_production; name one per plant, as P01_production"
        )

    def site_column(name: str | None) -> int | None:
        if name is not None and name not in names:
            raise UserError(f"{where}: there is no column {name!r}, which the parameters name")
        return None if name is None else 1 + names.index(name)

    return Columns(
        len(header),
        consumers,
        plants,
        site_column(parameters.grid),
        site_column(parameters.charge),
        site_column(parameters.discharge),
    )


def _matters(name: str, parameters: Parameters) -> bool:
    return name.endswith((_CONSUMPTION, _PRODUCTION)) or name in (
        parameters.grid,
        parameters.charge,
        parameters.discharge,
    )


def _named(header: Sequence[str], letter: str, ending: str) -> dict[str, int]:
    return {
        name.removesuffix(ending): position
        for position, name in enumerate(header)
        if position and name.startswith(letter) and name.endswith(ending)
    }
