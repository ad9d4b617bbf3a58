"""Messages by mappings: what is understood, what is refused, and that nothing else happens."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import quartier.formats.mqtt_mapping as room
from quartier.formats.mqtt_mapping import BadMapping, BadMessage, read_mapping, translate

AT = datetime(2026, 11, 23, 10, 0, 3, tzinfo=UTC)
PRESETS = {one.stem: one.read_text() for one in Path(room.__path__[0], "presets").glob("*.json")}


def told(preset, topic, payload, at=AT):
    found = translate(read_mapping(PRESETS[preset]), topic, payload, at)
    return [(one.meter, str(one.obis), one.unit, one.at, one.value) for one in found]


def changed(**more):
    content = json.loads(PRESETS["fields"]) | more
    return json.dumps({name: value for name, value in content.items() if value is not None})


def test_a_number_is_the_register_of_the_meter_in_its_topic():
    assert told("number", "building/w001/energy", b" 1234.567\n") == [
        ("w001", "1-1:1.8.0", "Wh", AT, Decimal("1234567.000"))
    ]


def test_fields_are_found_by_name_and_keep_every_digit():
    payload = (
        b'{"time": "2026-11-23T11:00:00+01:00", "energy_import": 8123.456789012,'
        b' "energy_export": "44.5", "power": -750.5, "more": [1]}'
    )
    at = datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert told("fields", "building/w7/state", payload) == [
        ("w7", "1-1:1.8.0", "Wh", at, Decimal("8123456.789012000")),
        ("w7", "1-1:2.8.0", "Wh", at, Decimal("44500.0")),
        ("w7", "1-1:16.7.0", "W", at, Decimal("-750.5")),
    ]


def test_a_list_in_a_text_and_another_name_of_the_meter():
    payload = b'{"server_name": "SDM630 flat 1", "timestamp": 1795428000, "data": "[1649.5]"}'
    assert told("teltonika", "teltonika/rut/modbus", payload) == [
        ("w001", "1-1:1.8.0", "Wh", datetime(2026, 11, 23, 10, tzinfo=UTC), Decimal("1649500.0"))
    ]


def test_rows_of_a_list_each_name_their_meter():
    mapping = read_mapping(
        changed(
            topic="site/all",
            meter="w{id}",
            rows="data.meters",
            time="epoch_ms",
            time_path="t",
            values=[{"path": "v.0", "obis": "8-0:1.0.0", "unit": "m3"}],
        )
    )
    payload = b'{"data": {"meters": [{"id": 1, "t": 1795428000000, "v": "[1.5, 2]"},'
    payload += b' {"id": "2", "t": 1795428000000.0, "v": [0.001]}]}}'
    found = translate(mapping, "site/all", payload, AT)
    assert [(one.meter, one.value) for one in found] == [("w1", Decimal("1500")), ("w2", 1)]


def test_what_is_subscribed_to_has_a_plus_for_what_differs():
    assert read_mapping(PRESETS["number"]).topic == "building/+/energy"


BAD_MESSAGES = [
    ("building/w1/other", b"{}", "the topic is not one of the mapping"),
    ("building/w1/state/x", b"{}", "the topic is not one of the mapping"),
    ("building/w1/state", b"{", "not JSON"),
    ("building/w1/state", b"\xff", "not JSON"),
    ("building/w1/state", b'{"time": NaN}', "not JSON"),
    ("building/w1/state", b"[]", "there is no time"),
    ("building/w1/state", b'{"time": 5}', "time is not a time"),
    ("building/w1/state", b'{"time": "2026-11-23T11:00:00"}', "in which time zone"),
    ("building/w1/state", b'{"time": "1970-01-01T00:00:00Z"}', "from 2000 to 2099"),
    ("building/w1/state", b'{"time": "0001-01-01T00:00:00+14:00"}', "from 2000 to 2099"),
    ("building/w1/state", b'{"time": "9999-12-31T23:59:59-14:00"}', "from 2000 to 2099"),
    ("building/w 1/state", b"{}", "'w 1' is not the name of a meter"),
    ("building//state", b"{}", "is not the name of a meter"),
    ("building/w1/state", b'"' + b"x" * 70_000 + b'"', "more than 64 KiB"),
]
GOOD = {"time": "2026-11-23T10:00:00Z", "energy_import": 1, "energy_export": 1, "power": 1}
BAD_VALUES = [
    (None, "is not a number"),
    (True, "is not a number"),
    ("", "is not a number"),
    ("12 kWh", "is not a number"),
    ("nan", "no number that can be meant"),
    ("1e400", "no number that can be meant"),
    (-0.001, "below 0, and a counter never is"),
    ([5], "is not a number"),
    (10**30, "no number that can be meant"),
]


@pytest.mark.parametrize(("topic", "payload", "says"), BAD_MESSAGES)
def test_a_message_that_is_none_is_refused_with_its_place(topic, payload, says):
    with pytest.raises(BadMessage) as problem:
        told("fields", topic, payload)
    assert says in str(problem.value)


@pytest.mark.parametrize(("value", "says"), BAD_VALUES)
def test_a_value_that_is_none_lets_nothing_of_the_message_be_used(value, says):
    with pytest.raises(BadMessage) as problem:
        told("fields", "building/w1/state", json.dumps(GOOD | {"energy_export": value}).encode())
    assert str(problem.value).startswith("in the message energy_export ")
    assert says in str(problem.value)


BAD_MAPPINGS = [
    ("[]", "the mapping is not an object"),
    ('{"topic": "a",\n}', "not JSON at line 2"),
    (changed(topic=None), "the mapping lacks the field topic"),
    (changed(topic="a/#"), "'#' is no level"),
    (changed(topic="a/+/b"), "'+' is no level"),
    (changed(topic="{a}/{a}"), "a name twice"),
    (changed(topic="a//b"), "'' is no level"),
    (changed(topic="/".join("abcdefghijklmn")), "more than 12 levels"),
    (changed(payload="xml"), "payload is none of json, number"),
    (changed(values=[]), "values is not a list of 1 to 64"),
    (changed(values=[{"obis": "1-1:1.8.0", "unit": "J"}]), "value 1: unit is none of"),
    (changed(values=[{"obis": "energy", "unit": "Wh"}]), "value 1:"),
    (changed(values=[{"obis": "1-1:1.8.0", "unit": "Wh", "scale": 0}]), "scale is not"),
    (changed(values=[{"obis": "1-1:1.8.0", "unit": "Wh", "scale": "x"}]), "scale is not a number"),
    (changed(values=[{"obis": "1-1:1.8.0", "unit": "Wh", "path": "a..b"}]), "path is not a path"),
    (changed(values=[{"obis": "1-1:1.8.0", "unit": "Wh"}] * 2), "two have the same OBIS code"),
    (changed(payload="number"), "a payload that is a number has one value"),
    (changed(time="arrival"), "time_path is the place of the time"),
    (changed(time="iso", time_path=None), "time_path is the place of the time"),
    (changed(meters={"a": "not a name"}), "meters: 'a' has no name of a meter"),
    (changed(colour="red"), "a field 'colour' that no mapping knows"),
    (changed(meter="x" * 20_000), "longer than 16 KiB"),
]


@pytest.mark.parametrize(("text", "says"), BAD_MAPPINGS)
def test_a_mapping_that_is_none_is_refused_with_its_place(text, says):
    with pytest.raises(BadMapping) as problem:
        read_mapping(text)
    assert says in str(problem.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.text(max_size=200) | JSON.map(json.dumps))
def test_any_text_is_a_mapping_or_refused(text):
    try:
        read_mapping(text)
    except BadMapping:
        return
    raise AssertionError("nothing random is a mapping")


@given(
    st.sampled_from(sorted(PRESETS)),
    st.sampled_from(("building/w1/state", "building/w1/energy", "teltonika/r/modbus")) | st.text(),
    st.binary(max_size=60)
    | JSON.map(lambda one: json.dumps(one).encode())
    | st.fixed_dictionaries(dict.fromkeys((*GOOD, "server_name", "timestamp", "data"), JSON)).map(
        lambda one: json.dumps(one).encode()
    ),
)
def test_any_message_is_understood_or_refused(preset, topic, payload):
    try:
        found = told(preset, topic, payload)
    except BadMessage:
        return
    for _meter, _obis, unit, at, value in found:
        assert value.is_finite()
        assert unit == "W" or value >= 0
        assert at.tzinfo is not None
