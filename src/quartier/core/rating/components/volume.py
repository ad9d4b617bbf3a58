"""Metered volumes: m3 of water, kWh of heat or cooling, between two readings."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from quartier.core.kernel.period import Dates
from quartier.core.rating.components.item import Group, Head, Quantity
from quartier.core.rating.usage import BadUsage, Volume


@dataclass(frozen=True, eq=False, slots=True)
class VolumeItem:
    """A component per m3 or kWh on a flow that is metered as a volume."""

    head: Head

    def prices(self, volume: Volume) -> bool:
        """Whether this item prices ``volume``.

        Raises :class:`BadUsage` where a price begins or ends between the volume's two readings:
        its quantity is not guessed by days.
        """
        component, dates = self.head.component, self.head.dates
        if (component.solution, component.flow) != (volume.solution, volume.flow):
            return False
        span = Dates(volume.from_date, volume.to_date)
        common = dates.intersection(span)
        if common is None:
            return False
        if common != span:
            day = common.to_date if common.from_date == span.from_date else common.from_date
            raise BadUsage(
                f"the price of {volume.flow} changes on {day}, between the readings of "
                f"{volume.from_date} and {volume.to_date}; add a reading of {day}"
            )
        return True

    def quantities(self, group: Group) -> Sequence[Quantity | None]:
        """The sum of the member's volumes; no line where it has none."""
        out: list[Quantity | None] = []
        for one in group.members:
            found = [volume.quantity for volume in one.volumes if self.prices(volume)]
            out.append((sum(found, Decimal(0)), None) if found else None)
        return out
