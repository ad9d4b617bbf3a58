"""The charging stations of a configuration: there and back, and refused by place."""

import copy
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.uplink.configuration import decode, encode
from quartier.formats.uplink.stations import Charging, StationSettings
from quartier.formats.uplink.strict import BadMessage
from quartier.gateway.surplus.charging import SteeredStations
from tests.formats.uplink.test_appliances import HOUSE
from tests.formats.uplink.test_configuration import NAMES

LEFT = StationSettings("car-left", "TACW1", tags=("04A1B2C3",), priority=2)
RIGHT = StationSettings("car-right", "TACW2", phases=1, fallback_a=0, password_sha256="0" * 64)
GARAGE = replace(HOUSE, charging=Charging((LEFT, RIGHT)))
IDENTITIES = st.from_regex(r"\A[0-9A-Za-z*\-_=:+|@.]{1,48}\Z")


@st.composite
def stations(draw):
    lowest, highest = sorted(draw(st.lists(st.integers(6, 125), min_size=2, max_size=2)))
    return StationSettings(
        draw(NAMES),
        draw(IDENTITIES),
        draw(st.integers(1, 3)),
        lowest,
        highest,
        draw(st.just(0) | st.integers(lowest, highest)),
        draw(st.booleans()),
        draw(st.booleans()),
        tuple(sorted(draw(st.sets(st.from_regex(r"\A[0-9A-F]{8}\Z"), max_size=3)))),
        draw(st.just("") | st.from_regex(r"\A[0-9a-f]{64}\Z")),
        draw(st.none() | st.integers(0, 999)),
        draw(st.integers(0, 86_400)),
        draw(st.integers(0, 86_400)),
    )


@given(
    st.lists(
        stations(), min_size=1, max_size=4, unique_by=(lambda a: a.name, lambda a: a.identity)
    ),
    st.integers(1024, 65535),
)
def test_it_comes_back_as_it_was_and_can_be_steered(listed, port):
    charging = Charging(tuple(listed), port)
    configuration = replace(HOUSE, surplus=None, charging=charging)
    assert decode(encode(configuration)) == configuration
    steered = SteeredStations(listed, object(), lambda _name, _findings: None)
    assert {one.name for one in steered.consumers} == {
        one.name for one in listed if one.follows_sun
    }


def test_where_there_is_none_an_older_gateway_can_read_it():
    assert "charging" not in json.loads(encode(HOUSE))


def test_what_opens_a_station_stays_out_of_logs():
    assert "04A1" not in repr(GARAGE)
    assert "000" not in repr(RIGHT)


BAD = [
    (("stations",), [], "there is no station"),
    (("port",), 80, "port is not a whole number from 1024"),
    (("stations", 0, "name"), "boiler", "two appliances or stations called boiler"),
    (("stations", 1, "name"), "car-left", "two appliances or stations called car-left"),
    (("stations", 1, "identity"), "TACW1", "two stations have the same identity"),
    (("stations", 0, "identity"), "a/b", "station 1: identity is not an OCPP identity"),
    (("stations", 0, "phases"), 4, "station 1: phases"),
    (("stations", 0, "min_a"), 5, "station 1: min_a"),
    (("stations", 0, "min_a"), 17, "station 1: min_a is more than max_a"),
    (("stations", 0, "fallback_a"), 3, "station 1: min_a is more than max_a or fallback_a"),
    (("stations", 0, "fallback_a"), 17, "station 1: fallback_a is more than max_a"),
    (("stations", 0, "tags"), ["B", "A"], "station 1: tags are not"),
    (("stations", 0, "tags"), [1], "station 1: tags are not"),
    (("stations", 0, "tags"), "A", "station 1: tags are not"),
    (("stations", 0, "password_sha256"), "secret", "station 1: password_sha256 is not 64"),
    (("stations", 0, "is_free"), "yes", "station 1: is_free is not true or false"),
    (("stations", 0, "evse"), 1, "field 'evse' that is not known"),
    ((), [], "charging is not an object"),
]


@pytest.mark.parametrize(("path", "value", "says"), BAD)
def test_what_is_none_is_refused_with_its_place(path, value, says):
    content = copy.deepcopy(json.loads(encode(GARAGE)))
    place, path = content, ("charging", *path)
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(BadMessage) as problem:
        decode(json.dumps(content).encode())
    assert says in str(problem.value)
