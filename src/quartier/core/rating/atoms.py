"""The finest common segmentation of a period, and the exact energy in it.

An *atom* is all quarter-hours between two consecutive cut dates (a sheet, a VAT rate or an
occupancy begins) that lie on the same side of every time window in use. Every line is a sum of
atoms; ``whole.py`` rounds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from quartier.core.kernel.energy import MWH_PER_WH
from quartier.core.kernel.period import Dates, local_midnight, slot_at
from quartier.core.rating.masks import Mask
from quartier.core.rating.usage import BadUsage, Usage


@dataclass(frozen=True, eq=False, slots=True)
class Atoms:
    """Energy by row and atom.

    ``starts`` are the first dates of the date segments; ``segment`` [k] says which one an atom
    lies in, ``signature`` [k] has bit b set where mask b holds. ``consumption_wh`` (whole by
    construction of the store) and ``solar_mwh`` are int64 [n, k].
    """

    starts: tuple[date, ...]
    segment: NDArray[np.int64]
    signature: NDArray[np.int64]
    consumption_wh: NDArray[np.int64]
    solar_mwh: NDArray[np.int64]

    def within(self, dates: Dates) -> Mask:
        """bool [k]: the atoms inside ``dates``, whose bounds must be cut dates."""
        inside = np.array([start in dates for start in self.starts], dtype=np.bool_)
        mask: Mask = inside[self.segment]
        return mask

    def where(self, bit: int, value: bool) -> Mask:
        """bool [k]: the atoms on which mask ``bit`` is ``value``."""
        mask: Mask = ((self.signature >> bit) & 1).astype(np.bool_) == value
        return mask


def atoms_of(usage: Usage, period: Dates, cuts: Sequence[date], masks: Sequence[Mask]) -> Atoms:
    """``usage`` by atoms of ``period``, cut at ``cuts`` and along ``masks`` (bool [t] each).

    Raises :class:`BadUsage` if the usage is not that of the period, or not whole Wh.
    """
    tz = ZoneInfo(usage.timezone)
    slots = period.period(tz).slots
    n, t = usage.consumption_mwh.shape
    if usage.first_slot != slots.start or t != len(slots):
        raise BadUsage(f"the usage has {t} quarter-hours, the period {period} has {len(slots)}")
    if len(masks) > 62:
        raise BadUsage("more than 62 different windows and seasons in one period")
    starts = sorted({period.from_date, *(day for day in cuts if day in period)})
    bounds = [slot_at(local_midnight(day, tz)) - slots.start for day in starts]

    signatures = np.zeros(t, dtype=np.int64)
    for bit, mask in enumerate(masks):
        signatures |= mask.astype(np.int64) << bit
    changes = np.zeros(t, dtype=np.bool_)
    changes[1:] = signatures[1:] != signatures[:-1]
    changes[bounds] = True
    runs = np.flatnonzero(changes)
    segments = np.searchsorted(np.array(bounds), runs, side="right") - 1

    pairs = np.stack((segments.astype(np.int64), signatures[runs]), axis=1)
    unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    firsts = np.searchsorted(inverse[order], np.arange(len(unique)))

    def by_atom(matrix: NDArray[np.int64]) -> NDArray[np.int64]:
        if not n:
            return np.zeros((0, len(unique)), dtype=np.int64)
        by_run = np.add.reduceat(matrix, runs, axis=1)
        return np.add.reduceat(by_run[:, order], firsts, axis=1)

    consumption_wh, finer = np.divmod(by_atom(usage.consumption_mwh), MWH_PER_WH)
    if finer.any():
        raise BadUsage("the consumption is not in whole Wh; stored intervals are")
    return Atoms(
        tuple(starts), unique[:, 0], unique[:, 1], consumption_wh, by_atom(usage.solar_mwh)
    )
