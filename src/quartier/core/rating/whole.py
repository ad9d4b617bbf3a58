"""Whole Wh on lines: each line's quantity is rounded once, by largest remainder over the
participants (issue: rating and invoicing).

The sharing rule gives mWh. What a participant got over dates with one sheet is rounded first,
together with everybody's; then it is spread over the parts of which that participant's lines are
made (time slots, seasons), so that

- a line is less than 1 Wh from its exact quantity,
- the lines of a household agree with each other, and solar + grid is the consumption exactly,
- the participants add up to the site.

docs/algorithms/rating.md has worked tables, and says where windows that cross can not have all
three.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from quartier.core.kernel.energy import MWH_PER_WH
from quartier.core.kernel.period import Dates

Int = NDArray[np.int64]
_HALF = MWH_PER_WH // 2
_MOST_PARTS = 8


@dataclass(frozen=True, eq=False, slots=True)
class Share:
    """What participants with one plan got of one solution, over dates with one sheet.

    ``numbers`` int64 [m] are the participants' places among all, in increasing order;
    ``parts`` are the atoms of each part, as bytes that are equal for equal parts; ``lines`` bool
    [l, c] says which parts each line is made of; ``exact_mwh`` is int64 [m, c].
    """

    solution: str
    dates: Dates
    numbers: Int
    parts: tuple[bytes, ...]
    lines: NDArray[np.bool_]
    exact_mwh: Int

    @property
    def _round_with(self) -> tuple[date, date, str]:
        return self.dates.from_date, self.dates.to_date or date.max, self.solution

    @property
    def _spread_with(self) -> tuple[object, ...]:
        return (*self._round_with, self.parts, self.lines.tobytes())


def whole_wh(shares: Sequence[Share], first_slot: int) -> list[Int]:
    """int64 [m, c] whole Wh of each of ``shares``; ties rotate with the period's first slot."""
    totals = _totals([share.exact_mwh.sum(axis=1) for share in shares], shares, first_slot)
    alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for place, share in enumerate(shares):
        alike[share._spread_with].append(place)
    out: list[Int] = [np.zeros(0, np.int64)] * len(shares)
    for places in alike.values():
        together, order = _in_order([shares[place].numbers for place in places])
        exact = np.concatenate([shares[place].exact_mwh for place in places])[order]
        whole = np.concatenate([totals[place] for place in places])[order]
        spread = np.empty_like(exact)
        spread[order] = _spread(exact, whole, shares[places[0]].lines, _turns(together, first_slot))
        ends = np.cumsum([len(shares[place].numbers) for place in places])[:-1]
        for place, rows in zip(places, np.split(spread, ends), strict=True):
            out[place] = rows
    return out


def _totals(exact: Sequence[Int], shares: Sequence[Share], first_slot: int) -> list[Int]:
    """int64 [m] of each share: its participants' totals in whole Wh.

    Those with the same solution and dates are rounded together; the sums of one group after the
    other are rounded half up, so that all together add up to the site.
    """
    groups: dict[tuple[date, date, str], list[int]] = defaultdict(list)
    for place, share in enumerate(shares):
        groups[share._round_with].append(place)
    out: list[Int] = [np.zeros(0, np.int64)] * len(shares)
    before = 0
    for key in sorted(groups):
        places = groups[key]
        together, order = _in_order([shares[place].numbers for place in places])
        mwh = np.concatenate([exact[place] for place in places])[order]
        after = before + int(mwh.sum())
        sum_to = (after + _HALF) // MWH_PER_WH - (before + _HALF) // MWH_PER_WH
        before = after
        whole, remainder = np.divmod(mwh, MWH_PER_WH)
        left = sum_to - int(whole.sum())
        assert 0 <= left <= int((remainder > 0).sum()), "a rounded sum is its floor or ceiling"
        ranked = np.lexsort((_turns(together, first_slot), -remainder))
        whole[ranked[:left]] += 1
        rounded = np.empty_like(whole)
        rounded[order] = whole
        ends = np.cumsum([len(exact[place]) for place in places])[:-1]
        for place, rows in zip(places, np.split(rounded, ends), strict=True):
            out[place] = rows
    return out


