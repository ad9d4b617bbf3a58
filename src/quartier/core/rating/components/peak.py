"""Power peaks: the highest quarter-hour x 4, of each month or of the period (system.md 3).

A month in which the sheet changes is billed once, on the sheet of its first touched day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from quartier.core.kernel.period import Dates, local_midnight, slot_at
from quartier.core.rating.components.item import Group, Head, Quantity
from quartier.core.rating.components.months import months_touched
from quartier.core.rating.masks import Mask, standard_mask
from quartier.core.rating.sheet import GRID, SOLAR, PeakPer, Slot

QUARTERS_PER_HOUR = 4


@dataclass(frozen=True, eq=False, slots=True)
class PeakItem:
    """A component per kW; the sum of its monthly peaks, or the peak of the period."""

    head: Head
    places: tuple[int, ...]

    def quantities(self, group: Group) -> Sequence[Quantity | None]:
        """kW: exact multiples of 4 mWh an hour; places of one participant are added first."""
        spans = self._spans(group)
        if not spans or not self.places:
            return [None] * len(group.members)
        peaks = np.zeros(len(group.members), dtype=np.int64)
        for span in spans:
            peaks += self._peak_mwh(group, span)
        return [(_kw(int(peak) * QUARTERS_PER_HOUR), None) for peak in peaks.tolist()]

    def _spans(self, group: Group) -> list[Dates]:
        dates = group.scope.dates
        if self.head.component.peak_per is PeakPer.PERIOD:
            return [dates] if dates.from_date in self.head.dates else []
        return [one for one in months_touched(dates) if one.from_date in self.head.dates]

    def _peak_mwh(self, group: Group, span: Dates) -> NDArray[np.int64]:
        usage, component = group.scope.usage, self.head.component
        tz = ZoneInfo(usage.timezone)
        assert span.to_date is not None
        first = slot_at(local_midnight(span.from_date, tz)) - usage.first_slot
        end = slot_at(local_midnight(span.to_date, tz)) - usage.first_slot
        power = np.zeros((len(group.members), end - first), dtype=np.int64)
        for place in self.places:
            rows = group.rows[:, place]
            if component.flow != SOLAR:
                power += usage.consumption_mwh[rows, first:end]
            if component.flow == SOLAR:
                power += usage.solar_mwh[rows, first:end]
            elif component.flow == GRID:
                power -= usage.solar_mwh[rows, first:end]
        mask = self._mask(group, first, end)
        if mask is not None:
            power = power[:, mask]
        peak: NDArray[np.int64] = power.max(axis=1, initial=0)
        return peak

    def _mask(self, group: Group, first: int, end: int) -> Mask | None:
        component, usage = self.head.component, group.scope.usage
        if component.slot is Slot.ALL:
            return None
        windows = self.head.sheet.windows_called(component.windows)
        assert windows is not None, "a sheet is validated before it is used"
        start = usage.first_slot
        mask = standard_mask(windows, start + first, start + end, usage.timezone)
        return mask if component.slot is Slot.STANDARD else ~mask


def _kw(power_mw: int) -> Decimal:
    """Milliwatts as kW; three decimals where they suffice."""
    watts, finer = divmod(power_mw, 1000)
    return Decimal(power_mw).scaleb(-6) if finer else Decimal(watts).scaleb(-3)
