"""The quarter-hours of the building, and its last days by the minute: appliances follow the sun.

The real controller of the gateway decides when they run; what they draw is part of the
quarter-hours. Everything follows from seeds: a longer horizon changes nothing that was before it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from quartier.cli.demo import building, curves
from quartier.cli.demo.appliances import APPLIANCES, HEATING
from quartier.core.kernel.period import Dates, local_midnight, slot_at, slot_starts_at
from quartier.gateway.surplus.consumers import Appliance, Mode
from quartier.gateway.surplus.controller import Controller, Decision

Key = tuple[str, str]
"""Meter and direction."""
Wh = NDArray[np.int64]
Watts = NDArray[np.float64]

DAYS = 3
"""So many days before the last one are played by the minute."""
METERS_DAYS = 1
"""Since so many days the building has meters of its own."""
_ROOF_KWH_PER_KWP = 1_020.0
_GARAGE_KWH_PER_KWP = 960.0
_BATTERY_EFFICIENCY = 0.92
_OTHER_HEAT = 0.3
"""Of the heating's curve: what the appliances do not draw."""
_QUARTER_MIN, _HOUR_MIN, _DAY_SLOTS = 15, 60, 96
_MINUTE = timedelta(minutes=1)


@dataclass
class House:
    """The appliances and their controller, a minute at a time.

    Each has a thermostat: it draws nothing any more when it ran as long as it needs on a day.
    """

    consumers: tuple[Appliance, ...]
    tz: ZoneInfo

    def __post_init__(self) -> None:
        self._controller = Controller(self.consumers, self.tz.key)
        self._needs_s = {one.ref: one.most_s for one in APPLIANCES}
        self._ran_s: dict[str, int] = {}
        self._day: date | None = None
        self._on: dict[str, bool] = {}
        self.drawn_w: dict[str, int] = {}

    def change(self, consumers: tuple[Appliance, ...], presses: Mapping[str, bool]) -> None:
        """Steer by other settings from now on."""
        if consumers != self.consumers:
            before, self.consumers = self._controller, consumers
            self._controller = Controller(consumers, self.tz.key)
            for one in consumers:
                if one.name in self._on:
                    self._controller.resume(one.name, before.memory(one.name))
        self._controller.presses = dict(presses)

    def step(self, now: datetime, minute: int, other_w: float) -> list[Decision]:
        """What is switched at ``now``, with ``other_w`` drawn at the grid entry by all else."""
        if (day := now.astimezone(self.tz).date()) != self._day:
            self._day, self._ran_s = day, {}
        grid_w = round(other_w + sum(self.drawn_w.values()))
        switched = []
        self.drawn_w = {}
        for one in self._controller.step(now, 60.0 * minute, grid_w):
            if one.is_on != self._on.get(one.name, False):
                switched.append(one)
            self._on[one.name] = one.is_on
        for consumer in self.consumers:
            name, ran_s = consumer.name, self._ran_s.get(consumer.name, 0)
            if self._on[name] and ran_s < self._needs_s.get(name, 86_400):
                self._ran_s[name] = ran_s + 60
                self.drawn_w[name] = consumer.power_w
        return switched


def consumers(modes: Mapping[str, Mode] | None = None) -> tuple[Appliance, ...]:
    """The appliances as the controller knows them, by the ``modes`` that people chose."""
    found = tuple(one.consumer() for one in APPLIANCES)
    if modes is None:
        return found
    known = tuple(one for one in found if one.name in modes)
    return tuple(
        replace(one, mode=modes[one.name])
        for one in known
        if one.timer or modes[one.name] not in (Mode.TIMER, Mode.SOLAR_OR_TIMER)
    )


@dataclass(frozen=True, slots=True)
class Switched:
    """A switch at ``at``."""

    at: datetime
    decision: Decision


