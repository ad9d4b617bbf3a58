"""A configuration comes back as it was; whatever is not one is refused with its place."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.uplink.configuration import (
    MOST_BYTES,
    MOST_METERS,
    PARITIES,
    BusKind,
    BusSettings,
    Configuration,
    MeterSettings,
    Plan,
    decode,
    encode,
)
from quartier.formats.uplink.strict import BadMessage

NAMES = st.from_regex(r"[0-9A-Za-z][0-9A-Za-z._:*\-]{0,20}", fullmatch=True)
WORDS = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
INSTANTS = st.datetimes(datetime(1971, 1, 2), datetime(2099, 12, 30), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
LINES = st.text(max_size=63).filter(str.isprintable)

LINDE = Configuration(
    "linde-keller",
    17,
    "Europe/Zurich",
    (
        BusSettings("rs485-1", BusKind.MODBUS_RTU_TCP, "192.168.1.20", 502, pause_ms=20),
        BusSettings(
            "heat",
            BusKind.MBUS_SERIAL,
            device="/dev/ttyUSB0",
            baud=2400,
            parity="even",
            stop_bits=1,
        ),
    ),
    (
        MeterSettings(
            "w001", "rs485-1", "eastron_sdm630", "SDM630-Modbus", "11", "", Plan.QUARTER_HOUR
        ),
        MeterSettings("h001", "heat", "mbus", "", "12345678FFFFFFFF", "12345678", Plan.DAY),
    ),
)


@st.composite
def configurations(draw):
    buses = []
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        kind = draw(st.sampled_from(BusKind))
        times = {
            "timeout_ms": draw(st.integers(50, 60_000)),
            "pause_ms": draw(st.integers(0, 10_000)),
        }
        if kind.is_serial:
            line = draw(st.integers(300, 921_600)), draw(st.sampled_from(PARITIES))
            buses.append(BusSettings(name, kind, "", 0, "/dev/ttyS1", *line, 2, **times))
        else:
            buses.append(BusSettings(name, kind, "10.0.0.7", draw(st.integers(1, 65535)), **times))
    meters = [
        MeterSettings(
            name,
            bus.name,
            draw(WORDS),
            draw(LINES),
            str(draw(st.integers(0, 7) if bus.kind is BusKind.SHELLY else st.integers(1, 247))),
            draw(LINES),
            draw(st.sampled_from(Plan)),
            draw(st.dictionaries(WORDS, LINES, max_size=3)),
        )
        for name in draw(st.lists(NAMES, max_size=3 if buses else 0, unique=True))
        for bus in [draw(st.sampled_from(buses))]
    ]
    number = draw(st.integers(1, 1 << 40))
    return Configuration(
        draw(NAMES),
        number,
        "Europe/Zurich",
        tuple(buses),
        tuple(meters),
        draw(st.integers(10, 900)),
        draw(st.none() | INSTANTS),
    )


@given(configurations())
def test_it_comes_back_as_it_was(configuration):
    data = encode(configuration)
    assert decode(data) == configuration
    assert encode(decode(data)) == data


def test_fields_that_a_kind_does_not_use_are_left_out():
    by_name = {bus["name"]: bus for bus in json.loads(encode(LINDE))["buses"]}
    assert by_name["rs485-1"].keys() == {"name", "kind", "timeout_ms", "pause_ms", "host", "port"}
    assert by_name["heat"].keys() == {
        *("name", "kind", "timeout_ms", "pause_ms", "device", "baud", "parity", "stop_bits")
    }


def test_without_an_inspection_a_gateway_that_knows_none_can_read_it():
    assert "inspect_until_ms" not in json.loads(encode(LINDE))
    asked = replace(LINDE, inspect_until=datetime(2026, 11, 23, 8, tzinfo=UTC))
    assert json.loads(encode(asked))["inspect_until_ms"] == 1_795_420_800_000


def changed(path, value):
    content = json.loads(encode(LINDE))
    place = content
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (["version"], 2, "version 2 is not known"),
        (["version"], True, "version True is not known"),
        (["color"], "red", "it has a field 'color' that is not known"),
        (["number"], 0, "number is not a whole number from 1"),
        (["number"], 1.5, "1.5 is not a whole number"),
        (["number"], None, "it has no number"),
        (["inspect_until_ms"], 5, "inspect_until_ms is no time from 1971"),
        (["inspect_until_ms"], "2026", "inspect_until_ms is no time"),
        (["timezone"], "../../etc/passwd", "timezone is not"),
        (["power_every_s"], 1, "power_every_s is not a whole number from 10 to 900"),
        (["buses"], {}, "buses is not a list of at most 64"),
        (["buses", 0], 3, "bus 1 is not an object"),
        (["buses", 0, "kind"], "profibus", "bus 1: kind is none of"),
        (["buses", 0, "kind"], ["modbus_tcp"], "bus 1: kind is none of"),
        (["buses", 0, "host"], "http://x/", "bus 1: host is not a host"),
        (["buses", 0, "port"], 70000, "bus 1: port"),
        (["buses", 0, "baud"], 9600, "bus 1 has a field 'baud' that is not known"),
        (["buses", 0, "name"], "heat", "two bus entries called heat"),
        (["buses", 1, "device"], "/dev/../etc/shadow", "bus 2: device"),
        (["buses", 1, "device"], "/etc/shadow", "bus 2: device"),
        (["buses", 1, "parity"], "E", "bus 2: parity is none of none, even, odd"),
        (["meters", 0, "bus"], "cellar", "meter 1: there is no bus cellar"),
        (["meters", 0, "address"], "248", "meter 1: address is not an address from 1 to 247"),
        (["meters", 0, "address"], 11, "meter 1: address is not"),
        (["buses", 0, "kind"], "shelly", "meter 1: address is not a channel from 0 to 7"),
        (["meters", 1, "address"], "251", "meter 2: address is not"),
        (["meters", 0, "plan"], "hour", "meter 1: plan is none of"),
        (["meters", 0, "driver"], "../evil", "meter 1: driver"),
        (["meters", 0, "settings"], [], "meter 1: settings"),
        (["meters", 0, "settings"], {"a b": "1"}, "'a b' is not the name of a setting"),
        (["meters", 0, "settings"], {"a": 1}, "meter 1, settings: a is not a text"),
        (["meters", 0, "name"], "h001", "two meter entries called h001"),
    ],
)
def test_what_is_none_is_refused_with_its_place(path, value, says):
    with pytest.raises(BadMessage) as refused:
        decode(changed(path, value))
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is not JSON"),
        (b"[]", "it is not an object"),
        (b"\xff\xfe", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b'{"version":' + b"9" * 5000 + b"}", "it is not JSON"),
        (b'{"version":1,"version":1}', "a field stands twice"),
        (b"NaN", "NaN is not a whole number"),
        (b" " * (MOST_BYTES + 1), "bytes are more than"),
    ],
)
def test_hostile_bytes_are_refused(data, says):
    with pytest.raises(BadMessage, match=says):
        decode(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    with pytest.raises(BadMessage):
        decode(data)


def test_too_many_meters_are_refused():
    one = LINDE.meters[0]
    meters = tuple(replace(one, name=f"w{n}") for n in range(MOST_METERS + 1))
    with pytest.raises(BadMessage, match=f"meters is not a list of at most {MOST_METERS}"):
        encode(replace(LINDE, meters=meters))
