"""From meters to rows: what each billing point used, each plant made, the site drew and fed in.

Everything in mWh, 0 where unknown; the quality beside it says where that is.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from quartier.apps.equipment.models import Meter, Register
from quartier.apps.metering.queries import EXPORT, IMPORT, MeterEnergy
from quartier.apps.sharing.sources import Sources
from quartier.core.kernel.energy import MWH_PER_WH
from quartier.core.kernel.period import Dates, local_midnight, slot_at, timezone_of
from quartier.core.kernel.quality import FROM_BEST, Quality
from quartier.core.metering.intervals import Energies, Qualities

TOTAL = Register.Part.TOTAL

_BY_RANK = np.array(FROM_BEST, dtype=np.uint8)
_RANK = np.argsort(_BY_RANK).astype(np.uint8)
# Plain ints: NumPy compares with a member of an enumeration ten times slower.
_MEASURED, _MISSING = int(Quality.MEASURED), int(Quality.MISSING)


def usable(
    energy: MeterEnergy, meter: Meter, direction: str, part: str = TOTAL
) -> tuple[Energies, Qualities]:
    """Energy in Wh, 0 where unknown, and quality. A virtual meter whose sum is below 0 is a
    metering fault, reported by metering: that quarter-hour counts as unknown."""
    energy_wh, quality = energy.series(meter, direction, part)
    if energy.is_sound and energy.has(meter, direction, part):
        return energy_wh, quality
    negative = energy_wh < 0  # also where missing
    if not negative.any():
        return energy_wh, quality
    return np.where(negative, 0, energy_wh), np.where(negative, np.uint8(0), quality)


def consumption_rows(
    sources: Sources, energy: MeterEnergy, slots: range, timezone: str
) -> tuple[Energies, Qualities]:
    """Consumption [n, t] in mWh (0 where missing) and the worst quality of its meters; measured
    where it has none (see :func:`unfed`)."""
    shape = (len(sources.points), len(slots))
    consumption = np.empty(shape, np.int64)
    worst = np.zeros(shape, np.uint8)
    spans: dict[Dates, slice] = {}
    for row, point in enumerate(sources.points):
        feeds = sources.feeds.get(point.pk, ())
        is_one = False
        for feed in feeds:
            if feed.dates not in spans:
                spans[feed.dates] = span_of(feed.dates, timezone, slots)
            is_one = len(feeds) == 1 and spans[feed.dates] == slice(0, len(slots))
        if not is_one:
            consumption[row] = 0
        for feed in feeds:
            span = spans[feed.dates]
            energy_wh, quality = usable(energy, feed.meter, IMPORT)
            if is_one:  # nearly always: written once, not set to 0 and added to
                np.multiply(energy_wh, MWH_PER_WH, out=consumption[row])
            else:
                consumption[row, span] += energy_wh[span] * MWH_PER_WH
            if not (energy.is_sound and energy.has(feed.meter, IMPORT)):
                _raise_to(worst[row, span], quality[span])
    quality = _by_rank(worst)
    is_missing = quality == _MISSING
    if is_missing.any():
        consumption[is_missing] = 0
    return consumption, quality


def unfed(
    sources: Sources, dates: Dates, slots: range, timezone: str
) -> Iterator[tuple[int, slice]]:
    """The rows of billing points and the columns of ``dates`` in which no meter counts for
    them."""
    for row, point in enumerate(sources.points):
        for part in dates.without(feed.dates for feed in sources.feeds.get(point.pk, ())):
            yield row, span_of(part, timezone, slots)


def operators_split(sources: Sources, energy: MeterEnergy, slots: range, timezone: str) -> Energies:
    """What each billing point got from its community, as the grid operator delivered it."""
    solar = np.zeros((len(sources.points), len(slots)), np.int64)
    for row, point in enumerate(sources.points):
        for feed in sources.feeds.get(point.pk, ()):
            span = span_of(feed.dates, timezone, slots)
            energy_wh, _ = usable(energy, feed.meter, IMPORT, Register.Part.COMMUNITY)
            solar[row, span] += energy_wh[span]
    return solar * MWH_PER_WH


def production_rows(
    meters: Sequence[Meter], energy: MeterEnergy, length: int
) -> tuple[Energies, list[Qualities]]:
    """Production [m, t] in mWh: what a production meter counts as export, or as import where it
    has no other register."""
    out = np.zeros((len(meters), length), np.int64)
    qualities = []
    for row, meter in enumerate(meters):
        energy_wh, quality = usable(energy, meter, production_direction(meter, energy))
        out[row] = energy_wh * MWH_PER_WH
        qualities.append(quality)
    return out, qualities


def production_direction(meter: Meter, energy: MeterEnergy) -> str:
    """The direction in which a production meter counts what it produces."""
    return EXPORT if energy.has(meter, EXPORT) or not energy.has(meter, IMPORT) else IMPORT


def operators_production(meters: Sequence[Meter], energy: MeterEnergy, length: int) -> Energies:
    out = np.zeros((len(meters), length), np.int64)
    for row, meter in enumerate(meters):
        energy_wh, _ = usable(energy, meter, EXPORT, Register.Part.COMMUNITY)
        out[row] = energy_wh * MWH_PER_WH
    return out


def both_directions(
    meters: Sequence[Meter], energy: MeterEnergy
) -> tuple[Energies, Energies, list[Qualities]] | tuple[None, None, list[Qualities]]:
    """Import and export of several meters together, in mWh; None without a meter. A direction
    that no meter counts is 0: a grid meter without export register feeds nothing in."""
    if not meters:
        return None, None, []
    totals = []
    qualities: list[Qualities] = []
    for direction in (IMPORT, EXPORT):
        total = np.zeros(len(energy.slots), np.int64)
        for meter in meters:
            if energy.has(meter, direction):
                energy_wh, quality = usable(energy, meter, direction)
                total += energy_wh
                qualities.append(quality)
        totals.append(total * MWH_PER_WH)
    return totals[0], totals[1], qualities


def worst_quality(rows: Sequence[Qualities], length: int) -> Qualities:
    """uint8 [length]: the worst quality of ``rows``; measured without any."""
    worst = np.zeros(length, np.uint8)
    for row in rows:
        _raise_to(worst, row)
    return _by_rank(worst)


def _raise_to(worst: Qualities, quality: Qualities) -> None:
    """Raise the ranks ``worst`` to those of ``quality``, which is nearly always measured."""
    if (quality != _MEASURED).any():
        np.maximum(worst, _RANK[quality], out=worst)


def _by_rank(worst: Qualities) -> Qualities:
    """The qualities of the ranks ``worst``."""
    if not worst.any():
        return np.full(worst.shape, _MEASURED, np.uint8)
    quality: Qualities = _BY_RANK[worst]
    return quality


def span_of(dates: Dates, timezone: str, slots: range) -> slice:
    """The columns of ``dates`` among ``slots``."""
    tz = timezone_of(timezone)
    first = slot_at(local_midnight(dates.from_date, tz)) - slots.start
    end = len(slots)
    if dates.to_date is not None:
        end = min(slot_at(local_midnight(dates.to_date, tz)) - slots.start, end)
    return slice(max(first, 0), end)
