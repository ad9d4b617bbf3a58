"""Whole Wh on lines: near their exact quantity, agreeing with each other, adding up to the site."""

import itertools
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.core.kernel.period import Dates
from quartier.core.rating.whole import Share, whole_wh
from tests.counts import examples

Q1 = Dates(date(2026, 1, 1), date(2026, 4, 1))
ONE, SLOTS = [[1]], [[1, 0], [0, 1], [1, 1]]
CROSSING = [[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1]]


def share(exact_mwh, lines, *, first=0, dates=Q1, solution="electricity"):
    exact = np.array(exact_mwh, dtype=np.int64)
    numbers = np.arange(first, first + len(exact))
    parts = tuple(bytes([number]) for number in range(exact.shape[1]))
    return Share(solution, dates, numbers, parts, np.array(lines, dtype=bool), exact)


def tables(columns):
    row = st.lists(st.integers(0, 9999), min_size=columns, max_size=columns)
    return st.lists(row, min_size=1, max_size=12)


@pytest.mark.parametrize("lines", [ONE, SLOTS, CROSSING])
@settings(max_examples=examples(25), deadline=None)
@given(data=st.data(), first_slot=st.integers(0, 10**6))
def test_lines_are_near_and_agree_and_add_up(lines, data, first_slot):
    exact = np.array(data.draw(tables(len(lines[0]))))
    (whole,) = whole_wh([share(exact, lines)], first_slot)
    for line in np.array(lines):
        assert (np.abs(whole @ line * 1000 - exact @ line) < 1000).all()
    assert int(whole.sum()) == (int(exact.sum()) + 500) // 1000
    assert (whole[exact % 1000 == 0] == exact[exact % 1000 == 0] // 1000).all()


@settings(max_examples=examples(25), deadline=None)
@given(exact=tables(2), first_slot=st.integers(0, 9))
def test_time_slots_of_all_participants_add_up(exact, first_slot):
    (whole,) = whole_wh([share(exact, SLOTS)], first_slot)
    assert (np.abs(whole.sum(axis=0) * 1000 - np.sum(exact, axis=0)) < 1000 + 2 * len(exact)).all()


def test_of_many_participants_the_time_slots_add_up_to_the_wh():
    random = np.random.default_rng(5)
    exact = random.integers(0, 10**7, size=(200, 2))
    (whole,) = whole_wh([share(exact, SLOTS)], 3)
    assert (np.abs(whole.sum(axis=0) * 1000 - exact.sum(axis=0)) < 1000).all()


def test_the_largest_remainders_get_the_rest():
    exact = [[1100], [1900], [1600], [1400]]
    (whole,) = whole_wh([share(exact, ONE)], 0)
    assert whole.tolist() == [[1], [2], [2], [1]]


def test_a_household_is_spread_by_its_own_remainders():
    """Rounded a slot at a time, this household would be 1.2 Wh from its exact total."""
    (whole,) = whole_wh([share([[1400, 1400], [1600, 1600]], SLOTS)], 0)
    assert whole.sum(axis=1).tolist() == [3, 3]


def test_equal_remainders_take_turns():
    got = {
        tuple(whole_wh([share([[500], [500], [500], [500]], ONE)], slot)[0].ravel())
        for slot in range(4)
    }
    assert len(got) == 4
    assert all(sum(one) == 2 for one in got)


def test_others_with_another_plan_are_rounded_together():
    flat = share([[400], [300]], ONE, first=1)
    timed = share([[250, 250]], SLOTS)
    whole = whole_wh([flat, timed], 0)
    # 1.2 Wh in all: one Wh, to the household with the largest remainder.
    assert [one.sum(axis=1).tolist() for one in whole] == [[0, 0], [1]]


def test_parts_of_the_period_add_up_to_the_site():
    days = [Q1.from_date, date(2026, 2, 1), date(2026, 3, 1), Q1.to_date]
    shares = [
        share([[400]], ONE, dates=Dates(first, end)) for first, end in itertools.pairwise(days)
    ]
    assert sum(int(one.sum()) for one in whole_wh(shares, 0)) == 1


@settings(max_examples=examples(20), deadline=None)
@given(exact=tables(9))
def test_many_parts_keep_the_households_total(exact):
    lines = np.vstack([np.eye(9), np.ones(9)])
    (whole,) = whole_wh([share(exact, lines)], 0)
    floor = np.array(exact) // 1000
    assert ((whole == floor) | (whole == floor + 1)).all()
    off = np.abs(whole.sum(axis=1) * 1000 - np.sum(exact, axis=1))
    assert (off < 1000).all()
    assert int(whole.sum()) == (int(np.sum(exact)) + 500) // 1000


def test_three_crossings_without_solution_keep_the_total():
    """Each pair of parts is a line: no rounding is within 1 Wh on all of them."""
    lines = [[1, 1, 0], [0, 1, 1], [1, 0, 1], [1, 1, 1]]
    (whole,) = whole_wh([share([[500, 500, 500]], lines)], 0)
    assert whole.sum() in (1, 2)


def test_nobody_has_nothing():
    empty = share(np.zeros((0, 2)), SLOTS)
    (whole,) = whole_wh([empty], 0)
    assert whole.shape == (0, 2)