class Energy:
    """What the meters of the building count over ``dates``; from ``played_from`` on by the minute.

    Before the days that are played the heating has the curve of its year.
    """

    def __init__(self, dates: Dates, played_from: date, tz: ZoneInfo) -> None:
        self.slots, self.tz = dates.period(tz).slots, tz
        self.first = slot_at(local_midnight(played_from, tz)) - self.slots.start
        self.starts_at = slot_starts_at(self.slots.start + self.first)
        new_date = played_from + timedelta(days=DAYS - METERS_DAYS)
        self.counted_from = slot_at(local_midnight(new_date, tz))
        homes = curves.homes()
        self._used = {
            building.meter_of(flat): curves.household(
                homes[number % len(homes)],
                number // len(homes) * 2 + number % 2,
                flat.year_wh,
                self.slots,
                tz,
            )
            for number, flat in enumerate(building.flats())
        }
        roof, garage = curves.roofs()
        self._made = {
            "pv-dach": curves.roof(roof, building.ROOF_KWP, _ROOF_KWH_PER_KWP, self.slots, tz),
            "pv-garage": curves.roof(
                garage, building.GARAGE_KWP, _GARAGE_KWH_PER_KWP, self.slots, tz
            ),
        }
        heating = self._used[HEATING]
        heating[self.first :] = (heating[self.first :] * _OTHER_HEAT).astype(np.int64)
        self._load, self._sun = self._weights()
        self.switches: list[Switched] = []
        self.drawn = self._play()

    @property
    def ends_at(self) -> datetime:
        """Until when it is known."""
        return slot_starts_at(self.slots.stop)

    @cached_property
    def series(self) -> dict[Key, Wh]:
        """int64 [len(slots)] Wh of each register."""
        used = dict(self._used)
        for one in APPLIANCES:
            used[one.meter] = used[one.meter].copy()
            used[one.meter][self.first :] += _whole(self.drawn[one.ref])
        made = np.sum(list(self._made.values()), axis=0)
        consumption = np.sum(list(used.values()), axis=0)
        charge, discharge = curves.battery(
            made, consumption, building.BATTERY_WH, building.BATTERY_W, _BATTERY_EFFICIENCY
        )
        balance = consumption + charge - made - discharge
        return {
            **{(ref, "import"): energy for ref, energy in used.items()},
            **{(ref, "export"): energy for ref, energy in self._made.items()},
            ("speicher", "import"): charge,
            ("speicher", "export"): discharge,
            ("netz", "import"): np.maximum(balance, 0),
            ("netz", "export"): np.maximum(-balance, 0),
        }

    @cached_property
    def counters(self) -> dict[Key, Wh]:
        """What each register shows at the beginning of each slot from ``counted_from`` on, when
        its device is new, and after the last."""
        first = self.counted_from - self.slots.start
        return {
            key: np.concatenate(([0], np.cumsum(energy[first:])))
            for key, energy in self.series.items()
        }

    def other_w(self, minute: int) -> float:
        """What all but the appliances and the battery draw, less what the sun gives."""
        slot = self.first + minute // _QUARTER_MIN
        used = sum(int(energy[slot]) for energy in self._used.values())
        made = sum(int(energy[slot]) for energy in self._made.values())
        return 4 * (used * float(self._load[minute]) - made * float(self._sun[minute]))

    def powers(self, minute: int, drawn_w: Mapping[str, int] | None = None) -> dict[str, float]:
        """W through each meter in the ``minute`` that is played; the appliances draw ``drawn_w``,
        else what was played. Drawn is positive, and the grid entry has the sum."""
        slot = self.first + minute // _QUARTER_MIN
        load, sun = 4 * float(self._load[minute]), 4 * float(self._sun[minute])
        found = {ref: float(energy[slot]) * load for ref, energy in self._used.items()}
        found |= {ref: -float(energy[slot]) * sun for ref, energy in self._made.items()}
        for one in APPLIANCES:
            played_w = float(self.drawn[one.ref][minute])
            found[one.meter] += played_w if drawn_w is None else drawn_w.get(one.ref, 0)
        stored = self.series["speicher", "import"][slot] - self.series["speicher", "export"][slot]
        found["speicher"] = 4.0 * float(stored)
        found["netz"] = sum(found.values())
        return found

    def grid_w(self, first: int, end: int) -> Watts:
        """W at the grid entry in the played minutes ``[first, end)``."""
        minutes = np.arange(first, end)
        slots = self.first + minutes // _QUARTER_MIN
        used = np.sum([energy[slots] for energy in self._used.values()], axis=0)
        made = np.sum([energy[slots] for energy in self._made.values()], axis=0)
        stored = self.series["speicher", "import"][slots] - self.series["speicher", "export"][slots]
        drawn = np.sum([self.drawn[one.ref][minutes] for one in APPLIANCES], axis=0)
        watts: Watts = 4 * (used * self._load[minutes] - made * self._sun[minutes] + stored) + drawn
        return watts

    def _play(self) -> dict[str, Wh]:
        """W of each appliance in each minute that is played."""
        house = House(consumers(), self.tz)
        slots = slice(self.first, None)
        used = np.sum([energy[slots] for energy in self._used.values()], axis=0)
        made = np.sum([energy[slots] for energy in self._made.values()], axis=0)
        other_w = 4 * (
            np.repeat(used, _QUARTER_MIN) * self._load - np.repeat(made, _QUARTER_MIN) * self._sun
        )
        drawn = {one.ref: np.zeros(len(other_w), np.int64) for one in APPLIANCES}
        for minute, watts in enumerate(other_w.tolist()):
            now = self.starts_at + minute * _MINUTE
            self.switches += [Switched(now, one) for one in house.step(now, minute, watts)]
            for ref, drawn_w in house.drawn_w.items():
                drawn[ref][minute] = drawn_w
        return drawn

    def _weights(self) -> tuple[Watts, Watts]:
        """How the load and the sun of a quarter-hour are spread over its minutes; mean 1."""
        first, end = self.slots.start + self.first, self.slots.stop
        loads, suns = zip(*_days(first, end), strict=True)
        skipped = first % _DAY_SLOTS
        load, sun = (
            np.concatenate(days)[skipped:][: end - first].reshape(-1) for days in (loads, suns)
        )
        return load, sun


def _days(first: int, end: int) -> Iterator[tuple[Watts, Watts]]:
    """Weights [slot of the day, minute] of each UTC day; each day has a seed of its own."""
    for day in range(first // _DAY_SLOTS, -(-end // _DAY_SLOTS)):
        random = np.random.default_rng((7, day))
        minutes = _DAY_SLOTS * _QUARTER_MIN
        clouds = random.choice((1.0, 1.0, 1.0, 0.35, 0.2, 0.6), minutes)
        change = random.random(minutes) < 0.12
        change[0] = True
        sun = clouds[np.maximum.accumulate(np.where(change, np.arange(minutes), 0))]
        sun *= random.uniform(0.97, 1.03, minutes)
        load = random.uniform(0.9, 1.1, minutes)
        load[random.random(minutes) < 0.05] *= 1.5
        yield _spread(load), _spread(sun)


def _spread(weights: Watts) -> Watts:
    rows = weights.reshape(_DAY_SLOTS, _QUARTER_MIN)
    spread: Watts = rows / rows.mean(axis=1, keepdims=True)
    return spread


def _whole(watts: Wh) -> Wh:
    """Whole Wh of each quarter-hour, the remainder carried on."""
    upto = np.cumsum(watts)[_QUARTER_MIN - 1 :: _QUARTER_MIN] // _HOUR_MIN
    return np.diff(upto, prepend=0)
