"""The parts of which the energy lines of a plan are made.

A part is all atoms of one solution, over dates with one sheet and VAT rate, on which the same
lines hold: a time slot, a season. Where all prices are flat it is all of the dates.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quartier.core.kernel.period import Dates
from quartier.core.rating.components.energy import EnergyItem
from quartier.core.rating.components.item import Scope, WholeEnergy
from quartier.core.rating.plan import Plan
from quartier.core.rating.whole import Share


@dataclass(frozen=True, eq=False, slots=True)
class Parts:
    """The parts bool [c, k] of ``solution`` over ``dates``, and the lines bool [l, c] made of
    them."""

    solution: str
    dates: Dates
    atoms: NDArray[np.bool_]
    lines: NDArray[np.bool_]

    def share(self, scope: Scope, rows: NDArray[np.int64], numbers: NDArray[np.int64]) -> Share:
        """What participants ``numbers`` [m] with ``rows`` [m, p] got of it."""
        solar_mwh = _by_part(scope.atoms.solar_mwh, scope, rows, self)
        keys = tuple(np.packbits(one).tobytes() for one in self.atoms)
        return Share(self.solution, self.dates, numbers, keys, self.lines, solar_mwh)


def parts_of(plan: Plan, scope: Scope) -> Iterator[Parts]:
    """The parts of every solution, which together are all atoms within the scope's dates."""
    alive = scope.atoms.within(scope.dates)
    for solution in dict.fromkeys(scope.solutions):
        left = alive.copy()
        by_dates: dict[Dates, list[NDArray[np.bool_]]] = {}
        for item in plan.items:
            if isinstance(item, EnergyItem) and item.head.component.solution == solution:
                by_dates.setdefault(item.head.dates, []).append(item.mask)
        for segment in plan.segments:
            if segment.solution == solution:
                mask = np.zeros(len(alive), np.bool_)
                mask[segment.columns] = True
                by_dates.setdefault(segment.dates, []).append(mask)
        for dates, masks in by_dates.items():
            inside = scope.atoms.within(dates)
            yield _parts(solution, dates, inside, np.unique(np.array(masks), axis=0))
            left &= ~inside
        if left.any():
            yield Parts(solution, scope.dates, left[None, :], np.ones((1, 1), np.bool_))


def _parts(
    solution: str, dates: Dates, inside: NDArray[np.bool_], masks: NDArray[np.bool_]
) -> Parts:
    columns = np.flatnonzero(inside)
    signatures, part_of = np.unique(masks[:, columns], axis=1, return_inverse=True)
    atoms = np.zeros((signatures.shape[1], len(inside)), np.bool_)
    atoms[part_of.ravel(), columns] = True
    return Parts(solution, dates, atoms, signatures)


def energy_of(
    parts: list[tuple[Parts, NDArray[np.int64]]], scope: Scope, rows: NDArray[np.int64]
) -> dict[str, WholeEnergy]:
    """What participants used by solution, from its parts and their whole solar Wh [m, c]."""
    out: dict[str, WholeEnergy] = {}
    for solution in dict.fromkeys(one.solution for one, _ in parts):
        own = [(one, solar_wh) for one, solar_wh in parts if one.solution == solution]
        part_of = np.full(len(scope.atoms.signature), -1, np.int64)
        first = 0
        for one, _ in own:
            for number, atoms in enumerate(one.atoms, first):
                part_of[atoms] = number
            first += len(one.atoms)
        consumption_wh = [_by_part(scope.atoms.consumption_wh, scope, rows, one) for one, _ in own]
        out[solution] = WholeEnergy(
            part_of,
            np.concatenate(consumption_wh, axis=1),
            np.concatenate([solar_wh for _, solar_wh in own], axis=1),
        )
        used, got = out[solution].consumption_wh, out[solution].solar_wh
        assert bool((got <= used).all()), "rounding never exceeds the consumption"
    return out


def _by_part(
    matrix: NDArray[np.int64], scope: Scope, rows: NDArray[np.int64], parts: Parts
) -> NDArray[np.int64]:
    """int64 [m, c]: ``matrix`` [n, k] of the participants' rows, summed by part."""
    out = np.zeros((len(rows), len(parts.atoms)), np.int64)
    for place in scope.places(parts.solution):
        own = matrix[rows[:, place]]
        for number, atoms in enumerate(parts.atoms):
            out[:, number] += own[:, atoms].sum(axis=1)
    return out
