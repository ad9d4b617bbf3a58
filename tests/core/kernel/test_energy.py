"""Integers, exact splits and carried remainders."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.energy import (
    Carry,
    NotEnergy,
    decimal_of,
    kwh_of_wh,
    largest_remainder,
    wh_of_kwh,
    whole_wh,
)


def test_ten_kwh_over_three_equal_parties():
    """Rules.md a.3 Rounding, [S27]."""
    assert sorted(largest_remainder(10_000, [1, 1, 1])) == [3333, 3333, 3334]


@given(
    st.integers(0, 10**12),
    st.lists(st.integers(0, 10**9), min_size=1, max_size=40).filter(any),
    st.integers(0, 10**7),
)
def test_the_parts_sum_to_the_whole_and_stay_within_one_of_their_share(whole, weights, first):
    parts = largest_remainder(whole, weights, first)
    assert sum(parts) == whole
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(whole * weight, total)) < 1
        if weight == 0:
            assert part == 0


@given(st.integers(2, 30), st.integers(1, 10**6))
def test_ties_rotate(count, whole):
    """Over as many intervals as there are parties, equals get exactly the same."""
    sums = [0] * count
    for slot in range(count):
        for i, part in enumerate(largest_remainder(whole, [7] * count, slot)):
            sums[i] += part
    assert set(sums) == {whole}


def test_nothing_can_be_split_over_nobody():
    assert largest_remainder(0, [0, 0]) == [0, 0]
    assert largest_remainder(0, []) == []
    with pytest.raises(NotEnergy):
        largest_remainder(1, [0, 0])


@given(st.lists(st.none() | st.decimals(-1000, 1000, places=7), max_size=300))
def test_a_finer_curve_carries_its_remainder(energies_kwh):
    whole = whole_wh(energies_kwh)
    exact = Decimal(0)
    given_out = 0
    for energy_kwh, energy_wh in zip(energies_kwh, whole, strict=True):
        assert (energy_kwh is None) == (energy_wh is None)
        if energy_kwh is not None:
            exact += energy_kwh * 1000
            given_out += energy_wh
            assert 0 <= exact - given_out < 1


@given(st.lists(st.fractions(0, 100), max_size=50))
def test_carry_loses_nothing(parts):
    carry, whole = Carry(), 0
    for part in parts:
        wh, carry = carry.take(part)
        whole += wh
    assert whole + carry.remainder_wh == sum(parts)


@pytest.mark.parametrize("bad", ["", "abc", "1,5", "NaN", "Infinity", "0x10"])
def test_what_is_not_a_number_is_refused(bad):
    with pytest.raises(NotEnergy):
        decimal_of(bad)


def test_floats_are_refused():
    with pytest.raises(NotEnergy, match="never floats"):
        decimal_of(0.1)  # type: ignore[arg-type]


def test_kwh_and_wh():
    assert wh_of_kwh("1.234") == 1234
    assert kwh_of_wh(1234) == Decimal("1.234")
    with pytest.raises(NotEnergy, match="finer than 1 Wh"):
        wh_of_kwh("1.2345")
