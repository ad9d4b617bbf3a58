"""Register differences against the sums of quarter-hours, between one reading and the next.

They must agree to what the counters can show: two tariff registers of 0.1 kWh at either end,
times the CT/VT factor. A period with a quarter-hour that has no value is incomplete, not wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import numpy as np

from quartier.apps.equipment.models import Device, Meter, Register
from quartier.apps.metering import store
from quartier.apps.metering.models import Reading
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import on_grid, slot_at, slot_starts_at, timezone_of, utc
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Intervals

COUNTER_STEP_WH = 200
_CELLS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Agreement:
    """One period between two readings of a register."""

    meter: str
    direction: str
    starts_at: datetime
    ends_at: datetime
    register_wh: Decimal
    """The difference of the readings times the factor."""
    interval_wh: int
    """The sum of the quarter-hours that have a value."""
    missing_days: tuple[str, ...]
    """Local days with a quarter-hour that may not be billed."""
    factor: Decimal

    @property
    def is_complete(self) -> bool:
        """Whether every quarter-hour has a value that may be billed."""
        return not self.missing_days

    @property
    def agrees(self) -> bool:
        """Whether both say the same, as far as the counters can show it."""
        tolerance = COUNTER_STEP_WH * max(self.factor, Decimal(1))
        return abs(self.register_wh - self.interval_wh) <= tolerance


def agreements(site: Site, meter: Meter) -> list[Agreement]:
    """Every period of ``meter`` between two readings on the quarter-hour grid of one device."""
    out: list[Agreement] = []
    devices = {device.pk: device for device in Device.objects.filter(meter=meter)}
    registers = Register.objects.filter(meter=meter, part=Register.Part.TOTAL).select_related(
        "meter"
    )
    for register in registers:
        rows = Reading.objects.filter(site_id=site.pk, register_id=register.pk)
        points = [
            (utc(row.read_at), row.value, row.device_id)
            for row in rows.order_by("read_at", "source")
            if on_grid(row.read_at)
        ]
        if not points or points[0][0] == points[-1][0]:
            continue
        span = slot_at(points[0][0]), slot_at(points[-1][0])
        intervals = store.read(site.pk, [register.pk], *span)
        for (begun, start, device_id), (ended, end, other_id) in pairwise(points):
            if device_id != other_id or begun == ended:
                continue
            device = devices.get(device_id) if device_id is not None else None
            factor = device.factor if device else Decimal(1)
            counted = (end - start) * factor
            out.append(_agreement(site, register, intervals, (begun, ended), counted, factor))
    return out


def _agreement(
    site: Site,
    register: Register,
    intervals: Intervals,
    span: tuple[datetime, datetime],
    register_wh: Decimal,
    factor: Decimal,
) -> Agreement:
    begun, ended = span
    first = slot_at(begun)
    window = slice(first - intervals.first_slot, slot_at(ended) - intervals.first_slot)
    quality = intervals.quality[0][window]
    is_bad = (quality == int(Quality.MISSING)) | (quality == int(Quality.TEMPORARY))
    tz = timezone_of(site.timezone)
    days = {
        slot_starts_at(first + position).astimezone(tz).date().isoformat()
        for position in np.flatnonzero(is_bad).tolist()
    }
    total_wh = int(intervals.energy_wh[0][window][~is_bad].sum())
    return Agreement(
        register.meter.ref,
        register.direction,
        begun,
        ended,
        register_wh,
        total_wh,
        tuple(sorted(days)),
        factor,
    )


def curve_of_counter(
    site: Site, points: Mapping[str, Sequence[tuple[datetime, Decimal]]]
) -> tuple[Meter, int] | None:
    """The one curve meter without device whose quarter-hours a counter's readings prove to be
    its own, and the CT/VT factor; None without proof.

    ``points`` are the readings by direction. Proof are at least three complete periods with
    energy that all agree at the same whole factor, and that no other meter has as many.
    """
    meters = {
        meter.pk: meter
        for meter in Meter.objects.filter(site=site, source=Meter.Source.CURVE, devices=None)
    }
    registers = list(Register.objects.filter(meter__in=meters, part=Register.Part.TOTAL))
    pairs: dict[int, list[tuple[Decimal, int]]] = {}
    for direction, found in points.items():
        ordered = sorted({one for one in found if on_grid(one[0])})
        if not ordered or ordered[0][0] == ordered[-1][0]:
            continue
        own = {one.pk: one.meter_id for one in registers if one.direction == direction}
        for register_id, pair in _pairs(site, list(own), ordered):
            pairs.setdefault(own[register_id], []).append(pair)
    proven = [
        (meters[meter_id], factor)
        for meter_id, there in pairs.items()
        if (factor := _common_factor(there)) is not None
    ]
    return proven[0] if len(proven) == 1 else None


def _pairs(
    site: Site, register_ids: Sequence[int], ordered: Sequence[tuple[datetime, Decimal]]
) -> Iterator[tuple[int, tuple[Decimal, int]]]:
    """Of each register and complete period: what the counter says, and the sum of its
    quarter-hours."""
    slots = [slot_at(at) for at, _ in ordered]
    at_once = max(_CELLS_AT_ONCE // (slots[-1] - slots[0]), 1)
    for start in range(0, len(register_ids), at_once):
        some = register_ids[start : start + at_once]
        intervals = store.read(site.pk, some, slots[0], slots[-1])
        is_bad = (intervals.quality == int(Quality.MISSING)) | (
            intervals.quality == int(Quality.TEMPORARY)
        )
        for (first, end), ((_, before), (_, after)) in zip(
            pairwise(slots), pairwise(ordered), strict=True
        ):
            window = slice(first - slots[0], end - slots[0])
            complete = ~is_bad[:, window].any(axis=1)
            sums = intervals.energy_wh[:, window].sum(axis=1)
            for row in np.flatnonzero(complete if first < end else []).tolist():
                yield some[row], (after - before, int(sums[row]))


def _common_factor(pairs: Sequence[tuple[Decimal, int]]) -> int | None:
    counted = sum((register_wh for register_wh, _ in pairs), Decimal(0))
    summed = sum(interval_wh for _, interval_wh in pairs)
    if counted <= 0 or sum(register_wh > 0 for register_wh, _ in pairs) < 3:
        return None
    factor = round(summed / counted)
    if factor < 1:
        return None
    tolerance = COUNTER_STEP_WH * factor
    if all(abs(register_wh * factor - total) <= tolerance for register_wh, total in pairs):
        return factor
    return None
