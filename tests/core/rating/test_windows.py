"""Time windows as data and as masks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.core.kernel.period import Dates, slot_at, slot_starts_at
from quartier.core.rating.masks import season_mask, standard_mask
from quartier.core.rating.windows import BadWindow, Season, Window, Windows, minute_of, weekdays_of
from tests.core.rating.sheets import DSO, ZURICH
from tests.counts import examples

TZ = ZoneInfo(ZURICH)
NIGHT = Windows("night", (Window.of("fri", "22:00", "06:00"),))


def is_standard(windows: Windows, local: str) -> bool:
    slot = slot_at(datetime.fromisoformat(local).replace(tzinfo=TZ))
    return bool(standard_mask(windows, slot, slot + 1, ZURICH)[0])


def test_the_window_holds_at_the_start_of_the_quarter_hour():
    assert not is_standard(DSO, "2026-01-05T06:45")  # a Monday
    assert is_standard(DSO, "2026-01-05T07:00")
    assert is_standard(DSO, "2026-01-05T19:45")
    assert not is_standard(DSO, "2026-01-05T20:00")
    assert is_standard(DSO, "2026-01-10T12:45")  # a Saturday
    assert not is_standard(DSO, "2026-01-10T13:00")
    assert not is_standard(DSO, "2026-01-11T10:00")  # a Sunday


def test_a_window_over_midnight_belongs_to_the_day_it_begins_on():
    assert not is_standard(NIGHT, "2026-01-09T21:45")
    assert is_standard(NIGHT, "2026-01-09T22:00")
    assert is_standard(NIGHT, "2026-01-10T05:45")
    assert not is_standard(NIGHT, "2026-01-10T06:00")
    assert not is_standard(NIGHT, "2026-01-10T23:00")


def test_a_holiday_counts_as_a_sunday():
    holiday = Windows("dso", DSO.standard, (date(2026, 1, 1),))
    assert is_standard(DSO, "2026-01-01T10:00")
    assert not is_standard(holiday, "2026-01-01T10:00")


def test_a_window_of_one_season():
    summer = Windows("s", (Window.of("mon-sun", "00:00", "24:00", Season.of("04-01", "10-01")),))
    assert not is_standard(summer, "2026-03-31T23:45")
    assert is_standard(summer, "2026-04-01T00:00")
    assert is_standard(summer, "2026-09-30T23:45")
    assert not is_standard(summer, "2026-10-01T00:00")


def test_a_season_may_cross_the_new_year():
    winter = Season.of("10-01", "04-01")
    assert date(2026, 12, 31) in winter
    assert date(2026, 3, 31) in winter
    assert date(2026, 4, 1) not in winter


@pytest.mark.parametrize(
    ("day", "standard"),
    [
        (date(2026, 3, 29), 0),  # clock change, Sundays
        (date(2026, 10, 25), 0),
        (date(2026, 3, 30), 13 * 4),
        (date(2026, 10, 24), 6 * 4),
    ],
)
def test_days_of_a_clock_change(day, standard):
    slots = Dates(day, day + timedelta(days=1)).period(TZ).slots
    assert int(standard_mask(DSO, slots.start, slots.stop, ZURICH).sum()) == standard


def test_the_repeated_hour_is_in_its_window_twice_and_the_skipped_one_never():
    night = Windows("n", (Window.of("mon-sun", "02:00", "03:00"),))
    for day, quarters in ((date(2026, 3, 29), 0), (date(2026, 10, 25), 8), (date(2026, 6, 1), 4)):
        slots = Dates(day, day + timedelta(days=1)).period(TZ).slots
        assert int(standard_mask(night, slots.start, slots.stop, ZURICH).sum()) == quarters


@settings(max_examples=examples(40), deadline=None)
@given(
    hour=st.integers(0, 24 * 365 * 3),
    timezone=st.sampled_from(
        [ZURICH, "Europe/London", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]
    ),
)
def test_the_mask_is_the_wall_clock(hour, timezone):
    first = slot_at(datetime(2024, 1, 1, tzinfo=UTC)) + hour * 4
    mask = standard_mask(DSO, first, first + 8, timezone)
    summer = season_mask(Season.of("04-01", "10-01"), first, first + 8, timezone)
    for number in range(8):
        local = slot_starts_at(first + number).astimezone(ZoneInfo(timezone))
        minute = local.hour * 60 + local.minute
        end = 20 * 60 if local.weekday() < 5 else 13 * 60 if local.weekday() == 5 else 0
        assert bool(mask[number]) == (7 * 60 <= minute < end)
        assert bool(summer[number]) == (4 <= local.month <= 9)


@pytest.mark.parametrize(
    "text", ["", "mo-fx", "mon--fri", "8", "mon,,tue", "monkey", "sun-satire", "fridayx"]
)
def test_bad_weekdays(text):
    with pytest.raises(BadWindow):
        weekdays_of(text)


def test_weekdays_may_be_written_out():
    assert weekdays_of("Monday-Friday, sun") == (0, 1, 2, 3, 4, 6)


@pytest.mark.parametrize("text", ["7", "25:00", "24:15", "07:60", "-1:00", "7h30", "٧:00x", ""])
def test_bad_times(text):
    with pytest.raises(BadWindow):
        minute_of(text)


def test_weekdays_may_wrap_the_week():
    assert weekdays_of("sat-mon") == (0, 5, 6)


def test_windows_are_on_the_quarter_hour():
    with pytest.raises(BadWindow, match="quarter-hour"):
        Window.of("mon", "07:05", "20:00")
    with pytest.raises(BadWindow, match="MM-DD"):
        Season.of("02-30", "10-01")
    with pytest.raises(BadWindow, match="no standard"):
        Windows("none", ())
