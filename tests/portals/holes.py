"""Gaps in stored data, which the store itself never makes."""

from datetime import UTC, datetime

from quartier.apps.metering import blocks
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY, slot_at
from quartier.core.metering.intervals import MISSING_WH


def hole(site, register, day, first, end):
    """Take the quarter-hours ``first`` to ``end`` of the UTC ``day`` away; returns their slots."""
    number = slot_at(datetime(day.year, day.month, day.day, tzinfo=UTC)) // SLOTS_PER_UTC_DAY
    found = blocks.read(site.pk, [register.pk], number, number + 1)
    energy_wh, quality = found.energy_wh.copy(), found.quality.copy()
    energy_wh[0, first:end], quality[0, first:end] = MISSING_WH, 0
    blocks.replace(site.pk, blocks.Blocks(found.register_id, found.day, energy_wh, quality))
    start = number * SLOTS_PER_UTC_DAY
    return range(start + first, start + end)
