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
    flat_wh: int = 20
    """So many identical values in a row are a meter that hangs; a smaller value (80 W) is not 0
    but what an empty flat draws all day."""
    spike_times_median: int = 20
    spike_wh: int = 20_000
    """A spike is more than this and more than so many times the median."""
    night_from: int = 92
    night_to: int = 12
    """Local quarter-hours of the day in which no roof produces: 23:00 to 03:00."""
    night_wh: int = 10
    """An inverter's own consumption and the resolution of a counter stay below."""
    night_share: Decimal = Decimal("0.05")
    """Of all energy, by night: real plants stay below 1 %, a swapped or shifted one is at 17 %."""
    noon_from: int = 40
    noon_to: int = 56
    """Local quarter-hours in which every roof produces something: 10:00 to 14:00."""
    dark_days: int = 7
    """So many such noons without any energy in a row: a few are snow, or all was used at once."""
    split_wh: int = 2
    """What three numbers rounded to 1 Wh each may differ by ([S43]: 0.0015 kWh)."""
    late_slots: int = 45 * 96
    """Grid operators deliver by day or by month; what is missing longer is not coming."""
    sum_warning: Decimal = Decimal("0.005")
    sum_error: Decimal = Decimal("0.02")


PROPOSED = Thresholds()

# A plain int: NumPy compares with a member of an enumeration ten times slower.
_MISSING = int(Quality.MISSING)


def validate(
    series: Series,
    *,
    where: str,
    fuse_a: Decimal | None = None,
    thresholds: Thresholds = PROPOSED,
) -> list[Finding]:
    """Findings on one series: gaps, negative, above the fuse, flat lines, spikes.

    Only what was read can be flat or a spike: an estimate is even by its nature.
    """
    energy_wh, quality = series.energy_wh, series.quality
    is_known = quality != _MISSING
    is_read = (quality == int(Quality.MEASURED)) | (quality == int(Quality.TEMPORARY))
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
        _flat(energy_wh, is_read, thresholds),
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
            is_read & (energy_wh > most),
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
    """Findings on a solar plant: energy by night, and many noons without any.

    Before its first energy a plant is not running yet. Estimates are passed over.
    """
    at = quarters_of_day(series.slots, tz)
    is_read = (series.quality == int(Quality.MEASURED)) | (series.quality == int(Quality.TEMPORARY))
    made_wh = np.where(is_read, series.energy_wh, 0)
    is_night = (at >= thresholds.night_from) | (at < thresholds.night_to)
    by_night = is_night & (made_wh > thresholds.night_wh)
    night_wh, whole_wh = int(made_wh[by_night].sum()), int(made_wh.sum())
    findings = []
    if night_wh > whole_wh * thresholds.night_share:
        slots = np.flatnonzero(by_night)
        findings.append(
            Finding(
                "metering.produces_by_night",
                Severity.WARNING,
                f"{night_wh} of {whole_wh} Wh are from {len(slots)} quarter-hours by night.",
                where,
                slot_starts_at(series.first_slot + int(slots[0])),
                slot_starts_at(series.first_slot + int(slots[-1]) + 1),
                "Check the time zone of the import and the wiring of the meter; a battery behind "
                "the meter also does that.",
            )
        )
    is_noon = (at >= thresholds.noon_from) & (at < thresholds.noon_to)
    running = np.flatnonzero(made_wh)
    noons = [
        (first, end)
        for first, end in runs(is_noon)
        if end - first == thresholds.noon_to - thresholds.noon_from
        and len(running)
        and running[0] < end
        and is_read[first:end].all()
    ]
    is_dark = np.array([not made_wh[first:end].any() for first, end in noons], bool)
    dark = [(a, b) for a, b in runs(is_dark) if b - a >= thresholds.dark_days]
    if dark:
        findings.append(
            Finding(
                "metering.dark_noon",
                Severity.WARNING,
                f"{max(b - a for a, b in dark)} days in a row there is no production around noon.",
                where,
                slot_starts_at(series.first_slot + noons[dark[0][0]][0]),
                slot_starts_at(series.first_slot + noons[dark[-1][1] - 1][1]),
                "Check the plant; snow or a tripped fuse also do that.",
            )
        )
    return findings


def check_split(
    total: Series,
    community: Series,
    residual: Series,
    *,
    where: str,
    thresholds: Thresholds = PROPOSED,
) -> list[Finding]:
    """Of a community's meter, total = community + residual where all three are known [S43]."""
    parts = (total, community, residual)
    assert len({part.slots for part in parts}) == 1, "the same slots are compared"
    is_known = np.all([part.quality != _MISSING for part in parts], axis=0)
    rest_wh = total.energy_wh - community.energy_wh - residual.energy_wh
    return _runs(
        total,
        is_known & (np.abs(rest_wh) > thresholds.split_wh),
        Severity.ERROR,
        "metering.split",
        "in {slots} quarter-hours the total is not the community's part and the rest",
        where,
        "Ask the grid operator for a corrected file.",
    )


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
    is_known = main.quality != _MISSING
    total_wh = np.zeros(len(main.energy_wh), np.int64)
    for part in parts:
        is_known &= part.quality != _MISSING
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
            f"{expected} Wh came in and the meters behind counted {counted} Wh, a difference of "
            f"{share:.1f} %.",
            where,
            slot_starts_at(main.slots.start),
            slot_starts_at(main.slots.stop),
            "Look for a meter that is missing, assigned twice or has a wrong factor.",
            (("percent", f"{share:.1f}"), ("side", "less" if counted < expected else "more")),
        )
    ]


def _flat(
    energy_wh: Energies, is_read: npt.NDArray[np.bool_], thresholds: Thresholds
) -> npt.NDArray[np.bool_]:
    """The slots in long runs of equal values that are not small, bool[t]."""
    mask = np.zeros(len(energy_wh), bool)
    if len(energy_wh) < thresholds.flat_slots:
        return mask
    is_same = (np.diff(energy_wh) == 0) & is_read[1:] & is_read[:-1]
    is_same &= np.abs(energy_wh[1:]) >= thresholds.flat_wh
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_same, [False]))))
    for first, end in edges.reshape(-1, 2)[np.diff(edges)[::2] + 1 >= thresholds.flat_slots]:
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
