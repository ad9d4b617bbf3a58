"""What every kind of component shares: the head of its lines, and what it may look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from quartier.core.kernel.period import Dates
from quartier.core.rating.atoms import Atoms
from quartier.core.rating.masks import Mask
from quartier.core.rating.sheet import SOLAR, TOTAL, Component, PriceSheet, Unit
from quartier.core.rating.usage import Participant, Usage
from quartier.core.rating.windows import Season, Windows

Quantity = tuple[Decimal, int | None]
"""A quantity in its unit, and in Wh where it is energy from intervals."""
Bits = dict[Windows | Season, int]
"""Which bit of an atom's signature belongs to which windows or season."""


@dataclass(frozen=True, slots=True)
class Head:
    """What all lines of an item have in common: dates with one sheet and one VAT rate."""

    component: Component
    sheet: PriceSheet
    dates: Dates
    unit: Unit
    price: Decimal


@dataclass(frozen=True, eq=False, slots=True)
class Scope:
    """What participants with the same plan share."""

    usage: Usage
    period: Dates
    dates: Dates
    solutions: tuple[str, ...]
    atoms: Atoms
    bits: Bits
    grid_elsewhere: bool = False
    """Whether the grid operator bills grid energy itself, so that it needs no price here."""

    def places(self, solution: str) -> tuple[int, ...]:
        """Positions of the solution's rows in ``Participant.rows``."""
        return tuple(place for place, name in enumerate(self.solutions) if name == solution)


@dataclass(frozen=True, eq=False, slots=True)
class WholeEnergy:
    """What participants with one plan used of one solution, in whole Wh by part.

    ``part_of`` int64 [k] is the part an atom belongs to, -1 outside of their dates;
    ``consumption_wh`` and ``solar_wh`` are int64 [m, c].
    """

    part_of: NDArray[np.int64]
    consumption_wh: NDArray[np.int64]
    solar_wh: NDArray[np.int64]

    def wh(self, flow: str, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 [m]: whole Wh of ``flow`` over the atoms ``columns``, which are whole parts."""
        parts = np.unique(self.part_of[columns])
        assert len(columns) == np.isin(self.part_of, parts).sum(), "a line is made of whole parts"
        solar: NDArray[np.int64] = self.solar_wh[:, parts].sum(axis=1)
        if flow == SOLAR:
            return solar
        total: NDArray[np.int64] = self.consumption_wh[:, parts].sum(axis=1)
        return total if flow == TOTAL else total - solar


@dataclass(frozen=True, eq=False, slots=True)
class Group:
    """Participants with the same plan, their rows int64 [m, p] of the usage, and what they used
    by solution."""

    scope: Scope
    members: Sequence[Participant]
    rows: NDArray[np.int64]
    energy: Mapping[str, WholeEnergy]

    def wh(self, flow: str, solution: str, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64 [m]: whole Wh of ``flow`` of ``solution`` over the atoms ``columns``."""
        if solution not in self.energy:
            return np.zeros(len(self.members), dtype=np.int64)
        return self.energy[solution].wh(flow, columns)


class Item(Protocol):
    """One component over one range of dates."""

    @property
    def head(self) -> Head:
        """What its lines have in common."""

    def quantities(self, group: Group) -> Sequence[Quantity | None]:
        """The quantity of each member; None where the member has no such line."""


def component_atoms(component: Component, sheet: PriceSheet, dates: Dates, scope: Scope) -> Mask:
    """bool [k]: the atoms of ``dates`` in which the component's price holds."""
    atoms = scope.atoms
    mask = atoms.within(dates)
    windows = sheet.windows_called(component.windows)
    if component.slot.value != "all":
        assert windows is not None, "a sheet is validated before it is used"
        mask &= atoms.where(scope.bits[windows], component.slot.value == "standard")
    if component.season is not None:
        mask &= atoms.where(scope.bits[component.season], True)
    return mask
