"""Slots by the local calendar."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.core.kernel.period import slot_starts_at
from quartier.core.metering.local_time import local_days, utc_offset_minutes, utc_offsets
from tests.counts import examples

ZONES = [ZoneInfo("Europe/Zurich"), ZoneInfo("Asia/Kolkata"), ZoneInfo("America/St_Johns")]
AROUND_A_CLOCK_CHANGE = 1_971_936  # 2026-03-29T00:00Z


@settings(max_examples=examples(25), deadline=None)
@given(
    steps=st.lists(st.integers(1, 400), max_size=40),
    start=st.integers(-3000, 3000),
    tz=st.sampled_from(ZONES),
)
def test_local_days_are_those_on_which_slots_begin(steps, start, tz):
    slots = AROUND_A_CLOCK_CHANGE + start + np.cumsum(np.array(steps, np.int64))
    one_by_one = {slot_starts_at(int(slot)).astimezone(tz).date() for slot in slots.tolist()}
    assert local_days(slots, tz) == sorted(one_by_one)


@settings(max_examples=examples(25), deadline=None)
@given(
    start=st.integers(-3000, 3000),
    length=st.integers(0, 300),
    tz=st.sampled_from([*ZONES, ZoneInfo("Australia/Lord_Howe")]),
)
def test_the_offsets_are_those_of_each_slot(start, length, tz):
    first = AROUND_A_CLOCK_CHANGE + start
    slots = range(first, first + length)
    one_by_one = [slot_starts_at(slot).astimezone(tz).utcoffset() for slot in slots]
    minutes = utc_offset_minutes(slots, tz)
    assert [timedelta(minutes=m) for m in minutes.tolist()] == one_by_one
    assert utc_offsets(slots, tz).tolist() == [m // 15 for m in minutes.tolist()]
