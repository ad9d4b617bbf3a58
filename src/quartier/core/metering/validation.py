"""What is odd in a series of quarter-hours, as findings (rules.md f.3, proposed set).

Nothing is changed here. Thresholds are data: a caller passes its own. Gaps, negative energy and
more than the connection can carry are errors and stop billing; the rest is for a person to look at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from quartier.core.kernel.findings import Finding, Severity
from quartier.core.kernel.period import slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Energies, Series, runs
from quartier.core.metering.local_time import quarters_of_day
from quartier.core.metering.registers import power_limit_w


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When a series is odd (rules.md f.3, [S41][S7]; nights and sums are proposals)."""

    flat_slots: int = 32
    """So many identical values in a row, not 0, are a meter that hangs."""
    spike_times_median: int = 20
    spike_wh: int = 20_000
    """A spike is more than this and more than so many times the median."""
    night_from: int = 92
    night_to: int = 12
    """Local quarter-hours of the day in which no roof produces: 23:00 to 03:00."""
    night_wh: int = 10
    """An inverter's own consumption and the resolution of a counter stay below."""
    noon_from: int = 40
    noon_to: int = 56
    """Local quarter-hours in which every roof produces something: 10:00 to 14:00."""
    sum_warning: Decimal = Decimal("0.005")
    sum_error: Decimal = Decimal("0.02")


PROPOSED = Thresholds()


def validate(
    series: Series,
    *,
    where: str,
    fuse_a: Decimal | None = None,
    thresholds: Thresholds = PROPOSED,
) -> list[Finding]:
    """Findings on one series: gaps, negative, above the fuse, flat lines, spikes."""
    energy_wh, quality = series.energy_wh, series.quality
    is_known = quality != Quality.MISSING
    findings = _runs(
        series,
        ~is_known,
        Severity.ERROR,
        "metering.gap",
        "{slots} quarter-hours have no value",
        where,
        "Import the missing data, or estimate the gap.",
    )
    findings += _runs(
        series,
        is_known & (energy_wh < 0),
        Severity.ERROR,
        "metering.negative",
        "{slots} quarter-hours are below 0",
        where,
        "Check the direction of the register and the import's sign.",
    )
    limit_w = power_limit_w(fuse_a)
    if limit_w is not None:
        findings += _runs(
            series,
            is_known & (energy_wh > int(limit_w / 4)),
            Severity.ERROR,
            "metering.over_fuse",
            f"{{slots}} quarter-hours are more than the fuse allows ({limit_w / 1000:.1f} kW)",
            where,
            "Check the factor, the unit and the fuse of the meter.",
        )
    findings += _runs(
        series,
        _flat(energy_wh, is_known, thresholds.flat_slots),
        Severity.WARNING,
        "metering.flat",
        "{slots} quarter-hours have the same value in a row",
        where,
        "Check whether the meter still counts.",
    )
    known_wh = energy_wh[is_known & (energy_wh > 0)]
    if len(known_wh):
        most = max(float(np.median(known_wh)) * thresholds.spike_times_median, thresholds.spike_wh)
        findings += _runs(
            series,
            is_known & (energy_wh > most),
            Severity.WARNING,
            "metering.spike",
            "{slots} quarter-hours are far above the others",
            where,
            "Check the meter and the values before and after.",
        )
    return findings


def validate_production(
    series: Series, tz: ZoneInfo, *, where: str, thresholds: Thresholds = PROPOSED
) -> list[Finding]:
    """Findings on a solar plant: energy by night, and noons without any."""
    at = quarters_of_day(series.slots, tz)
    is_known = series.quality != Quality.MISSING
    by_night = (at >= thresholds.night_from) | (at < thresholds.night_to)
    findings = _runs(
        series,
        is_known & by_night & (series.energy_wh > thresholds.night_wh),
        Severity.WARNING,
        "metering.produces_by_night",
        "{slots} quarter-hours by night have production",
        where,
        "Check the time zone of the import and the wiring of the meter.",
    )
    is_noon = (at >= thresholds.noon_from) & (at < thresholds.noon_to)
    dark = [
        (first, end)
        for first, end in runs(is_noon)
        if end - first == thresholds.noon_to - thresholds.noon_from
        and is_known[first:end].all()
        and not series.energy_wh[first:end].any()
    ]
    if dark:
        findings.append(
            Finding(
                "metering.dark_noon",
                Severity.WARNING,
                f"{len(dark)} days have no production around noon.",
                where,
                slot_starts_at(series.first_slot + dark[0][0]),
                slot_starts_at(series.first_slot + dark[-1][1]),
                "Check the plant; snow or a tripped fuse also do that.",
            )
        )
    return findings


def check_sum(
    main: Series,
    parts: Sequence[Series],
    *,
    where: str,
    thresholds: Thresholds = PROPOSED,
) -> list[Finding]:
    """Compare a main meter with the sum of the meters behind it, where all have a value.

    A difference of 0.5 % warns, one of 2 % blocks (rules.md a.3 losses, [S7]).
    """
    assert all(part.slots == main.slots for part in parts), "the same slots are compared"
    is_known = main.quality != Quality.MISSING
    total_wh = np.zeros(len(main.energy_wh), np.int64)
    for part in parts:
        is_known &= part.quality != Quality.MISSING
        total_wh += part.energy_wh
    expected, counted = int(main.energy_wh[is_known].sum()), int(total_wh[is_known].sum())
    difference = abs(expected - counted)
    if difference <= abs(expected) * thresholds.sum_warning:
        return []
    is_error = difference > abs(expected) * thresholds.sum_error
    share = Decimal(100 * difference) / expected if expected else Decimal(100)
    return [
        Finding(
            "metering.sum",
            Severity.ERROR if is_error else Severity.WARNING,
            f"the main meter counted {expected} Wh and those behind it {counted} Wh, a difference "
            f"of {share:.1f} %.",
            where,
            slot_starts_at(main.slots.start),
            slot_starts_at(main.slots.stop),
            "Look for a meter that is missing, assigned twice or has a wrong factor.",
        )
    ]


def _flat(
    energy_wh: Energies, is_known: npt.NDArray[np.bool_], least: int
) -> npt.NDArray[np.bool_]:
    """The slots in runs of at least ``least`` equal values other than 0, bool[t]."""
    mask = np.zeros(len(energy_wh), bool)
    if len(energy_wh) < least:
        return mask
    same = (np.diff(energy_wh) == 0) & is_known[1:] & (energy_wh[1:] != 0)
    for first, end in runs(same):
        if end - first + 1 >= least:
            mask[first : end + 1] = True
    return mask


def _runs(
    series: Series,
    mask: npt.NDArray[np.bool_],
    severity: Severity,
    code: str,
    message: str,
    where: str,
    remedy: str,
) -> list[Finding]:
    """One finding a run of ``mask``; of many, the first ten and one for the rest."""
    found = runs(mask)
    out = [
        Finding(
            code,
            severity,
            message.format(slots=end - first) + ".",
            where,
            slot_starts_at(series.first_slot + first),
            slot_starts_at(series.first_slot + end),
            remedy,
        )
        for first, end in found[:10]
    ]
    if len(found) > 10:
        slots = sum(end - first for first, end in found[10:])
        out.append(
            Finding(
                code,
                severity,
                message.format(slots=slots) + f", in {len(found) - 10} more places.",
                where,
                slot_starts_at(series.first_slot + found[10][0]),
                slot_starts_at(series.first_slot + found[-1][1]),
                remedy,
            )
        )
    return out
