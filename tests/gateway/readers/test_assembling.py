"""Which keys belong to which badge, and a badge that is only held longer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.gateway.readers.assembling import Assembler

A, B = "04A1B2C3", "04112233445566"


def played(keys, *events, keys_s=10, repeat_s=3):
    """What comes of ``events``: (second, badge or keys)."""
    assembler, done = Assembler(keys, keys_s, repeat_s), []
    for now_s, what in events:
        is_card = what in (A, B)
        done += assembler.card(what, "", now_s) if is_card else assembler.key(what, now_s)
    end_s = events[-1][0] + 1000
    return done + assembler.tick(end_s)


@pytest.mark.parametrize(
    ("keys", "events", "expected"),
    [
        ("none", [(0, A), (1, "5#"), (5, B)], [(A, ""), (B, "")]),
        ("before", [(0, "1"), (1, "2"), (2, "#"), (3, A)], [(A, "12")]),
        ("before", [(0, "1"), (1, "*2"), (3, A), (9, B)], [(A, "2"), (B, "")]),
        ("before", [(0, "12"), (11, A)], [(A, "")]),
        ("after", [(0, A), (1, "1"), (2, "2"), (3, "#")], [(A, "12")]),
        ("after", [(0, A), (1, "1"), (2, "*"), (3, "7#"), (4, "8#")], [(A, "7")]),
        ("after", [(0, A), (1, "12")], [(A, "12")]),
        ("after", [(0, A)], [(A, "")]),
        ("after", [(0, A), (1, B), (2, "3#")], [(A, ""), (B, "3")]),
        ("after", [(0, A), (1, A), (2, "3#")], [(A, "3")]),
        ("after", [(0, "12#"), (1, A), (2, "3#")], [(A, "3")]),
        ("after", [(0, A), (11, "3#"), (12, B), (13, "4#")], [(A, ""), (B, "4")]),
        ("after", [(0, A), (1, "12345678901234#")], [(A, "12345678")]),
    ],
)
def test_badges_and_keys(keys, events, expected):
    assert played(keys, *events) == expected


def test_a_badge_that_is_held_is_one():
    held = [(second / 2, A) for second in range(20)]
    assert played("none", *held, (14, A)) == [(A, ""), (A, "")]
    assert played("none", (0, A), (0, A), repeat_s=0) == [(A, ""), (A, "")]


def test_two_badges_in_turn_are_no_repeats():
    assert played("none", (0, A), (1, B), (2, A)) == [(A, ""), (B, ""), (A, "")]


def test_keys_that_came_with_the_badge():
    assert Assembler("after", 10, 3).card(A, "4#", 0) == [(A, "4")]


EVENTS = st.lists(
    st.tuples(st.floats(0, 30), st.sampled_from([A, B]) | st.text("0123456789*#", max_size=3)),
    min_size=1,
    max_size=20,
)


@given(st.sampled_from(["none", "before", "after"]), EVENTS)
def test_each_badge_that_is_not_held_comes_once_and_nothing_else(keys, events):
    now_s, timed = 0.0, []
    for pause_s, what in events:
        now_s += pause_s
        timed.append((now_s, what))
    done = played(keys, *timed, repeat_s=0)
    cards = [what for _, what in timed if len(what) >= 8]
    merged = [number for number, _ in done]
    assert merged == cards
    assert all(one.isdecimal() or not one for _, one in done)
