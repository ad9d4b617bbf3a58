"""Values for gaps, by the first method that applies (rules.md f.3, [S91]).

1. ``register``: the register's delta over the gap is known: a profile is scaled to it, exactly;
2. ``linear``: a gap of up to 3 quarter-hours, between its neighbors;
3. ``weeks``: the mean of the same local weekday and time in up to 4 weeks before;
4. ``profile``: a standard profile that the caller passes, or ``last``: the last value, for up to
   a day.

What remains is for a person. Edges are not extrapolated: a gap without a value on both sides is
filled by its register's delta or not at all, and a finding says so. Every value is ESTIMATED.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from quartier.core.kernel.energy import largest_remainder
from quartier.core.kernel.findings import Finding, Severity
from quartier.core.kernel.period import slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Energies, Series, runs
from quartier.core.metering.local_time import utc_offsets

LINEAR_SLOTS = 3
WEEKS = 4
LAST_VALUE_SLOTS = 96
_WEEK = 7 * 96


@dataclass(frozen=True, slots=True)
class Delta:
    """A register counted ``energy_wh`` over ``slots``."""

    slots: range
    energy_wh: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """The slots ``[first_slot, end_slot)`` were estimated by ``method``."""

    first_slot: int
    end_slot: int
    method: str


def estimate(
    series: Series,
    tz: ZoneInfo,
    *,
    deltas: Sequence[Delta] = (),
    profile_wh: Energies | None = None,
    where: str = "",
) -> tuple[Series, list[Estimate], list[Finding]]:
    """``series`` with its gaps filled where a method applies; what is known stays as it is.

    ``profile_wh`` int64[t], not negative, is a standard profile for the slots of the series.
    """
    assert profile_wh is None or len(profile_wh) == len(series.energy_wh)
    energy_wh, quality = series.energy_wh.copy(), series.quality.copy()
    is_known = series.quality != Quality.MISSING
    weekly = _Weekly(series, is_known, tz)
    estimates: list[Estimate] = []
    findings: list[Finding] = []
    for first, end in runs(~is_known):
        values, method, finding = _fill(series, is_known, weekly, profile_wh, deltas, first, end)
        starts, stops = series.first_slot + first, series.first_slot + end
        if finding:
            code, message = finding
            findings.append(
                Finding(
                    code,
                    Severity.ERROR,
                    message,
                    where,
                    slot_starts_at(starts),
                    slot_starts_at(stops),
                    "Enter the values by hand, or a register reading.",
                )
            )
        if values is not None:
            energy_wh[first:end] = values
            quality[first:end] = Quality.ESTIMATED
            estimates.append(Estimate(starts, stops, method))
    return (
        Series(series.register_id, series.first_slot, energy_wh, quality),
        estimates,
        findings,
    )


class _Weekly:
    """Means of the same local weekday and time in the weeks before."""

    def __init__(self, series: Series, is_known: npt.NDArray[np.bool_], tz: ZoneInfo) -> None:
        self.energy_wh, self.is_known = series.energy_wh, is_known
        self.offsets = utc_offsets(series.slots, tz) if not is_known.all() else None

    def mean(self, first: int, end: int) -> Energies | None:
        """The means for positions ``[first, end)``; None if one of them has none."""
        assert self.offsets is not None
        at = np.arange(first, end)
        total, count = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
        for week in range(1, WEEKS + 1):
            before = at - week * _WEEK
            is_there = before >= 0
            before = np.where(is_there, before, 0)
            # A week ago by the local clock: where clocks changed since, that is an hour off.
            there = before + self.offsets[at] - self.offsets[before]
            is_there &= there >= 0
            there = np.where(is_there, there, 0)
            usable = is_there & self.is_known[there]
            total += np.where(usable, self.energy_wh[there], 0)
            count += usable
        if not count.all():
            return None
        means: Energies = (2 * total + count) // (2 * count)
        return means


def _fill(
    series: Series,
    is_known: npt.NDArray[np.bool_],
    weekly: _Weekly,
    profile_wh: Energies | None,
    deltas: Sequence[Delta],
    first: int,
    end: int,
) -> tuple[Energies | None, str, tuple[str, str] | None]:
    """The values of the gap ``[first, end)``, the method, and what hinders (code, message)."""
    length = end - first
    weeks = weekly.mean(first, end)
    rest = _rest(series, is_known, deltas, first, end)
    if rest is not None:
        if rest < 0:
            message = f"the register counted {-rest} Wh less than the quarter-hours around the gap."
            return None, "", ("metering.register_below_intervals", message)
        weights = profile_wh[first:end] if profile_wh is not None else weeks
        if weights is None or weights.min() < 0 or not weights.any():
            weights = np.ones(length, np.int64)
        parts = largest_remainder(rest, weights.tolist(), series.first_slot + first)
        return np.array(parts, np.int64), "register", None
    if first == 0 or end == len(is_known):
        message = f"{length} quarter-hours at the edge of the data are not extrapolated."
        return None, "", ("metering.edge", message)
    left, right = int(series.energy_wh[first - 1]), int(series.energy_wh[end])
    if length <= LINEAR_SLOTS:
        steps = np.arange(1, length + 1)
        scale = 2 * (length + 1)
        linear = (2 * (left * (length + 1) + (right - left) * steps) + length + 1) // scale
        return linear, "linear", None
    if weeks is not None:
        return weeks, "weeks", None
    if profile_wh is not None:
        return profile_wh[first:end], "profile", None
    if length <= LAST_VALUE_SLOTS:
        return np.full(length, left, np.int64), "last", None
    message = f"no method fills {length} quarter-hours: there are no weeks before, and no profile."
    return None, "", ("metering.not_estimated", message)


def _rest(
    series: Series,
    is_known: npt.NDArray[np.bool_],
    deltas: Sequence[Delta],
    first: int,
    end: int,
) -> int | None:
    """What the register counted in the gap: its delta without the known slots around.

    None unless a delta spans the gap and no other gap.
    """
    at = series.first_slot
    for delta in deltas:
        begun, until = delta.slots.start - at, delta.slots.stop - at
        if not (0 <= begun <= first and end <= until <= len(is_known)):
            continue
        if int((~is_known[begun:until]).sum()) != end - first:
            continue
        around = series.energy_wh[begun:until][is_known[begun:until]]
        return delta.energy_wh - int(around.sum())
    return None
