"""The parts of a chart follow local clocks."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.period import local_midnight, slot_at
from quartier.portals.shared.span import KINDS, BadSpan, custom, parts_of, span_of

ZURICH = ZoneInfo("Europe/Zurich")


@pytest.mark.parametrize(
    ("day", "count"), [(date(2026, 3, 29), 92), (date(2026, 3, 30), 96), (date(2026, 10, 25), 100)]
)
def test_a_day_has_the_quarter_hours_of_its_clock(day, count):
    parts = parts_of(span_of("day", day, ZURICH))
    assert len(parts.labels) == count
    assert parts.edges[0] == slot_at(local_midnight(day, ZURICH))


def test_the_hour_that_is_skipped_has_no_part():
    parts = parts_of(span_of("day", date(2026, 3, 29), ZURICH))
    assert "02:00" not in parts.labels
    assert parts.labels.count("03:00") == 1


def test_the_hour_that_comes_twice_has_two():
    parts = parts_of(span_of("day", date(2026, 10, 25), ZURICH))
    assert parts.labels.count("02:15") == 2
    assert parts.titles[7].endswith("01:45–02:00\u202f(+02:00)")
    assert parts.titles[11].endswith("02:45\u202f(+02:00)–02:00\u202f(+01:00)")
    assert parts.titles[15].endswith("02:45\u202f(+01:00)–03:00")
    assert len(set(parts.titles)) == len(parts.titles) == 100


@pytest.mark.parametrize(
    ("kind", "first", "end", "parts"),
    [
        ("week", date(2026, 3, 23), date(2026, 3, 30), 7 * 24 - 1),
        ("month", date(2026, 3, 1), date(2026, 4, 1), 31),
        ("quarter", date(2026, 1, 1), date(2026, 4, 1), 90),
        ("year", date(2026, 1, 1), date(2027, 1, 1), 12),
    ],
)
def test_spans_around_a_day(kind, first, end, parts):
    span = span_of(kind, date(2026, 3, 25), ZURICH)
    assert (span.from_date, span.to_date) == (first, end)
    assert len(parts_of(span).labels) == parts


days = st.dates(date(1971, 1, 1), date(2100, 1, 1))


@given(kind=st.sampled_from(KINDS), day=days)
def test_parts_cover_the_span_without_overlap(kind, day):
    span = span_of(kind, day, ZURICH)
    parts = parts_of(span)
    assert span.from_date <= day < span.to_date
    assert (parts.edges[0], parts.edges[-1]) == (span.slots.start, span.slots.stop)
    assert all(a < b for a, b in zip(parts.edges, parts.edges[1:], strict=False))
    assert len(parts.labels) == len(parts.titles) == len(parts.edges) - 1 <= 168 + 1


@given(kind=st.sampled_from(KINDS), day=days)
def test_earlier_and_later_are_neighbours(kind, day):
    span = span_of(kind, day, ZURICH)
    assert span_of(kind, span.moved(1), ZURICH).from_date == span.to_date
    assert span_of(kind, span.moved(-1), ZURICH).to_date == span.from_date


@given(day=days, length=st.integers(1, 3 * 366))
def test_any_two_dates_give_a_bounded_number_of_parts(day, length):
    end = date.fromordinal(day.toordinal() + length)
    parts = parts_of(custom(day, end, ZURICH))
    assert len(parts.labels) <= 241
    assert parts.edges[-1] == slot_at(local_midnight(end, ZURICH))


def test_what_is_no_span_is_refused():
    with pytest.raises(BadSpan):
        span_of("decade", date(2026, 1, 1), ZURICH)
    with pytest.raises(BadSpan):
        span_of("year", date(9999, 1, 1), ZURICH)
    with pytest.raises(BadSpan):
        custom(date(2026, 1, 2), date(2026, 1, 2), ZURICH)
    with pytest.raises(BadSpan):
        custom(date(2026, 1, 2), date(2036, 1, 2), ZURICH)
