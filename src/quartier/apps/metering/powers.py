"""Power by the minute, for looking at: never billed (architecture.md, rule 6), and kept for a
while only.

An hour of a meter is one row, so that a hundred meters a day are 2,400 rows and not 144,000.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from quartier.apps.metering.models import PowerHour
from quartier.core.kernel.period import utc

LIVES = timedelta(days=90)
LIMIT_W = 2**31 - 1
MISSING_W = -(2**31)
MINUTES = 60

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_ROWS = 1000
_KEY = ("site_id", "hour", "meter_id", "obis")


@dataclass(frozen=True, slots=True)
class Power:
    """``power_w``, whole watts below ``LIMIT_W`` either way, of a meter at ``measured_at``."""

    meter_id: int
    obis: str
    measured_at: datetime
    power_w: int


def keep(site_id: int, powers: Iterable[Power], *, at: datetime) -> None:
    """Store ``powers`` and forget what is older than ``LIVES`` at ``at``.

    Of two in one minute the later one stays. What is too old already is passed over. The caller
    has the site's lock (:func:`blocks.lock_site`).
    """
    oldest = _hour(at - LIVES)
    new: dict[tuple[int, int, str], list[Power]] = defaultdict(list)
    for one in powers:
        if (hour := _hour(one.measured_at)) >= oldest:
            new[hour, one.meter_id, one.obis].append(one)
    if not new:
        return
    stored = PowerHour.objects.filter(
        site_id=site_id, hour__in={key[0] for key in new}, meter_id__in={key[1] for key in new}
    )
    rows = {(row.hour, row.meter_id, row.obis): row for row in stored}
    changed = []
    for (hour, meter_id, obis), some in new.items():
        row = rows.get((hour, meter_id, obis))
        power_w = _array(row)
        for one in sorted(some, key=lambda one: one.measured_at):
            power_w[_minute(one.measured_at)] = one.power_w
        changed.append(
            PowerHour(
                site_id=site_id, hour=hour, meter_id=meter_id, obis=obis, power_w=power_w.tobytes()
            )
        )
    PowerHour.objects.bulk_create(
        changed,
        batch_size=_ROWS,
        update_conflicts=True,
        unique_fields=_KEY,
        update_fields=["power_w"],
    )
    PowerHour.objects.filter(site_id=site_id, hour__lt=oldest).delete()


def read(
    site_id: int, meter_ids: Sequence[int] | None, first_at: datetime, end_at: datetime
) -> dict[tuple[int, str], npt.NDArray[np.int32]]:
    """Power by meter and OBIS code, one value a minute from ``first_at`` to before ``end_at`` (both
    whole minutes), in W; ``MISSING_W`` where there is none. Columns without any are left out.
    Of all meters of the site without ``meter_ids``."""
    first, end = _minutes(first_at), _minutes(end_at)
    rows = PowerHour.objects.filter(
        site_id=site_id, hour__gte=first // MINUTES, hour__lt=-(-end // MINUTES)
    )
    if meter_ids is not None:
        rows = rows.filter(meter_id__in=meter_ids)
    found: dict[tuple[int, str], npt.NDArray[np.int32]] = {}
    for row in rows:
        column = found.get((row.meter_id, row.obis))
        if column is None:
            column = np.full(max(end - first, 0), MISSING_W, np.int32)
            found[row.meter_id, row.obis] = column
        start = row.hour * MINUTES - first
        hour = _array(row)[max(-start, 0) : max(end - row.hour * MINUTES, 0)]
        column[max(start, 0) :][: len(hour)] = hour
    return {key: column for key, column in found.items() if (column != MISSING_W).any()}


def _array(row: PowerHour | None) -> npt.NDArray[np.int32]:
    if row is None:
        return np.full(MINUTES, MISSING_W, "<i4")
    return np.frombuffer(row.power_w, "<i4").copy()


def _hour(at: datetime) -> int:
    return (utc(at) - _EPOCH) // _HOUR


def _minutes(at: datetime) -> int:
    return (utc(at) - _EPOCH) // _MINUTE


def _minute(at: datetime) -> int:
    return _minutes(at) % MINUTES
