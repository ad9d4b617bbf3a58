"""The quarter-hours of a site's meters, by meter and direction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from quartier.apps.equipment.models import Meter, Register
from quartier.apps.metering import store
from quartier.apps.sites.models import Site
from quartier.core.invoicing.document import Input
from quartier.core.metering.intervals import MISSING_WH, Energies, Intervals, Qualities, digests

IMPORT, EXPORT = Register.Direction.IMPORT, Register.Direction.EXPORT
TOTAL = Register.Part.TOTAL


@dataclass(frozen=True, eq=False)
class MeterEnergy:
    """Series of meters over the same slots, in Wh, missing where unknown."""

    intervals: Intervals
    rows: dict[tuple[int, str, str], int]
    """Row by meter id, direction and part."""
    inputs: tuple[Input, ...]

    def series(self, meter: Meter, direction: str, part: str = TOTAL) -> tuple[Energies, Qualities]:
        """Energy and quality; all missing where the meter has no such register."""
        if meter.is_swapped:
            direction = EXPORT if direction == IMPORT else IMPORT
        row = self.rows.get((meter.pk, direction, part))
        if row is None:
            length = self.intervals.energy_wh.shape[1]
            return np.full(length, MISSING_WH, np.int64), np.zeros(length, np.uint8)
        return self.intervals.energy_wh[row], self.intervals.quality[row]

    def has(self, meter: Meter, direction: str, part: str = TOTAL) -> bool:
        """Whether the meter has such a register."""
        if meter.is_swapped:
            direction = EXPORT if direction == IMPORT else IMPORT
        return (meter.pk, direction, part) in self.rows


def read_meters(
    site: Site,
    meters: Sequence[Meter],
    first_slot: int,
    end_slot: int,
    *,
    as_of: datetime | None = None,
) -> MeterEnergy:
    """All registers of ``meters``, in one read of the store."""
    registers = list(
        Register.objects.filter(meter__in=[meter.pk for meter in meters]).order_by("id")
    )
    ids = [register.pk for register in registers]
    intervals = store.read(site.pk, ids, first_slot, end_slot, as_of=as_of)
    refs = {meter.pk: meter.ref for meter in meters}
    hashes = digests(intervals)
    return MeterEnergy(
        intervals,
        {(one.meter_id, one.direction, one.part): row for row, one in enumerate(registers)},
        tuple(
            Input("intervals", f"{refs[one.meter_id]} {one.obis} {one.part}", hashes[one.pk])
            for one in registers
        ),
    )
