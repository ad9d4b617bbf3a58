"""A bus is asked at the boundaries of quarter-hours, with power in between."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.period import QUARTER, on_grid
from quartier.gateway.plan import LATEST, LONGEST_LEAD, What, is_midnight, next_pass

ZURICH = ZoneInfo("Europe/Zurich")
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def due(now, *, done=AT, power_done=AT, seconds=0, every=MINUTE):
    return next_pass(
        now,
        done,
        zone=ZURICH,
        duration=timedelta(seconds=seconds),
        power_every=every,
        power_done_until=power_done,
    )


def after(minutes=0, seconds=0):
    return AT + timedelta(minutes=minutes, seconds=seconds)


def test_after_a_boundary_power_is_read_each_minute_and_then_the_next_boundary():
    assert due(after(seconds=1)).starts_at == after(1)
    assert due(after(1, 1), power_done=after(1)).starts_at == after(2)
    last = due(after(14, 1), power_done=after(14))
    assert (last.what, last.target_at, last.starts_at) == (What.REGISTERS, after(15), after(15))


def test_a_long_pass_begins_so_that_the_boundary_lies_in_its_middle():
    assert due(after(14, 5), power_done=after(14), seconds=40).starts_at == after(14, 40)
    slow = due(after(12, 30), power_done=after(12), seconds=3600)
    assert slow.starts_at == after(15) - LONGEST_LEAD


def test_power_leaves_room_for_the_registers():
    assert due(after(13, 1), power_done=after(13), seconds=130).what is What.REGISTERS


def test_a_pass_that_was_held_up_begins_late_and_one_that_is_too_late_does_not():
    late = due(after(15) + LATEST - MINUTE, power_done=after(19))
    assert (late.target_at, late.what) == (after(15), What.REGISTERS)
    too_late = due(after(15) + LATEST + MINUTE, power_done=after(15))
    assert too_late.target_at > after(15)


@pytest.mark.parametrize("back", [timedelta(minutes=1), timedelta(days=2000)])
def test_a_clock_that_was_set_back_does_not_stop_the_plan(back):
    now = after(1) - back
    found = due(now, done=AT, power_done=AT)
    assert found.starts_at - now <= QUARTER + MINUTE


def test_a_clock_that_was_set_forward_skips_what_passed():
    now = AT + timedelta(days=400, minutes=7)
    found = due(now)
    assert now - MINUTE <= found.starts_at <= now + QUARTER


def test_a_day_begins_at_local_midnight():
    midnight = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    assert is_midnight(midnight, ZURICH)
    assert not is_midnight(midnight + timedelta(hours=1), ZURICH)
    found = due(midnight - MINUTE, done=midnight - QUARTER, power_done=midnight - MINUTE)
    assert (found.what, found.target_at) == (What.REGISTERS_OF_ALL, midnight)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Zurich", datetime(2026, 3, 29, tzinfo=UTC)),
        ("Europe/Zurich", datetime(2026, 10, 25, tzinfo=UTC)),
        ("America/Asuncion", datetime(2024, 10, 6, tzinfo=UTC)),  # has no midnight
        ("Asia/Kathmandu", datetime(2026, 5, 1, tzinfo=UTC)),
    ],
)
def test_each_day_begins_once_also_where_the_clock_changes(zone, day):
    boundaries = [day + QUARTER * n for n in range(-96, 3 * 96)]
    starts = [one for one in boundaries if is_midnight(one, ZoneInfo(zone))]
    assert len({one.astimezone(ZoneInfo(zone)).date() for one in starts}) == len(starts) == 4


@given(
    st.integers(0, 10**6),
    st.integers(-(10**6), 10**6),
    st.integers(-(10**6), 10**6),
    st.integers(0, 600),
    st.integers(10, 900),
)
def test_whatever_was_done_the_next_pass_is_near_and_boundaries_are_on_the_grid(
    now_s, done_s, power_s, duration_s, every_s
):
    now = AT + timedelta(seconds=now_s)
    found = next_pass(
        now,
        now + timedelta(seconds=done_s),
        zone=ZURICH,
        duration=timedelta(seconds=duration_s),
        power_every=timedelta(seconds=every_s),
        power_done_until=now + timedelta(seconds=power_s),
    )
    assert found.starts_at <= found.target_at
    late = LATEST + LONGEST_LEAD
    if found.what is What.POWER:  # of this moment, or the last one that was due
        late = timedelta(seconds=every_s)
    assert now - late <= found.starts_at <= now + 2 * QUARTER
    assert found.what is What.POWER or on_grid(found.target_at)
