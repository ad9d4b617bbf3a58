"""The only place that rounds money."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.invoicing.rounding import (
    Rounding,
    cash_rounding,
    net_limit,
    net_price,
    rounded,
    spread,
    spread_table,
)
from quartier.core.invoicing.tax import with_vat

CENT = Decimal("0.01")
AMOUNTS = st.decimals(min_value=-10_000, max_value=10_000, places=7)
SECTIONS = st.sampled_from(["electricity", "charging", "water"])
GROUPS = st.sampled_from(["S8.1", "E", "S2.6"])


@given(AMOUNTS, st.sampled_from(list(Rounding)))
def test_a_credit_rounds_as_the_opposite_of_its_invoice(amount, mode):
    assert rounded(-amount, mode) == -rounded(amount, mode)


def test_zero_has_no_sign():
    assert str(rounded(Decimal("-0.001"))) == "0.00"


def test_cash_rounding_is_what_the_line_says():
    assert cash_rounding(Decimal("734.99")) == Decimal("0.01")
    assert cash_rounding(Decimal("734.97")) == Decimal("-0.02")
    assert cash_rounding(Decimal("10.00")) == 0


@given(st.lists(AMOUNTS, min_size=1, max_size=12))
def test_spread_cents_add_up_and_stay_beside_their_amounts(amounts):
    whole = rounded(sum(amounts, Decimal(0)))
    cents = spread(amounts, whole)
    assert sum(cents) == whole
    for exact, cent in zip(amounts, cents, strict=True):
        floor = exact.quantize(CENT, ROUND_FLOOR)
        assert floor <= cent <= exact.quantize(CENT, ROUND_CEILING)


def test_the_largest_fractions_get_the_cents():
    thirds = [Decimal("3.333"), Decimal("3.333"), Decimal("3.334")]
    assert spread(thirds, Decimal("10.00")) == [Decimal("3.33"), Decimal("3.33"), Decimal("3.34")]
    assert spread([Decimal("-0.004"), Decimal("0.009")], Decimal("0.01")) == [0, CENT]


def test_spread_over_more_than_a_cent_moves_all():
    assert spread([Decimal(1), Decimal(2)], Decimal("3.05")) == [Decimal("1.03"), Decimal("2.02")]
    assert spread([Decimal(1), Decimal(2)], Decimal("2.99")) == [Decimal("1.00"), Decimal("1.99")]


@given(st.lists(st.tuples(SECTIONS, GROUPS, AMOUNTS), min_size=1, max_size=14))
def test_a_table_adds_up_to_every_base(cells):
    bases = {
        group: rounded(sum((a for _, g, a in cells if g == group), Decimal(0)))
        for group in {g for _, g, _ in cells}
    }
    cents = spread_table(cells, bases)
    for group, base in bases.items():
        assert sum(c for c, (_, g, _) in zip(cents, cells, strict=True) if g == group) == base
    for section in {s for s, _, _ in cells}:
        exact = sum((a for s, _, a in cells if s == section), Decimal(0))
        whole = sum(c for c, (s, _, _) in zip(cents, cells, strict=True) if s == section)
        assert abs(whole - exact) < 2 * CENT
    for cent, (_, _, amount) in zip(cents, cells, strict=True):
        assert abs(cent - amount) < CENT


@given(st.lists(st.tuples(SECTIONS, AMOUNTS), min_size=1, max_size=14))
def test_with_one_vat_group_subtotals_are_as_near_as_can_be(lines):
    base = rounded(sum((a for _, a in lines), Decimal(0)))
    cents = spread_table([(s, "O", a) for s, a in lines], {"O": base})
    exact = {s: sum((a for t, a in lines if t == s), Decimal(0)) for s, _ in lines}
    if sum(rounded(a) for a in exact.values()) == base:
        for section, amount in exact.items():
            whole = sum(c for c, (s, _) in zip(cents, lines, strict=True) if s == section)
            assert abs(whole - amount) <= Decimal("0.005")


def test_rows_and_columns_hold_together():
    """Greedy choice of the largest fraction would fail here; the columns force (a, y), (b, x)."""
    cells = [
        ("a", "x", Decimal("0.009")),
        ("a", "y", Decimal("0.005")),
        ("b", "x", Decimal("0.005")),
    ]
    cents = spread_table(cells, {"x": Decimal("0.01"), "y": Decimal("0.01")})
    assert cents == [Decimal("0.00"), CENT, CENT]


@given(
    st.decimals(min_value="0.0001", max_value=2, places=6), st.sampled_from(["8.1", "7.7", "2.6"])
)
def test_net_prices_and_limits_err_toward_the_customer(price, percent):
    percent = Decimal(percent)
    assert 0 <= price - with_vat(net_price(price, percent), percent) < Decimal("2e-8")
    assert 0 <= with_vat(net_limit(price, percent), percent) - price < Decimal("2e-8")


def test_a_sum_must_be_whole_cents():
    with pytest.raises(AssertionError):
        spread([Decimal("1.005")], Decimal("1.005"))
