"""Bits of wall readers: cards of 26 and 34 bits, keys of 4 and 8."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.protocols.rfid.wiegand import BadBits, Card, Key, decode


def framed(data, size):
    """The frame of ``data``, made by hand: parity, data, parity."""
    bits = [int(one) for one in f"{data:0{size}b}"]
    first, second = bits[: size // 2], bits[size // 2 :]
    return [sum(first) % 2, *bits, 1 - sum(second) % 2]


def test_a_card_of_26_bits():
    # Facility 57, card 12345, as printed on many badges.
    card = decode([int(bit) for bit in "00011100100110000001110011"])
    assert card == Card(57 << 16 | 12345, 24)
    assert card.hex == "393039"
    assert not card.is_whole


@given(st.integers(0, 2**56 - 1), st.sampled_from([24, 32, 56]))
def test_what_was_framed_comes_back(data, size):
    data &= (1 << size) - 1
    assert decode(framed(data, size)) == Card(data, size)


def test_a_card_of_37_bits_has_both_parities_over_the_middle_bit():
    data = 0b00000000000000001_1_00000000000000001
    bits = [int(bit) for bit in f"{data:035b}"]
    frame = [sum(bits[:18]) % 2, *bits, 1 - sum(bits[17:]) % 2]
    assert decode(frame) == Card(data, 35)
    assert Card(data, 35).hex == "000060001"
    assert not Card(data, 35).is_whole


@given(st.integers(0, 2**32 - 1), st.integers(0, 33))
def test_one_wrong_bit_is_noticed(data, place):
    bits = framed(data, 32)
    bits[place] ^= 1
    with pytest.raises(BadBits, match="D0 and D1"):
        decode(bits)


@pytest.mark.parametrize(
    ("bits", "key"),
    [("0000", "0"), ("1001", "9"), ("1010", "*"), ("1011", "#"), ("11100001", "1")],
)
def test_keys(bits, key):
    assert decode([int(bit) for bit in bits]) == Key(key)


@pytest.mark.parametrize("bits", ["", "1", "1100", "00010001", "1" * 25, "1" * 33, "1" * 5000])
def test_what_is_no_frame_is_refused(bits):
    with pytest.raises(BadBits):
        decode([int(bit) for bit in bits])


@given(st.lists(st.integers(-1, 2), max_size=40))
def test_any_bits_are_a_card_a_key_or_refused(bits):
    try:
        found = decode(bits)
    except BadBits:
        return
    assert isinstance(found, Card | Key)
    assert len(bits) in {4, 8, 26, 34, 37, 58}
