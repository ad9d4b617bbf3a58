"""A load curve in whole Wh, worked out before the database is locked for the writes.

Decimals cost a hundred times what it costs to write them, and on SQLite nobody else writes while
a transaction lasts.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

import numpy as np
import numpy.typing as npt

from quartier.core.kernel.energy import WH_PER_KWH, remainder_after, whole_wh
from quartier.core.metering.intervals import MISSING_WH, Series
from quartier.formats.load_curve import Curve

Mask = npt.NDArray[np.bool_]


@dataclass(eq=False)
class WholeCurve:
    """``curve`` with its energies as whole Wh, and what they leave over.

    What earlier files carried into it, in Wh below 1, is told by whoever asks; the answer for one
    such remainder is kept, so that asking for the likely one beforehand makes the later one cheap.
    """

    curve: Curve
    first_slot: int = field(init=False)
    end_slot: int = field(init=False)
    _known: tuple[Decimal, npt.NDArray[np.int64]] | None = field(init=False, default=None)
    _remainder: Decimal | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        points = self.curve.points
        self.first_slot, self.end_slot = points[0].slot, points[-1].slot + 1
        self._at = np.array([point.slot for point in points], np.int64) - self.first_slot
        self._lines = np.array(self.curve.lines, np.int64)
        qualities = [0 if p.energy_kwh is None else int(p.quality) for p in points]
        self._quality = np.zeros(self.end_slot - self.first_slot, np.uint8)
        self._quality[self._at] = qualities

    @cached_property
    def is_finer_than_wh(self) -> bool:
        """Whether any value is not a whole Wh."""
        return any(
            point.energy_kwh is not None and (point.energy_kwh * WH_PER_KWH) % 1
            for point in self.curve.points
        )

    def series(self, register_id: int, carried_wh: Decimal) -> Series:
        """Whole Wh; what is finer is carried on (architecture.md, house rule 4)."""
        return Series(register_id, self.first_slot, self._energy_wh(carried_wh), self._quality)

    def work_out(self, carried_wh: Decimal) -> None:
        """Have the series for ``carried_wh`` ready, and what the whole curve leaves over."""
        self._energy_wh(carried_wh)
        if self.is_finer_than_wh:
            self._whole_remainder()

    def _energy_wh(self, carried_wh: Decimal) -> npt.NDArray[np.int64]:
        if self._known is None or self._known[0] != carried_wh:
            energies = whole_wh((point.energy_kwh for point in self.curve.points), carried_wh)
            energy_wh = np.full(self.end_slot - self.first_slot, MISSING_WH, np.int64)
            energy_wh[self._at] = [MISSING_WH if one is None else one for one in energies]
            self._known = carried_wh, energy_wh
        return self._known[1]

    def remainders(self, first: int, end: int, carried_wh: Decimal) -> tuple[Decimal, Decimal]:
        """What is left before slot ``first`` and after ``end - 1``, each in [0, 1) Wh."""
        before = remainder_after(self._between(self.first_slot, first), carried_wh)
        if (first, end) == (self.first_slot, self.end_slot):
            return before, (before + self._whole_remainder()) % 1
        return before, remainder_after(self._between(first, end), before)

    def _whole_remainder(self) -> Decimal:
        if self._remainder is None:
            self._remainder = remainder_after(point.energy_kwh for point in self.curve.points)
        return self._remainder

    def _between(self, first: int, end: int) -> Iterable[Decimal | None]:
        bounds = np.searchsorted(self._at, [first - self.first_slot, end - self.first_slot])
        points = self.curve.points[int(bounds[0]) : int(bounds[1])]
        return (point.energy_kwh for point in points)

    def lines_of(self, taken: Mask) -> tuple[int, int]:
        """The first and the last line of the quarter-hours ``taken`` bool[t], of which there is
        one; t from ``first_slot``."""
        lines = self._lines[taken[self._at]]
        return int(lines.min()), int(lines.max())
