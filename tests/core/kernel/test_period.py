"""Rules.md f.1: the table of quarter-hours per local day, and the identities of the grid."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.period import (
    BadPeriod,
    Dates,
    Period,
    UnknownTimezone,
    date_of_day_number,
    on_grid,
    quarter_hours_of,
    slot_at,
    slot_starts_at,
    timezone_of,
    utc_day_number,
)

ZURICH = ZoneInfo("Europe/Zurich")

CLOCK_CHANGES = [
    (date(2025, 3, 30), 92, "2025-03-29T23:00Z", "2025-03-30T22:00Z"),
    (date(2025, 10, 26), 100, "2025-10-25T22:00Z", "2025-10-26T23:00Z"),
    (date(2026, 3, 29), 92, "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
    (date(2026, 10, 25), 100, "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
    (date(2027, 3, 28), 92, "2027-03-27T23:00Z", "2027-03-28T22:00Z"),
    (date(2027, 10, 31), 100, "2027-10-30T22:00Z", "2027-10-31T23:00Z"),
]
MONTHS_2026 = [2976, 2688, 2972, 2880, 2976, 2880, 2976, 2976, 2880, 2980, 2880, 2976]


@pytest.mark.parametrize(("day", "count", "starts_at", "ends_at"), CLOCK_CHANGES)
def test_local_days_at_a_clock_change(day, count, starts_at, ends_at):
    period = Dates(day, day + timedelta(days=1)).period(ZURICH)
    assert quarter_hours_of(day, ZURICH) == count
    assert period.starts_at == datetime.fromisoformat(starts_at)
    assert period.ends_at == datetime.fromisoformat(ends_at)


def test_quarter_hours_of_the_months_of_2026():
    firsts = [date(2026, month, 1) for month in range(1, 13)] + [date(2027, 1, 1)]
    months = list(itertools.pairwise(firsts))
    counts = [len(Period.of_local_dates(a, b, ZURICH).slots) for a, b in months]
    assert counts == MONTHS_2026
    assert sum(counts) == 35_040


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_each_instant_lies_in_its_slot(instant):
    slot = slot_at(instant)
    assert slot_starts_at(slot) <= instant < slot_starts_at(slot + 1)
    assert on_grid(slot_starts_at(slot))
    assert date_of_day_number(slot // 96) == instant.date()
    assert utc_day_number(instant.date()) == slot // 96


@given(
    st.dates(date(2000, 1, 1), date(2090, 1, 1)),
    st.integers(1, 400),
    st.sampled_from(["Europe/Zurich", "Europe/Vienna", "UTC", "Australia/Lord_Howe"]),
)
def test_days_tile_their_range(from_date, length, name):
    tz = timezone_of(name)
    dates = Dates(from_date, from_date + timedelta(days=length))
    assert sum(quarter_hours_of(day, tz) for day in dates.days()) == len(dates.period(tz).slots)


def test_bad_periods_say_what_is_wrong():
    with pytest.raises(BadPeriod, match="must end after 2026-01-01"):
        Dates(date(2026, 1, 1), date(2026, 1, 1))
    with pytest.raises(BadPeriod, match="ends"):
        Period(slot_starts_at(2), slot_starts_at(1))
    with pytest.raises(UnknownTimezone, match="Europe/Zurich"):
        timezone_of("Europe/Zürich")
    with pytest.raises(UnknownTimezone):
        timezone_of("../etc/passwd")


def test_intersections_are_half_open():
    a, b, c = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
    assert Dates(a, b).intersection(Dates(b, c)) is None
    assert Dates(a).intersection(Dates(b, c)) == Dates(b, c)
    assert Dates(a).intersection(Dates(b)) == Dates(b)
    assert a in Dates(a, b)
    assert b not in Dates(a, b)
    first, second = Period.of_slots(0, 4), Period.of_slots(4, 8)
    assert first.intersection(second) is None
    assert list(first.slots) == [0, 1, 2, 3]


def test_what_is_left_without_some_parts():
    a, b, c, d = (date(2026, 1, day) for day in (1, 5, 10, 20))
    whole = Dates(a, d)
    assert whole.without([]) == [whole]
    assert whole.without([whole]) == []
    assert whole.without([Dates(b, c)]) == [Dates(a, b), Dates(c, d)]
    assert whole.without([Dates(c), Dates(a, b)]) == [Dates(b, c)]
    assert whole.without([Dates(a, c), Dates(b, c), Dates(c, d)]) == []
    assert whole.without([Dates(d), Dates(date(2025, 1, 1), a)]) == [whole]
    assert Dates(a).without([Dates(b, c)]) == [Dates(a, b), Dates(c)]
