"""Readings that a person took back: readings are append-only, so another row says so.

That row repeats instant, value and device, with the quality *missing*, which no reading has.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from quartier.core.kernel.quality import Quality


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored reading."""

    read_at: datetime
    value: Decimal
    quality: int
    device_id: int | None


FIELDS = tuple(Stored.__dataclass_fields__)


def standing(rows: Sequence[Stored]) -> Sequence[Stored]:
    """``rows`` of one register without those that were taken back, one for each that says so."""
    if not any(one.quality == Quality.MISSING for one in rows):
        return rows
    back = Counter(
        (one.read_at, one.value, one.device_id) for one in rows if one.quality == Quality.MISSING
    )
    found = []
    for one in rows:
        key = (one.read_at, one.value, one.device_id)
        if one.quality == Quality.MANUAL and back[key] > 0:
            back[key] -= 1
        elif one.quality != Quality.MISSING:
            found.append(one)
    return found
