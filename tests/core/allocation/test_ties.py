"""Ties turn: nobody is preferred, in any set of intervals that recurs."""

from itertools import combinations

import numpy as np
import pytest

from quartier.core.allocation.ties import position_multiplier, tie_keys

FIRST = 1_994_000


@pytest.mark.parametrize("count", [1, 2, 96, 5_000])
def test_keys_differ_within_an_interval(count):
    keys = tie_keys(count, np.array([0, 1, 95, 96, FIRST, -1, 2**62]))
    for at in range(keys.shape[1]):
        assert np.unique(keys[:, at]).size == count


def test_positions_have_numbers_of_their_own():
    assert np.unique(position_multiplier(300_000)).size == 300_000


@pytest.mark.parametrize("every", [1, 4, 96, 672, 97, 2**16])
def test_of_two_each_comes_first_half_the_time(every):
    """Also if only one quarter-hour of every day (or week) is tied. 9 standard deviations."""
    slots = FIRST + every * np.arange(8_832)
    keys = tie_keys(96, slots)
    for a, b in combinations(range(96), 2):
        assert abs((keys[a] > keys[b]).mean() - 0.5) < 9 * 0.5 / np.sqrt(slots.size)


def test_of_three_each_comes_first_a_third_of_the_time():
    """A cyclic turn, and also an arithmetic one, prefers those at the ends."""
    keys = tie_keys(14, np.arange(FIRST, FIRST + 10_000))
    for three in combinations(range(14), 3):
        counts = np.bincount(keys[list(three)].argmax(axis=0), minlength=3)
        assert np.all(np.abs(counts / 10_000 - 1 / 3) < 9 * 0.4714 / 100)


def test_the_order_is_the_same_on_every_machine():
    """Frozen: another order would change allocations that were billed."""
    assert tie_keys(3, np.array([0, 1_994_000])).tolist() == FROZEN


FROZEN = [[36256731, 3761453393], [3012910283, 1133971489], [1764234349, 11465095]]
