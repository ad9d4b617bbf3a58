"""Quantities of fixed fees (rules.md W9)."""

import itertools
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.period import Dates
from quartier.core.rating.components.months import (
    full_months,
    monthly_price,
    months_by_day,
    period_by_day,
)

DAYS = st.integers(0, 800).map(lambda number: date(2023, 12, 1) + timedelta(days=number))


def test_touched_months_in_full():
    dates = Dates(date(2026, 1, 31), date(2026, 2, 2))
    assert full_months(dates, dates) == 2
    year = Dates(date(2026, 1, 1), date(2027, 1, 1))
    assert full_months(year, year) == 12


def test_a_twelfth_of_a_yearly_fee():
    assert monthly_price(Decimal(120)) == 10
    assert str(monthly_price(Decimal(120))) == "10"
    assert str(monthly_price(Decimal(100))) == "8.3333333333"


def test_days_of_their_month():
    assert months_by_day(Dates(date(2026, 1, 1), date(2026, 1, 16))) == Decimal("0.483871")
    assert months_by_day(Dates(date(2024, 2, 15), date(2024, 3, 1))) == Decimal("0.517241")


@given(st.sets(DAYS, min_size=2, max_size=6))
def test_parts_add_up_exactly(days):
    bounds = sorted(days)
    whole = Dates(bounds[0], bounds[-1])
    parts = [Dates(a, b) for a, b in itertools.pairwise(bounds)]
    assert sum(months_by_day(part) for part in parts) == months_by_day(whole)
    assert sum(full_months(part, whole) for part in parts) == full_months(whole, whole)
    assert sum(period_by_day(part, whole) for part in parts) == 1
    assert all(months_by_day(part) >= 0 for part in parts)


def test_a_whole_year_by_day_is_twelve_months():
    assert months_by_day(Dates(date(2026, 1, 1), date(2027, 1, 1))) == 12
