"""Which received files the current values of meters came from, by quarter-hour."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quartier.apps.equipment.models import Register
from quartier.apps.intake.merging import load_keys, ties
from quartier.apps.intake.models import IntakeFile
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file that gave a meter ``slots`` of its quarter-hours."""

    file: IntakeFile
    direction: str
    slots: int


def deliveries(
    site_id: int, meter_ids: Sequence[int], first_slot: int, end_slot: int
) -> dict[int, list[Delivery]]:
    """By meter id, the files behind its quarter-hours ``[first_slot, end_slot)``, most first.

    What came without a message of its own (estimates, values by hand) has no file.
    """
    registers = {
        row.pk: row for row in Register.objects.filter(site_id=site_id, meter__in=meter_ids)
    }
    if not registers or end_slot <= first_slot:
        return {}
    days = range(first_slot // DAY, -(-end_slot // DAY))
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for (register_id, day), packed in load_keys(site_id, registers, days).items():
        first = max(first_slot - day * DAY, 0)
        end = min(end_slot - day * DAY, DAY)
        values, numbers = np.unique(ties(packed)[first:end], return_counts=True)
        for tie, number in zip(values.tolist(), numbers.tolist(), strict=True):
            if tie:
                counts[register_id][tie] += number
    wanted = {tie for counter in counts.values() for tie in counter}
    files = {
        int(row.sha256[:16], 16): row
        for row in IntakeFile.objects.filter(site_id=site_id)
        if int(row.sha256[:16], 16) in wanted
    }
    found: dict[int, list[Delivery]] = defaultdict(list)
    for register_id, counter in counts.items():
        register = registers[register_id]
        for tie, number in counter.most_common():
            if tie in files:
                found[register.meter_id].append(Delivery(files[tie], register.direction, number))
    return dict(found)
