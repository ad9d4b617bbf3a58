"""The readers of badges in a configuration: they come back as they were, and others are refused."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.uplink.badge_readers import (
    FRAME_BITS,
    KEYS,
    NOTATIONS,
    ReaderKind,
    ReaderSettings,
)
from quartier.formats.uplink.configuration import Configuration, decode, encode
from quartier.formats.uplink.strict import BadMessage
from quartier.protocols.rfid.wiegand import DATA_BITS
from quartier.protocols.rfid.writing import Notation

HTTP = ReaderSettings(
    "laundry",
    ReaderKind.HTTP,
    listen="192.168.1.10",
    port=8090,
    source="192.168.1.30",
    secret="correct-horse",
    card_field="card",
    keys_field="pin",
)
TCP = ReaderSettings(
    "bikes",
    ReaderKind.TCP,
    notation="decimal",
    keys="after",
    listen="::1",
    port=8091,
    source="10.0.0.0/24",
    template="{any},{card}",
    accepted="GREEN",
)
TYPING = ReaderSettings("door", ReaderKind.KEYBOARD, device="/dev/input/by-id/usb-a-event-kbd")
EMPTY = Configuration("linde-keller", 1, "Europe/Zurich", (), ())


def test_they_come_back_and_are_left_out_where_there_are_none():
    whole = replace(EMPTY, readers=(HTTP, TCP, TYPING))
    assert decode(encode(whole)) == whole
    assert b"readers" not in encode(EMPTY)


def test_the_words_are_those_that_the_gateway_reads():
    assert list(NOTATIONS) == [one.value for one in Notation]
    assert list(FRAME_BITS) == list(DATA_BITS)


def test_a_secret_is_in_no_log():
    assert "horse" not in f"{HTTP!r} {replace(EMPTY, readers=(HTTP,))!r}"


PORTS = st.integers(1024, 65535)


@given(
    st.sampled_from([HTTP, TCP, TYPING]),
    st.sampled_from(NOTATIONS),
    st.sampled_from(FRAME_BITS[:3]),
    st.booleans(),
    st.sampled_from(KEYS),
    PORTS,
)
def test_any_reader_comes_back(one, notation, bits, is_reversed, keys, port):
    one = replace(one, notation=notation, bits=bits, is_reversed=is_reversed, keys=keys)
    whole = replace(EMPTY, readers=(replace(one, port=port) if one.port else one,))
    assert decode(encode(whole)) == whole


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        (replace(HTTP, source="", secret=""), "source or a secret"),
        (replace(HTTP, secret="short"), "secret is not"),
        (replace(HTTP, secret="a b c d e f"), "secret is not"),
        (replace(HTTP, source="laundry.local"), "no network address"),
        (replace(HTTP, listen=""), "no network address"),
        (replace(HTTP, port=80), "port"),
        (replace(HTTP, keys_field="card"), "the same name"),
        (replace(HTTP, card_field="key"), "the same name"),
        (replace(HTTP, card_field="a b"), "name of a field"),
        (replace(HTTP, bits=35), "no frame"),
        (replace(HTTP, notation="facility_card", bits=58), "no frame"),
        (replace(HTTP, notation="octal"), "notation"),
        (replace(HTTP, keys_s=0), "keys_s"),
        (replace(TCP, source=""), "needs a source"),
        (replace(TCP, template="{keys}"), "has not one {card}"),
        (replace(TCP, template="{any}{any}{any}{card}"), "too many places"),
        (replace(TCP, template="№{card}"), "ASCII"),
        (replace(TYPING, device="/dev/input/../sda"), "no input|not an input"),
        (replace(TYPING, device="/dev/sda"), "not an input"),
        (replace(TYPING, name="a b"), "name"),
    ],
)
def test_what_is_no_reader_is_refused(reader, said):
    with pytest.raises(BadMessage, match=said):
        encode(replace(EMPTY, readers=(reader,)))


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (HTTP, replace(TCP, name="laundry"), "two readers called laundry"),
        (HTTP, replace(TCP, port=8090), "over port 8090"),
        (TYPING, replace(TYPING, name="other"), "over /dev/input"),
    ],
)
def test_two_readers_that_cannot_be(first, second, said):
    with pytest.raises(BadMessage, match=said):
        encode(replace(EMPTY, readers=(first, second)))


@pytest.mark.parametrize("extra", [{"device": "/dev/input/event0"}, {"colour": "red"}])
def test_a_field_of_another_kind_is_refused(extra):
    content = json.loads(encode(replace(EMPTY, readers=(HTTP,))))
    content["readers"][0] |= extra
    with pytest.raises(BadMessage, match="not known"):
        decode(json.dumps(content).encode())


@given(st.recursive(st.none() | st.integers() | st.text(max_size=9), st.lists, max_leaves=5))
def test_anything_else_is_refused(value):
    content = json.loads(encode(EMPTY)) | {"readers": value}
    if value == []:
        return
    with pytest.raises(BadMessage):
        decode(json.dumps(content).encode())
