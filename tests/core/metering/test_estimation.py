"""Gaps, filled in the order of rules.md f.3."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.period import slot_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.estimation import Delta, Estimate, estimate
from quartier.core.metering.intervals import Series

ZURICH = ZoneInfo("Europe/Zurich")
SLOT = slot_at(datetime(2026, 1, 5, tzinfo=UTC))
WEEK = 672


def run(values, **more):
    return estimate(Series.of(1, SLOT, values), ZURICH, **more)


def test_a_register_delta_comes_first_and_is_met_exactly():
    values = [10, None, None, 10]
    profile = np.array([1, 1, 2, 1])
    got, how, findings = run(values, deltas=[Delta(range(SLOT, SLOT + 4), 120)], profile_wh=profile)
    assert got.energy_wh.tolist() == [10, 33, 67, 10]
    assert got.quality.tolist() == [1, Quality.ESTIMATED, Quality.ESTIMATED, 1]
    assert how == [Estimate(SLOT + 1, SLOT + 3, "register")]
    assert findings == []


def test_a_register_delta_fills_an_edge_too():
    got, _, findings = run([None, None, 10], deltas=[Delta(range(SLOT, SLOT + 3), 15)])
    assert sorted(got.energy_wh.tolist()) == [2, 3, 10]
    assert findings == []


def test_a_register_below_its_intervals_is_an_error():
    got, how, findings = run([10, None, 10], deltas=[Delta(range(SLOT, SLOT + 3), 19)])
    assert (got.quality.tolist(), how) == ([1, 0, 1], [])
    assert [finding.code for finding in findings] == ["metering.register_below_intervals"]


def test_a_delta_over_two_gaps_says_nothing_of_either():
    _, how, _ = run([10, None, 10, None, 10], deltas=[Delta(range(SLOT, SLOT + 5), 500)])
    assert [one.method for one in how] == ["linear", "linear"]


def test_up_to_three_are_linear():
    got, how, _ = run([0, None, None, None, 8])
    assert got.energy_wh.tolist() == [0, 2, 4, 6, 8]
    assert [one.method for one in how] == ["linear"]
    assert run([3, None, 4])[0].energy_wh[1] == 4


def test_the_same_weekday_and_time_of_the_weeks_before():
    values = [100] * WEEK + [200] * WEEK + [5] * 10 + [None] * 4 + [5]
    got, how, _ = run(values)
    assert got.energy_wh[-5:-1].tolist() == [150] * 4
    assert [one.method for one in how] == ["weeks"]


def test_a_week_before_is_by_the_local_clock():
    """The week before 2026-03-29 noon was an hour later in UTC."""
    first = slot_at(datetime(2026, 3, 20, tzinfo=UTC))
    gap = slot_at(datetime(2026, 3, 29, 10, tzinfo=UTC))  # 12:00 local, summer
    source = slot_at(datetime(2026, 3, 22, 11, tzinfo=UTC))  # 12:00 local, winter
    values = [0] * (gap - first) + [None] * 4 + [0]
    values[source - first : source - first + 4] = [7, 8, 9, 10]
    got, _, _ = estimate(Series.of(1, first, values), ZURICH)
    assert got.energy_wh[-5:-1].tolist() == [7, 8, 9, 10]


def test_then_a_profile_and_then_the_last_value():
    values = [5] + [None] * 5 + [9]
    profile = np.arange(7)
    assert run(values, profile_wh=profile)[0].energy_wh.tolist() == [5, 1, 2, 3, 4, 5, 9]
    assert run(values)[0].energy_wh.tolist() == [5] * 6 + [9]
    got, how, findings = run([5] + [None] * 97 + [9])
    assert (got.quality[1:-1].any(), how) == (False, [])
    assert [finding.code for finding in findings] == ["metering.not_estimated"]


def test_edges_are_not_extrapolated():
    got, how, findings = run([None, 5, 6, None])
    assert (got.quality.tolist(), how) == ([0, 1, 1, 0], [])
    assert [finding.code for finding in findings] == ["metering.edge"] * 2
    assert run([None, None])[0].quality.tolist() == [0, 0]
    assert run([])[1:] == ([], [])


@given(st.lists(st.one_of(st.none(), st.integers(0, 50)), max_size=60), st.integers(0, 5_000))
def test_what_is_known_stays_and_a_delta_is_met(values, delta):
    got, how, _ = run(values, deltas=[Delta(range(SLOT, SLOT + len(values)), delta)])
    filled = {slot for one in how for slot in range(one.first_slot, one.end_slot)}
    for i, value in enumerate(values):
        if value is not None:
            assert (got.energy_wh[i], got.quality[i]) == (value, Quality.MEASURED)
        else:
            assert got.quality[i] == (Quality.ESTIMATED if SLOT + i in filled else 0)
    if [one.method for one in how] == ["register"]:
        assert got.energy_wh.sum() == delta
