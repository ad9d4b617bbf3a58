"""Who runs when: modes, order, minimum times, and that nothing chatters."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.gateway.surplus.consumers import Appliance, BadConsumer, Mode, Station
from quartier.gateway.surplus.controller import Controller, Reason
from quartier.gateway.surplus.timer import Window, seconds_until

NOON = datetime(2026, 7, 6, 10, 0, tzinfo=UTC)  # a Monday, 12:00 in Zurich
ZONE = "Europe/Zurich"


class House:
    """A building whose consumers draw what they are said to; a minute a step."""

    def __init__(self, *consumers, start=NOON, hot=()):
        self.controller = Controller(consumers, ZONE)
        self.by_name = {one.name: one for one in consumers}
        self.now, self.at_s = start, 0.0
        self.decisions = []
        self.hot = set(hot)
        self.switches = []

    def draws(self, decision):
        one = self.by_name[decision.name]
        if not decision.is_on or one.name in self.hot:
            return 0
        return decision.amperes * one.watts_an_ampere if decision.amperes else one.power_w

    def minute(self, exported_w, *, is_blind=False):
        """``exported_w``: what would be fed in if nothing that is steered ran."""
        used = sum(map(self.draws, self.decisions))
        before = {one.name: one.is_on for one in self.decisions}
        grid_w = None if is_blind else used - exported_w
        self.decisions = self.controller.step(self.now, self.at_s, grid_w)
        for one in self.decisions:
            if one.is_on != before.get(one.name, False):
                self.switches.append((self.at_s, one.name, one.is_on))
        self.now += timedelta(minutes=1)
        self.at_s += 60
        return {one.name: one for one in self.decisions}

    def minutes(self, exported_w, count, **more):
        for _ in range(count):
            found = self.minute(exported_w, **more)
        return found

    @property
    def running(self):
        return {one.name for one in self.decisions if one.is_on}


def test_a_surplus_as_large_as_the_appliance_switches_it_on_when_it_lasts():
    house = House(Appliance("boiler", 3000))
    assert not house.minutes(3000, 2)["boiler"].is_on
    assert house.minute(3000)["boiler"].reason == Reason.SURPLUS
    assert house.minutes(3000, 60)["boiler"].is_on
    assert len(house.switches) == 1


def test_less_than_the_appliance_does_not():
    house = House(Appliance("boiler", 3000))
    assert house.minutes(2999, 60)["boiler"].reason == Reason.NO_SURPLUS
    assert house.switches == []


def test_it_goes_off_without_surplus_after_its_minimum_time():
    house = House(Appliance("boiler", 3000, on_s=1200))
    house.minutes(3000, 3)
    assert house.minutes(0, 5)["boiler"].is_on, "a cloud"
    assert house.minutes(0, 10)["boiler"].reason == Reason.MINIMUM_TIME
    house.minutes(0, 20)
    on, off = house.switches
    assert off[0] - on[0] == 1200


def test_a_short_cloud_switches_nothing():
    house = House(Appliance("boiler", 3000, on_s=0, off_s=0))
    for _ in range(30):
        house.minutes(3000, 5)
        house.minutes(0, 8)
    assert len(house.switches) == 1


def test_small_steps_use_more_of_the_sun():
    whole = House(Appliance("heater", 3000))
    steps = House(*(Appliance(f"phase {n}", 1000) for n in (1, 2, 3)))
    whole.minutes(2500, 10)
    steps.minutes(2500, 10)
    assert whole.running == set()
    assert len(steps.running) == 2


def test_without_priority_the_strongest_goes_first_with_it_the_lowest_number():
    strong, weak = Appliance("strong", 2000), Appliance("weak", 500)
    house = House(strong, weak)
    house.minutes(2200, 5)
    assert house.running == {"strong"}
    first = Appliance("weak", 500, priority=1)
    house = House(strong, first)
    house.minutes(2200, 5)
    assert house.running == {"weak"}


def test_one_order_for_relays_and_stations():
    boiler = Appliance("boiler", 3000, priority=2)
    car = Station("car", phases=1, priority=1)
    house = House(boiler, car)
    found = house.minutes(4000, 5)
    assert (found["car"].amperes, found["boiler"].is_on) == (16, False)
    house = House(boiler, Station("car", phases=1, priority=3))
    found = house.minutes(4500, 5)
    assert (found["car"].amperes, found["boiler"].is_on) == (6, True)


def test_a_station_follows_the_sun_in_whole_amperes():
    house = House(Station("car", phases=3, on_s=1200))
    assert house.minutes(6 * 690 - 1, 3)["car"].amperes == 0
    assert house.minutes(6 * 690, 3)["car"].amperes == 6
    assert house.minutes(10 * 690 + 300, 3)["car"].amperes == 10
    assert house.minutes(99_000, 3)["car"].amperes == 16
    assert house.minutes(0, 3)["car"].amperes == 6, "not before its minimum time is over"
    assert house.minutes(0, 20)["car"].amperes == 0


def test_a_boiler_that_is_hot_keeps_nobody_else_off_or_on():
    house = House(Appliance("boiler", 3000), Appliance("pump", 500), hot={"boiler"})
    house.minutes(3000, 10)
    assert house.running == {"boiler", "pump"}
    house.minutes(400, 40)
    assert "pump" not in house.running


@pytest.mark.parametrize(
    ("mode", "by_sun", "in_window", "at_night"),
    [
        (Mode.SOLAR, True, False, False),
        (Mode.SOLAR_OR_TIMER, True, True, False),
        (Mode.TIMER, False, True, False),
        (Mode.ON, True, True, True),
        (Mode.OFF, False, False, False),
    ],
)
def test_the_modes(mode, by_sun, in_window, at_night):
    timer = (Window((0, 1, 2, 3, 4, 5, 6), 22 * 60, 6 * 60),)
    times = {
        "by_sun": (NOON, 5000, by_sun),
        "in_window": (NOON.replace(hour=21), -500, in_window),
        "at_night": (NOON.replace(hour=5), -500, at_night),
    }
    for name, (start, exported, expected) in times.items():
        house = House(Appliance("boiler", 3000, mode, timer=timer), start=start)
        house.minutes(exported, 3)
        assert (house.running == {"boiler"}) == expected, name


def test_a_switch_by_hand_goes_off_at_once_and_on_when_the_compressor_may():
    house = House(Appliance("pump", 800, Mode.MANUAL, on_s=600, off_s=600))
    house.controller.presses["pump"] = True
    assert house.minute(0)["pump"].is_on
    house.controller.presses["pump"] = False
    assert not house.minute(0)["pump"].is_on
    house.controller.presses["pump"] = True
    assert house.minute(0)["pump"].reason == Reason.MINIMUM_TIME
    assert house.minutes(0, 10)["pump"].is_on


def test_a_day_without_sun_ends_with_the_daily_minimum():
    boiler = Appliance("boiler", 3000, daily_s=2 * 3600, complete_by_minute=20 * 60)
    house = House(boiler, start=NOON)
    house.minutes(-300, 8 * 60 + 1)  # 20:00 included
    assert house.controller.ran_s("boiler") >= 2 * 3600
    (on,) = [one for one in house.switches if one[2]]
    assert 5.9 * 3600 <= on[0] <= 6 * 3600, "as late as it can be"
    house.minutes(-300, 60)
    assert house.running == set()


def test_what_the_sun_gave_counts_for_the_daily_minimum():
    house = House(Appliance("boiler", 3000, daily_s=2 * 3600, complete_by_minute=20 * 60))
    house.minutes(3500, 95)
    house.minutes(-300, 8 * 60 - 94)
    assert 7200 <= house.controller.ran_s("boiler") < 7200 + 600


def test_without_a_reading_the_sun_is_not_believed_in_for_long():
    house = House(Appliance("boiler", 3000, on_s=60), Appliance("pump", 100, Mode.ON))
    house.minutes(3500, 5)
    assert house.minutes(0, 4, is_blind=True)["boiler"].is_on
    assert house.minutes(0, 3, is_blind=True)["boiler"].reason == Reason.NO_READING
    assert house.running == {"pump"}


def test_a_relay_that_was_on_at_the_start_has_its_minimum_time():
    house = House(Appliance("pump", 800, on_s=600))
    house.controller.found("pump", True, 0.0)
    house.decisions = []
    assert house.minute(-800)["pump"].reason == Reason.MINIMUM_TIME
    assert not house.minutes(-800, 10)["pump"].is_on


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 7, 6), 24)]
)
def test_a_day_has_the_hours_it_has(day, hours):
    from zoneinfo import ZoneInfo

    local = datetime(*day, tzinfo=ZoneInfo(ZONE))
    assert seconds_until(local, 1440) == hours * 3600


@pytest.mark.parametrize(
    "more",
    [
        {"power_w": 0},
        {"power_w": 10**7},
        {"on_s": -1},
        {"off_s": 10**6},
        {"daily_s": 90_000},
        {"complete_by_minute": 0},
        {"daily_s": 7200, "complete_by_minute": 60},
        {"mode": Mode.TIMER},
    ],
)
def test_what_cannot_be_is_refused(more):
    with pytest.raises(BadConsumer):
        Appliance("boiler", **{"power_w": 1000, **more})


@pytest.mark.parametrize(
    "more", [{"phases": 4}, {"min_a": 5}, {"min_a": 20}, {"max_a": 200}, {"volts": 12_000}]
)
def test_a_station_that_cannot_be_is_refused(more):
    with pytest.raises(BadConsumer):
        Station("car", **more)


APPLIANCES = st.builds(
    Appliance,
    st.just(""),
    st.integers(50, 9000),
    st.sampled_from([Mode.SOLAR, Mode.SOLAR, Mode.SOLAR_OR_TIMER]),
    priority=st.none() | st.integers(0, 3),
    on_s=st.sampled_from([0, 60, 600, 1200]),
    off_s=st.sampled_from([0, 60, 300]),
    daily_s=st.sampled_from([0, 0, 3600]),
    timer=st.just((Window((0, 2, 4), 23 * 60, 60),)),
)
STATIONS = st.builds(
    Station,
    st.just(""),
    phases=st.sampled_from([1, 3]),
    priority=st.none() | st.integers(0, 3),
    on_s=st.sampled_from([0, 600]),
)
WEATHER = st.lists(
    st.tuples(st.integers(-4000, 20_000), st.integers(1, 20), st.booleans()),
    min_size=1,
    max_size=20,
)


def named(consumers):
    from dataclasses import replace

    return [replace(one, name=f"c{number}") for number, one in enumerate(consumers)]


@given(st.lists(APPLIANCES | STATIONS, min_size=1, max_size=6), WEATHER, st.integers(0, 1439))
def test_whatever_the_weather(consumers, weather, minute):
    house = House(*named(consumers), start=NOON + timedelta(minutes=minute))
    budgets = [0]
    for exported, minutes, is_blind in weather:
        for _ in range(minutes):
            before = set(house.running)
            found = house.minute(exported, is_blind=is_blind)
            budgets.append(exported)
            started = [
                one
                for one in found.values()
                if one.is_on and one.name not in before and one.reason == Reason.SURPLUS
            ]
            if started and not is_blind:
                assert sum(house.draws(one) for one in started) <= exported
            for one in found.values():
                if one.amperes:
                    station = house.by_name[one.name]
                    assert station.min_a <= one.amperes <= station.max_a
    changed = {}
    for at_s, name, is_on in house.switches:
        one = house.by_name[name]
        if name in changed:
            assert at_s - changed[name] >= (one.off_s if is_on else one.on_s)
        changed[name] = at_s


@given(st.lists(APPLIANCES | STATIONS, min_size=1, max_size=6), st.integers(-4000, 20_000))
def test_under_a_steady_sun_everything_comes_to_rest(consumers, exported):
    solar = [
        one if isinstance(one, Station) else Appliance("", one.power_w, priority=one.priority)
        for one in consumers
    ]
    house = House(*named(solar))
    house.minutes(exported, 60)
    settled = len(house.switches)
    house.minutes(exported, 240)
    assert len(house.switches) == settled
    assert sum(map(house.draws, house.decisions)) <= max(exported, 0)
    left = exported - sum(map(house.draws, house.decisions))
    for one in house.decisions:
        if not one.is_on:
            assert house.by_name[one.name].power_w > left, "nobody is left out who fits"
