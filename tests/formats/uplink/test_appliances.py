"""What a gateway switches, as the configuration says it: there and back, and refused by place."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.uplink.appliances import (
    KINDS,
    MODES,
    REASONS,
    SG_READY,
    ApplianceSettings,
    Grid,
    OutputSettings,
    Surplus,
    TimerWindow,
    switch_code,
    switch_of,
)
from quartier.formats.uplink.configuration import (
    BusKind,
    BusSettings,
    Configuration,
    MeterSettings,
    Plan,
    decode,
    encode,
)
from quartier.formats.uplink.strict import BadMessage
from quartier.gateway.surplus.controller import Controller
from quartier.gateway.surplus.steering import consumer
from tests.formats.uplink.test_configuration import LINES, NAMES, WORDS

RELAY = OutputSettings("rs485", "waveshare_relay", "200", (0,))
PUMP = OutputSettings("rs485", "waveshare_relay", "200", (2, 3), SG_READY, 3)
NIGHT = TimerWindow((0, 1, 2, 3, 4, 5, 6), 22 * 60, 6 * 60)
SURPLUS = Surplus(
    (
        ApplianceSettings("boiler", 3000, "solar_or_timer", RELAY, 1, timer=(NIGHT,)),
        ApplianceSettings("heat-pump", 2200, "solar", PUMP, daily_s=3600, meter="w001"),
        ApplianceSettings("fan", 60, "manual", replace(RELAY, channels=(5,)), is_pressed=True),
    ),
    Grid("entry", Decimal("40"), is_swapped=True),
)
BUSES = (
    BusSettings("rs485", BusKind.MODBUS_TCP, "10.0.0.7", 502),
    BusSettings("plug", BusKind.SHELLY, "10.0.0.8", 80),
    BusSettings("heat", BusKind.MBUS_TCP, "10.0.0.9", 10001),
)
METERS = tuple(
    MeterSettings(name, "rs485", "eastron_sdm630", "", address, "", Plan.QUARTER_HOUR)
    for name, address in (("entry", "10"), ("w001", "11"))
)
HOUSE = Configuration("linde", 3, "Europe/Zurich", BUSES, METERS, surplus=SURPLUS)


@st.composite
def appliances(draw):
    kind = draw(st.sampled_from(sorted(KINDS)))
    is_shelly = draw(st.booleans())
    channels = draw(st.lists(st.integers(0, 63), min_size=2, max_size=2, unique=True))
    output = OutputSettings(
        "plug" if is_shelly else "rs485",
        draw(WORDS),
        "" if is_shelly else str(draw(st.integers(1, 247))),
        tuple(channels[: KINDS[kind]]),
        kind,
        draw(st.sampled_from((3, 4))) if kind == SG_READY else 0,
        draw(st.booleans()),
        draw(st.dictionaries(WORDS, LINES, max_size=2)),
    )
    by = draw(st.integers(1, 1440))
    windows = st.builds(
        TimerWindow,
        st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
        st.integers(0, 1439),
        st.integers(1, 1440),
    )
    return ApplianceSettings(
        draw(NAMES),
        draw(st.integers(1, 1_000_000)),
        draw(st.sampled_from(MODES)),
        output,
        draw(st.none() | st.integers(0, 999)),
        draw(st.integers(0, 86_400)),
        draw(st.integers(0, 86_400)),
        draw(st.integers(0, min(86_400, by * 60))),
        by,
        tuple(draw(st.lists(windows, min_size=1, max_size=3))),
        draw(st.sampled_from(("", "entry", "w001"))),
        draw(st.booleans()),
    )


@given(
    st.lists(appliances(), min_size=1, max_size=4, unique_by=lambda one: one.name),
    st.none()
    | st.builds(Grid, st.just("entry"), st.decimals("0.000001", "999999", places=6), st.booleans()),
)
def test_it_comes_back_as_it_was(listed, grid):
    configuration = replace(HOUSE, surplus=Surplus(tuple(listed), grid))
    assert decode(encode(configuration)) == configuration
    # What the agent takes it can steer: else it would fail on it again and again.
    controller = Controller([consumer(one) for one in listed], HOUSE.timezone)
    decided = controller.step(datetime(2026, 7, 6, 10, tzinfo=UTC), 0.0, 0)
    assert {one.name for one in decided} == {one.name for one in listed}


def test_without_an_appliance_there_is_a_grid_entry_for_stations():
    content = json.loads(encode(HOUSE))
    content["surplus"]["appliances"] = []
    assert decode(json.dumps(content).encode()).surplus == Surplus((), SURPLUS.grid)
    del content["surplus"]["grid"]
    with pytest.raises(BadMessage, match="there is no appliance"):
        decode(json.dumps(content).encode())


def test_where_nothing_is_switched_an_older_gateway_can_read_it():
    assert "surplus" not in json.loads(encode(replace(HOUSE, surplus=None)))


BAD = [
    (("appliances", 0, "power_w"), 0, "appliance 1: power_w is not a whole number from 1"),
    (("appliances", 0, "power_w"), 3.5, "3.5 is not a whole number"),
    (("appliances", 0, "mode"), "sunny", "appliance 1: mode is none of solar"),
    (("appliances", 0, "timer"), [], "appliance 1: runs by timer and has no window"),
    (("appliances", 0, "timer", 0, "weekdays"), [1, 0], "window 1: weekdays are not"),
    (("appliances", 0, "timer", 0, "weekdays"), [0, 7], "window 1: weekdays are not"),
    (("appliances", 0, "timer", 0, "weekdays"), [True], "window 1: weekdays are not"),
    (("appliances", 0, "timer", 0, "weekdays"), {}, "window 1: weekdays are not"),
    (("appliances", 0, "timer", 0, "to_minute"), 1441, "window 1: to_minute"),
    (("appliances", 0, "is_pressed"), 1, "appliance 1: is_pressed is not true or false"),
    (("appliances", 0, "colour"), "red", "field 'colour' that is not known"),
    (("appliances", 1, "name"), "boiler", "two appliances called boiler"),
    (("appliances", 1, "meter"), "w002", "appliance 2: there is no meter w002"),
    (("appliances", 1, "daily_s"), 86_401, "appliance 2: daily_s"),
    (("appliances", 1, "complete_by_minute"), 59, "appliance 2: daily_s is longer"),
    (("appliances", 1, "output", "bus"), "x", "appliance 2, output: there is no bus x"),
    (("appliances", 1, "output", "bus"), "heat", "appliance 2, output: there is no bus heat"),
    (("appliances", 1, "output", "address"), "", "address does not fit the bus rs485"),
    (("appliances", 1, "output", "address"), "248", "address is not an address"),
    (("appliances", 1, "output", "channels"), [2], "channels are not 2 numbers"),
    (("appliances", 1, "output", "channels"), [2, 2], "channels are not 2 numbers"),
    (("appliances", 1, "output", "channels"), [[2], 3], "channels are not 2 numbers"),
    (("appliances", 1, "output", "sg_state"), 1, "sg_state is 3 or 4"),
    (("appliances", 0, "output", "sg_state"), 3, "sg_state is 3 or 4"),
    (("appliances", 0, "output", "kind"), "motor", "kind is none of relay"),
    (("appliances", 0, "output", "settings"), {"A": "x"}, "'A' is not the name of a setting"),
    (("grid", "factor"), "0", "grid: factor is 0"),
    (("grid", "factor"), "1e9", "grid: factor is not a factor"),
    (("grid", "meter"), "h001", "grid: there is no meter h001"),
    ((), [], "surplus is not an object"),
]


@pytest.mark.parametrize(("path", "value", "says"), BAD)
def test_what_is_none_is_refused_with_its_place(path, value, says):
    content = copy.deepcopy(json.loads(encode(HOUSE)))
    place, path = content, ("surplus", *path)
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(BadMessage) as problem:
        decode(json.dumps(content).encode())
    assert says in str(problem.value)


def test_every_reason_has_a_number_of_its_own():
    codes = {switch_code(is_on, reason): (is_on, reason) for reason in REASONS for is_on in (0, 1)}
    assert len(codes) == 2 * len(REASONS)
    assert {code: switch_of(code) for code in codes} == codes
    for code in (-1, 2 * len(REASONS)):
        with pytest.raises(ValueError, match="says of no switch"):
            switch_of(code)
