"""A simulated year: how much more of the sun is used, and that no relay chatters."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

import pytest

from quartier.gateway.surplus.consumers import Appliance, Mode
from quartier.gateway.surplus.controller import Controller
from quartier.gateway.surplus.timer import Window
from tests.gateway.surplus.year import minutes

ZONE = ZoneInfo("Europe/Zurich")
NIGHT = (Window((0, 1, 2, 3, 4, 5, 6), 1 * 60, 6 * 60),)
BY_SUN = (
    *(
        Appliance(f"boiler phase {n}", 2000, daily_s=3 * 3600, complete_by_minute=22 * 60)
        for n in (1, 2, 3)
    ),
    Appliance("heat pump", 2500, on_s=1200, off_s=600, daily_s=4 * 3600),
    Appliance("pool pump", 800, daily_s=4 * 3600, complete_by_minute=20 * 60),
)
BY_NIGHT = tuple(replace(one, mode=Mode.TIMER, timer=NIGHT) for one in BY_SUN)
"""The same energy a day, from the grid at night: what a ripple control does today."""


@dataclass
class Outcome:
    produced_wh: float = 0
    used_wh: float = 0
    drawn_wh: float = 0
    switches: Counter = field(default_factory=Counter)
    shortest_s: dict = field(default_factory=dict)
    needed_s: dict = field(default_factory=lambda: defaultdict(Counter))
    most_a_day: int = 0

    @property
    def self_consumption(self):
        return self.used_wh / self.produced_wh


def live(consumers, first_day, days, seed=1):
    """The outcome of ``days``. Each appliance has a thermostat: when it has run as long as it
    needs on a day, it draws nothing any more, and the controller is not told."""
    controller = Controller(consumers, ZONE.key)
    out = Outcome()
    on = {one.name: False for one in consumers}
    changed = {}
    ran = Counter()
    day, a_day = None, Counter()
    grid_w = 0
    for at_s, (now, load_w, solar_w) in enumerate(minutes(first_day, days, seed)):
        at_s *= 60
        if now.astimezone(ZONE).date() != day:
            for name, seconds in ran.items():
                out.needed_s[name][day] = seconds
            out.most_a_day = max([out.most_a_day, *a_day.values()])
            day, ran, a_day = now.astimezone(ZONE).date(), Counter(), Counter()
        for one in controller.step(now, at_s, grid_w):
            if one.is_on != on[one.name]:
                on[one.name] = one.is_on
                out.switches[one.name] += 1
                a_day[one.name] += 1
                if one.name in changed:
                    lasted = at_s - changed[one.name]
                    key = (one.name, not one.is_on)
                    out.shortest_s[key] = min(lasted, out.shortest_s.get(key, lasted))
                changed[one.name] = at_s
        steered_w = 0
        for one in consumers:
            if on[one.name] and ran[one.name] < one.daily_s:
                ran[one.name] += 60
                steered_w += one.power_w
        grid_w = round(load_w + steered_w - solar_w)
        out.produced_wh += solar_w / 60
        out.used_wh += min(solar_w, load_w + steered_w) / 60
        out.drawn_wh += (load_w + steered_w) / 60
    return out


def check(first_day, days):
    sun, night = live(BY_SUN, first_day, days), live(BY_NIGHT, first_day, days)
    assert sun.produced_wh == night.produced_wh
    assert sun.drawn_wh <= 1.001 * night.drawn_wh, "nothing runs that need not"
    for one in BY_SUN:
        whole_days = list(sun.needed_s[one.name].items())[2:-1]
        assert all(seconds >= one.daily_s for _, seconds in whole_days), one.name
        for is_on, least in ((True, one.on_s), (False, one.off_s)):
            assert sun.shortest_s.get((one.name, is_on), least) >= least
        assert sun.switches[one.name] / days <= (16 if one.on_s > 600 else 30), one.name
    return sun, night


@pytest.mark.drill
@pytest.mark.parametrize("first_day", [0, 91, 182, 273])
def test_some_days_of_each_season(first_day, drill_count):
    sun, night = check(first_day, drill_count(14, 4))
    assert sun.self_consumption > night.self_consumption + 0.1


@pytest.mark.drill
def test_a_year(drill_count):
    sun, night = check(0, drill_count(365, 7))
    assert sun.self_consumption > night.self_consumption + 0.25
