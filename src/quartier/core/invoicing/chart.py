"""The bars of an invoice's chart: solar and grid energy by local day, week or month.

Bars are whole Wh and add up to the energy on the lines (``Rated.consumption_wh``, ``solar_wh``).
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from quartier.core.invoicing.document import Energy, EnergyBar
from quartier.core.kernel.energy import MWH_PER_WH
from quartier.core.kernel.period import Dates, local_midnight, slot_at
from quartier.core.rating.rated import Rated
from quartier.core.rating.usage import Usage


class Step(StrEnum):
    """What one bar covers; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def step_for(dates: Dates) -> Step:
    """Days for up to 35 days, weeks for up to 200, months above."""
    assert dates.to_date is not None
    length = (dates.to_date - dates.from_date).days
    if length <= 35:
        return Step.DAY
    return Step.WEEK if length <= 200 else Step.MONTH


def energy_of(
    usage: Usage, rated: Sequence[Rated], step: Step | None = None
) -> tuple[Energy | None, ...]:
    """The energy and bars of each participant; None for one without rows.

    ``usage`` is what ``rated`` was made from.
    """
    groups: dict[tuple[Dates, int], list[int]] = defaultdict(list)
    for number, one in enumerate(rated):
        groups[one.participant.dates, len(one.participant.rows)].append(number)
    out: list[Energy | None] = [None] * len(rated)
    for (dates, places), numbers in groups.items():
        if places:
            members = [rated[number] for number in numbers]
            energies = _energies(usage, dates, members, step or step_for(dates))
            for number, energy in zip(numbers, energies, strict=True):
                out[number] = energy
    return tuple(out)


def _energies(usage: Usage, dates: Dates, members: Sequence[Rated], step: Step) -> list[Energy]:
    tz = ZoneInfo(usage.timezone)
    starts = _starts(dates, step)
    assert dates.to_date is not None
    ends = [*starts[1:], dates.to_date]
    bounds = [slot_at(local_midnight(day, tz)) - usage.first_slot for day in starts]
    end = slot_at(local_midnight(dates.to_date, tz)) - usage.first_slot
    rows = np.array([[row for _, row in one.participant.rows] for one in members])

    def by_bar(matrix: NDArray[np.int64] | NDArray[np.bool_]) -> NDArray[np.int64]:
        """int64 [m, b]: sums of the members' rows over each bar."""
        total = np.zeros((len(members), len(starts)), dtype=np.int64)
        for place in range(rows.shape[1]):
            chosen = rows[:, place]
            if 2 * len(chosen) >= len(matrix):  # cheaper than copying most of the rows
                total += np.add.reduceat(matrix[:, :end], bounds, axis=1, dtype=np.int64)[chosen]
            else:
                total += np.add.reduceat(matrix[chosen, :end], bounds, axis=1, dtype=np.int64)
        return total

    consumption = by_bar(usage.consumption_mwh) // MWH_PER_WH
    solar = _whole_wh(by_bar(usage.solar_mwh), consumption, [one.solar_wh for one in members])
    if usage.estimated is not None and bool(usage.estimated.any()):
        estimated = by_bar(usage.estimated)
    else:
        estimated = np.zeros_like(consumption)
    energies = []
    for one, used, sun, guessed in zip(
        members, consumption.tolist(), solar.tolist(), estimated.tolist(), strict=True
    ):
        assert sum(used) == one.consumption_wh
        bars = tuple(
            EnergyBar(first, last, s, c - s, bool(e))
            for first, last, c, s, e in zip(starts, ends, used, sun, guessed, strict=True)
        )
        grid_wh = one.consumption_wh - one.solar_wh
        energies.append(Energy(one.consumption_wh, one.solar_wh, grid_wh, bars, sum(guessed)))
    return energies


def _starts(dates: Dates, step: Step) -> list[date]:
    if step is Step.DAY:
        return list(dates.days())
    return [
        day
        for day in dates.days()
        if day == dates.from_date
        or (step is Step.WEEK and day.weekday() == 0)
        or (step is Step.MONTH and day.day == 1)
    ]


def _whole_wh(
    solar_mwh: NDArray[np.int64], consumption_wh: NDArray[np.int64], totals: Sequence[int]
) -> NDArray[np.int64]:
    """[m, b] whole Wh that add up to ``totals``: largest remainder, within 0 and consumption."""
    whole, remainder = np.divmod(solar_mwh, MWH_PER_WH)
    left = np.array(totals, dtype=np.int64) - whole.sum(axis=1)
    ranked = np.argsort(-remainder, axis=1, kind="stable")
    place = np.empty_like(ranked)
    np.put_along_axis(place, ranked, np.arange(whole.shape[1])[None, :], axis=1)
    raised: NDArray[np.int64] = whole + ((place < left[:, None]) & (remainder > 0))
    for m in np.flatnonzero(raised.sum(axis=1) != np.array(totals)).tolist():
        # A total of several sheets' lines can move by more than one Wh a bar makes up for.
        short = int(totals[m]) - int(raised[m].sum())
        for bar in ranked[m].tolist() if short > 0 else ranked[m][::-1].tolist():
            room = (
                int(consumption_wh[m, bar] - raised[m, bar]) if short > 0 else int(raised[m, bar])
            )
            move = min(abs(short), room)
            raised[m, bar] += move if short > 0 else -move
            short += -move if short > 0 else move
            if not short:
                break
        assert not short
    return raised
