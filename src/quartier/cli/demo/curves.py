"""Quarter-hours for the demo building, from the curves of real homes (NOTICE.md).

An hour's energy is spread over its quarter-hours without changing the hour; a home's year is
scaled to what a Swiss flat uses; more households come from shifting whole weeks, which keeps
weekdays and seasons. Everything follows from one seed.
"""

import csv
import gzip
from datetime import date, datetime
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from quartier.core.kernel.period import slot_starts_at

Wh = NDArray[np.int64]

_HOURS_OF_52_WEEKS = 52 * 7 * 24
_SOURCE_MONDAY = date(2022, 8, 1)  # the source's first day is a Monday, 1 August


@lru_cache(maxsize=1)
def _source() -> tuple[list[str], NDArray[np.int64]]:
    """Column names and hours [hour, column] of the packed file."""
    packed = files(__package__).joinpath("homes.csv.gz").read_bytes()
    rows = csv.reader(gzip.decompress(packed).decode().splitlines())
    names = next(rows)[1:]
    return names, np.array([[int(cell) for cell in row[1:]] for row in rows], dtype=np.int64)


def homes() -> list[str]:
    """The names of the real homes."""
    return [name for name in _source()[0] if name.startswith("H")]


def roofs() -> list[str]:
    """The names of the real roofs."""
    return [name for name in _source()[0] if name.startswith("PV")]


def _hours(name: str) -> NDArray[np.int64]:
    names, hours = _source()
    return hours[:_HOURS_OF_52_WEEKS, names.index(name)]


def _hour_numbers(slots: range, tz: ZoneInfo) -> NDArray[np.int64]:
    """For each slot the hour of the source that it falls in: same weekday, same season, same
    local hour (without daylight saving, as in the source)."""
    winter = datetime(2023, 1, 1, tzinfo=tz).utcoffset()
    assert winter is not None
    origin = datetime(_SOURCE_MONDAY.year, 8, 1, tzinfo=slot_starts_at(0).tzinfo) - winter
    first = int(origin.timestamp() // 900)
    return (np.arange(slots.start, slots.stop, dtype=np.int64) - first) // 4


def _spread(hours: NDArray[np.int64], numbers: NDArray[np.int64], noise: float, seed: int) -> Wh:
    """The hours' energy over their quarter-hours, each hour's sum kept exactly.

    ``noise`` 0 spreads evenly; 1 is as lumpy as a household's appliances.
    """
    unique, index = np.unique(numbers, return_inverse=True)
    random = np.random.default_rng(seed)
    weights = 1 - noise + noise * random.exponential(1, size=(len(unique), 4))
    cumulative = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    cumulative[:, 3] = 1
    energy = hours[unique % len(hours)]
    upto = np.floor(energy[:, None] * cumulative).astype(np.int64)
    upto[:, 3] = energy
    quarters = np.diff(upto, axis=1, prepend=0)
    position = np.zeros(len(numbers), dtype=np.int64)
    position[1:] = np.where(np.diff(index) == 0, 1, 0)
    starts = np.flatnonzero(position == 0)
    within = np.arange(len(numbers)) - np.repeat(starts, np.diff([*starts, len(numbers)]))
    # A series that begins inside an hour begins at that hour's right quarter.
    offset = 4 - np.count_nonzero(index == 0) if len(index) else 0
    within[index == 0] += offset
    spread: Wh = quarters[index, within]
    return spread


def household(name: str, shift_weeks: int, year_wh: int, slots: range, tz: ZoneInfo) -> Wh:
    """int64 [len(slots)] Wh of the home ``name``, shifted by whole weeks, scaled to ``year_wh``."""
    hours = np.roll(_hours(name), shift_weeks * 7 * 24)
    edges = np.floor(np.cumsum(hours) * (year_wh / hours.sum())).astype(np.int64)
    scaled = np.diff(edges, prepend=0)
    seed = 1000 * (homes().index(name) + 1) + shift_weeks
    return _spread(scaled, _hour_numbers(slots, tz), 0.7, seed)


def roof(name: str, power_kwp: float, year_kwh_per_kwp: float, slots: range, tz: ZoneInfo) -> Wh:
    """int64 [len(slots)] Wh of a roof of ``power_kwp``, scaled to ``year_kwh_per_kwp``.

    The source's quarter-hours are interpolated between its hours, then fitted to each hour.
    """
    hours = _hours(name)
    scaled = np.round(hours * (power_kwp * year_kwh_per_kwp * 1000 / hours.sum())).astype(np.int64)
    return _spread(scaled, _hour_numbers(slots, tz), 0.15, 77 + roofs().index(name))


def battery(
    production: Wh, consumption: Wh, capacity_wh: int, power_w: int, efficiency: float
) -> tuple[Wh, Wh]:
    """Charge and discharge (Wh) of a battery that takes surplus and covers what lacks.

    Losses are taken at discharge; the store begins empty.
    """
    charge = np.zeros_like(production)
    discharge = np.zeros_like(production)
    limit_wh = power_w // 4
    stored = 0.0
    for i, surplus in enumerate((production - consumption).tolist()):
        if surplus > 0:
            charge[i] = taken = min(surplus, limit_wh, int(capacity_wh - stored))
            stored += taken
        elif surplus < 0:
            discharge[i] = given = min(-surplus, limit_wh, int(stored * efficiency))
            stored = max(0.0, stored - given / efficiency)
    return charge, discharge
