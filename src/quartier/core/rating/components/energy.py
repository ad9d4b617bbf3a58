"""Energy from quarter-hours: kWh of solar, grid or both, by time slot."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quartier.core.kernel.energy import kwh_of_wh
from quartier.core.rating.components.item import Group, Head, Quantity
from quartier.core.rating.masks import Mask


@dataclass(frozen=True, eq=False, slots=True)
class EnergyItem:
    """A component per kWh on an interval flow; ``mask`` bool [k] are its atoms."""

    head: Head
    mask: Mask

    @property
    def columns(self) -> NDArray[np.int64]:
        """Indexes of its atoms."""
        return np.flatnonzero(self.mask)

    def quantities(self, group: Group) -> Sequence[Quantity | None]:
        """Whole Wh as kWh with three decimals; a line also where it is 0."""
        component = self.head.component
        sums = group.wh(component.flow, component.solution, self.columns).tolist()
        return [(kwh_of_wh(energy_wh), energy_wh) for energy_wh in sums]