def _in_order(numbers: Sequence[Int]) -> tuple[Int, Int]:
    """The participants' numbers in increasing order, and how to get there."""
    together = np.concatenate(numbers)
    order = np.argsort(together, kind="stable")
    return together[order], order


def _turns(numbers: Int, first_slot: int) -> Int:
    """Whose turn it is when remainders are equal: the lowest first."""
    turns: Int = (np.arange(len(numbers)) - first_slot) % max(len(numbers), 1)
    return turns


def _spread(exact: Int, whole: Int, lines: NDArray[np.bool_], turns: Int) -> Int:
    """``whole`` [m] spread over the parts of ``exact`` [m, c]: each the floor or the ceiling."""
    m, c = exact.shape
    if c == 1 or not m:
        return whole[:, None].copy()
    floor, remainder = np.divmod(exact, MWH_PER_WH)
    up = whole - floor.sum(axis=1)
    if c > _MOST_PARTS:
        place = np.argsort(np.argsort(-remainder, axis=1, kind="stable"), axis=1)
        ranked: Int = floor + (place < up[:, None])
        return ranked
    patterns = (np.arange(1 << c)[:, None] >> np.arange(c)) & 1  # [p, c]
    fits = _fitting(patterns, remainder, up, lines)
    worth = remainder @ patterns.T
    chosen = np.where(fits, worth, -1).argmax(axis=1)
    wanted = _column_sums(exact, int(whole.sum())) - floor.sum(axis=0)
    _balance(chosen, fits, remainder, wanted, turns)
    spread: Int = floor + patterns[chosen]
    return spread


def _fitting(patterns: Int, remainder: Int, up: Int, lines: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool [m, p]: the ways of rounding up that keep the total, and every line within 1 Wh.

    Lines along three sets of windows that all cross may have no such way; then the total alone
    counts.
    """
    fits: NDArray[np.bool_] = patterns.sum(axis=1) == up[:, None]
    fits &= (remainder == 0).astype(np.int64) @ patterns.T == 0
    near = fits.copy()
    for line in lines.astype(np.int64):
        off = MWH_PER_WH * (patterns @ line) - (remainder @ line)[:, None]
        near &= np.abs(off) < MWH_PER_WH
    none = ~near.any(axis=1)
    near[none] = fits[none]
    return near


def _column_sums(exact: Int, sum_to: int) -> Int:
    """int64 [c]: the sums over the participants in whole Wh, which add up to ``sum_to``."""
    whole: Int
    whole, remainder = np.divmod(exact.sum(axis=0), MWH_PER_WH)
    every, more = divmod(sum_to - int(whole.sum()), len(whole))
    whole += every
    whole[np.argsort(-remainder, kind="stable")[:more]] += 1
    return whole


def _balance(chosen: Int, fits: NDArray[np.bool_], remainder: Int, wanted: Int, turns: Int) -> None:
    """Move Wh between parts of a household, least remainder lost first, until the participants'
    sums are ``wanted``, as far as moves between two parts can."""
    c = len(wanted)
    for _ in range(c):
        have = np.array([int(((chosen >> part) & 1).sum()) for part in range(c)])
        moved = False
        for more in np.flatnonzero(have > wanted).tolist():
            for less in np.flatnonzero(have < wanted).tolist():
                count = min(have[more] - wanted[more], wanted[less] - have[less])
                if count <= 0:
                    continue
                other = chosen ^ ((1 << more) | (1 << less))
                can = ((chosen >> more) & 1 == 1) & ((chosen >> less) & 1 == 0)
                rows = np.flatnonzero(can)
                rows = rows[fits[rows, other[rows]]]
                loss = remainder[rows, more] - remainder[rows, less]
                rows = rows[np.lexsort((turns[rows], loss))][:count]
                chosen[rows] = other[rows]
                have[more] -= len(rows)
                have[less] += len(rows)
                moved |= bool(len(rows))
        if not moved:
            return
