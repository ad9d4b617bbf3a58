"""Events of Linux' input layer, made here from its headers, and what they type."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from quartier.protocols.rfid.keyboard import EVENT, Typed
from tests.protocols.rfid.strokes import DROPPED, event, presses


def test_a_struct_is_two_words_and_eight_bytes():
    assert EVENT.size == struct.calcsize("@ll") + 8


def test_a_badge_and_enter():
    assert Typed().feed(presses("04a1b2c3\n")) == "04A1B2C3\n"


def test_signs_that_need_shift():
    assert Typed().feed(presses("12#*0x04:A1")) == "12#*0X04:A1"


def test_a_key_that_is_held_types_once():
    assert Typed().feed(event(1, 2, 1) + event(1, 2, 2) * 5 + event(1, 2, 0)) == "1"


def test_a_key_that_no_badge_has_spoils_the_line():
    assert Typed().feed(presses("12") + event(1, 16, 1) + presses("3")) == "12?3"


def test_a_line_of_which_the_kernel_dropped_a_part_is_spoiled_and_the_next_is_whole():
    assert Typed().feed(presses("04a1") + DROPPED + presses("c3\n12\n")) == "04A1?\n12\n"


@given(st.lists(st.integers(1, 60), max_size=6))
def test_pieces_of_any_size_type_the_same(cuts):
    data, typed, said = presses("04a1#b2c3\n"), Typed(), ""
    for cut in cuts:
        said, data = said + typed.feed(data[:cut]), data[cut:]
    assert said + typed.feed(data) == "04A1#B2C3\n"


@given(st.binary(max_size=300))
def test_any_bytes_type_something(data):
    assert set(Typed().feed(data)) <= set("0123456789ABCDEFX-;,./ *#:?\n")
