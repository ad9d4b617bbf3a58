"""The version that a gateway is to run, as the configuration says it."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.uplink.configuration import decode, encode
from quartier.formats.uplink.software import MOST_BYTES, Software
from quartier.formats.uplink.strict import BadMessage
from tests.formats.uplink.test_configuration import LINDE

HEX = "0123456789abcdef"
ASKED = Software("1.2.0", "ab" * 32, 570_000, "cd" * 64)


@given(
    st.builds(
        Software,
        st.from_regex(r"[0-9]{1,6}(\.[0-9]{1,6}){1,3}", fullmatch=True).filter(str.isascii),
        st.text(HEX, min_size=64, max_size=64),
        st.integers(1, MOST_BYTES),
        st.text(HEX, min_size=128, max_size=128),
        st.integers(1, 1 << 40),
    )
)
def test_it_comes_back_as_it_was(software):
    configuration = replace(LINDE, software=software)
    assert decode(encode(configuration)) == configuration


def test_where_nobody_asks_for_a_version_an_older_gateway_can_read_it():
    assert "software" not in json.loads(encode(LINDE))


def test_another_version_lets_the_meters_be_read_in_the_same_way():
    assert LINDE.reads_as(replace(LINDE, software=ASKED, number=99))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("version", "../1", "is not a version such as 1.2.0"),
        ("version", "1.0\n", "is not a version such as 1.2.0"),
        ("sha256", "AB" * 32, "is not a SHA-256"),
        ("signature", "", "is not a signature"),
        ("size", MOST_BYTES + 1, "is not a whole number from 1"),
        ("size", 0, "is not a whole number from 1"),
        ("attempt", 0, "is not a whole number from 1"),
    ],
)
def test_what_is_none_is_refused_with_its_place(field, value, says):
    content = json.loads(encode(replace(LINDE, software=ASKED)))
    content["software"][field] = value
    with pytest.raises(BadMessage) as problem:
        decode(json.dumps(content).encode())
    assert f"software: {field} {says}" in str(problem.value)
