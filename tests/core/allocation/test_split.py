"""Exact splits: the vectorized one against fractions, at all sizes."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.allocation import split as module
from quartier.core.allocation.split import first_of, split
from quartier.core.allocation.ties import tie_keys
from quartier.core.kernel.energy import POOL_LIMIT_MWH

LARGEST = 9 * 10**18


def reference(whole, weights, slot):
    """Largest remainder by fractions, ties by tie_keys."""
    total = sum(weights)
    if not whole:
        return [0] * len(weights)
    shares = [Fraction(whole * weight, total) for weight in weights]
    parts = [share.numerator // share.denominator for share in shares]
    ties = tie_keys(len(weights), np.array([slot]))[:, 0]
    order = sorted(range(len(weights)), key=lambda i: (shares[i] - parts[i], ties[i]))
    for i in order[len(order) - (whole - sum(parts)) :]:
        parts[i] += 1
    return parts


@st.composite
def problems(draw, limit):
    count = draw(st.integers(1, 8))
    length = draw(st.integers(1, 3))
    energy = st.integers(0, limit // count) | st.integers(0, 4) | st.just(limit // count)
    row = st.lists(energy, min_size=length, max_size=length)
    weights = draw(st.lists(row, min_size=count, max_size=count))
    totals = [sum(column) for column in zip(*weights, strict=True)]
    whole = [draw(st.integers(0, total)) for total in totals]
    return whole, weights, draw(st.integers(0, 10**7))


@pytest.mark.parametrize("limit", [20, 10**6, POOL_LIMIT_MWH - 1, 2 * POOL_LIMIT_MWH, LARGEST])
@given(data=st.data())
def test_the_same_as_with_fractions(limit, data):
    whole, weights, first = data.draw(problems(limit))
    slots = np.arange(first, first + len(whole))
    parts = split(np.array(whole), np.array(weights), slots)
    assert parts.dtype == np.int64
    for at in range(len(whole)):
        column = [row[at] for row in weights]
        assert parts[:, at].tolist() == reference(whole[at], column, first + at)
        assert int(parts[:, at].sum()) == whole[at]
        assert all(0 <= part <= weight for part, weight in zip(parts[:, at], column, strict=True))


@pytest.mark.parametrize("count", [2, 50, 333])
def test_both_ways_agree_near_the_limit(count, monkeypatch):
    """The same interval by products in int64 and by Python's integers."""
    generator = np.random.default_rng(count)
    weights = generator.integers(0, POOL_LIMIT_MWH // count, (count, 40))
    weights[:, :10] = POOL_LIMIT_MWH // count  # nothing but ties
    whole = (weights.sum(axis=0) * generator.random(40)).astype(np.int64)
    whole[-1] = weights[:, -1].sum()
    slots = np.arange(40)
    fast = split(whole, weights, slots)
    monkeypatch.setattr(module, "POOL_LIMIT_MWH", 0)
    assert np.array_equal(fast, split(whole, weights, slots))


def test_blocks_do_not_matter(monkeypatch):
    generator = np.random.default_rng(3)
    weights = generator.integers(0, 10**6, (9, 5_000))
    whole = weights.sum(axis=0) // 3
    slots = np.arange(5_000)
    parts = split(whole, weights, slots)
    monkeypatch.setattr(module, "_BLOCK_CELLS", 1)
    assert np.array_equal(parts, split(whole, weights, slots))
    turned = np.asfortranarray(weights)
    assert np.array_equal(parts, split(whole, turned, slots))


def test_nobody_and_nothing():
    assert split(np.zeros(3, np.int64), np.zeros((0, 3), np.int64), np.arange(3)).shape == (0, 3)
    empty = np.zeros(0, np.int64)
    assert split(empty, np.zeros((2, 0), np.int64), empty).shape == (2, 0)
    with pytest.raises(AssertionError):
        split(np.array([1]), np.array([[0], [0]]), np.array([0]))


@given(st.data(), st.integers(1, 20), st.integers(1, 5))
def test_first_of_takes_exactly_the_wanted(data, count, length):
    keys = tie_keys(count, np.arange(length))
    before = keys.copy()
    wanted = data.draw(st.lists(st.integers(0, count), min_size=length, max_size=length))
    chosen = first_of(keys, np.array(wanted))
    assert chosen.sum(axis=0).tolist() == wanted
    assert np.array_equal(keys, before)
    for at in range(length):
        taken, left = keys[chosen[:, at], at], keys[~chosen[:, at], at]
        assert not taken.size or not left.size or taken.min() > left.max()
