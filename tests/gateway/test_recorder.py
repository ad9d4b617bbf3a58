"""Readings get the date at which they were taken, also where the clock was wrong then."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from quartier.core.kernel.findings import Severity
from quartier.formats.uplink.batch import Kind
from quartier.gateway import recorder as module
from quartier.gateway.buffer import Buffer, Source
from quartier.gateway.noticed import Ledger
from quartier.gateway.recorder import Recorder, Shown
from quartier.gateway.timekeeper import Timekeeper
from tests.gateway.clocks import FakeClock

AT = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
ENERGY = Source("w001", "1-1:1.8.0", Kind.REGISTER)
POWER = Source("w001", "1-1:16.7.0", Kind.POWER)


@pytest.fixture
def clock():
    return FakeClock(AT)


@pytest.fixture
def recorder(tmp_path, clock):
    return Recorder(Buffer(tmp_path / "buffer.sqlite3"), Timekeeper(clock), Ledger())


def shown(clock, value, source=ENERGY):
    return Shown(source, Decimal(value), clock.monotonic())


def stored(recorder, source=ENERGY):
    batch = recorder.buffer.batch("gw", now=AT)
    columns = batch.columns if batch else ()
    return [
        (row.measured_at, int(row.value))
        for column in columns
        if column.obis == source.obis
        for row in column.measurements
    ]


def codes(recorder):
    return [one.code for one in recorder._ledger.current(AT)]


def test_a_reading_keeps_the_instant_of_its_answer(recorder, clock):
    taken = shown(clock, 100)
    clock.monotonic_s += 3
    recorder.record([taken])
    assert stored(recorder) == [(AT, 100)]
    assert codes(recorder) == []


def test_without_a_date_readings_wait_and_get_the_right_one_later(recorder, clock):
    clock.boot_without_battery()
    for value in (100, 101):
        recorder.record([shown(clock, value)])
        clock.monotonic_s += 900
    assert stored(recorder) == []
    assert codes(recorder) == ["gateway.no_clock"]
    clock.wrong = timedelta(0)
    recorder.record([shown(clock, 102)])
    quarter = timedelta(minutes=15)
    assert stored(recorder) == [(AT, 100), (AT + quarter, 101), (AT + 2 * quarter, 102)]
    assert codes(recorder) == []


@pytest.mark.parametrize("wrong", [timedelta(days=-200), timedelta(hours=2), timedelta(days=900)])
def test_what_was_stored_by_a_wrong_clock_is_moved_when_it_is_set(recorder, clock, wrong):
    clock.wrong = wrong
    recorder.record([shown(clock, 100)])
    assert stored(recorder) == [(AT + wrong, 100)]
    clock.monotonic_s += 900
    clock.wrong = timedelta(0)
    recorder.record([shown(clock, 101)])
    assert stored(recorder) == [(AT, 100), (AT + timedelta(minutes=15), 101)]
    assert codes(recorder) == ["gateway.clock_set"]


def test_only_what_this_run_stored_is_moved(tmp_path, clock):
    first = Recorder(Buffer(tmp_path / "buffer.sqlite3"), Timekeeper(clock), Ledger())
    first.record([shown(clock, 100)])
    first.buffer.close()
    clock.monotonic_s += 900
    clock.wrong = timedelta(hours=5)
    again = Recorder(Buffer(tmp_path / "buffer.sqlite3"), Timekeeper(clock), Ledger())
    again.record([shown(clock, 101)])
    clock.wrong = timedelta(0)
    again.look()
    assert stored(again) == [(AT, 100), (AT + timedelta(minutes=15), 101)]


def test_a_jump_is_not_believed_after_the_platform_confirmed_the_time(recorder, clock):
    recorder.look()
    recorder.told(AT + timedelta(seconds=20), is_signed=True)
    clock.wrong = timedelta(days=-3)
    recorder.record([shown(clock, 100)])
    clock.monotonic_s += 60
    recorder.record([shown(clock, 101)])
    assert stored(recorder) == [(AT, 100), (AT + timedelta(minutes=1), 101)]
    assert codes(recorder) == ["gateway.clock_jumped"], "said once"


def test_a_small_step_back_leaves_out_readings_until_it_is_past(recorder, clock):
    recorder.record([shown(clock, 100)])
    clock.monotonic_s += 30
    clock.wrong = timedelta(seconds=-60)
    recorder.record([shown(clock, 101)])
    assert set(codes(recorder)) == {"gateway.clock_set", "gateway.clock_back"}
    clock.monotonic_s += 60
    recorder.record([shown(clock, 102)])
    assert [value for _, value in stored(recorder)] == [100, 102]
    assert codes(recorder) == ["gateway.clock_set"]


def test_without_time_server_the_platform_sets_the_clock(recorder, clock):
    clock.boot_without_battery()
    recorder.record([shown(clock, 100)])
    recorder.told(AT + timedelta(seconds=1), is_signed=False)
    clock.monotonic_s += 60
    recorder.record([shown(clock, 101)])
    second = timedelta(seconds=1)
    assert stored(recorder) == [(AT + second, 100), (AT + 61 * second, 101)]
    assert codes(recorder) == ["gateway.clock_by_platform"]


def test_a_clock_behind_what_the_platform_confirmed_is_not_set(tmp_path, recorder, clock):
    recorder.look()
    recorder.told(AT, is_signed=True)
    recorder.buffer.close()
    clock.wrong = timedelta(days=-30)
    again = Recorder(Buffer(tmp_path / "buffer.sqlite3"), Timekeeper(clock), Ledger())
    again.record([shown(clock, 100)])
    assert codes(again) == ["gateway.no_clock"]
    assert again.waiting == 1


def test_what_cannot_be_stored_waits_in_memory(recorder, clock):
    recorder.buffer._connection.execute("PRAGMA query_only = 1")
    recorder.record([shown(clock, 100)])
    assert codes(recorder) == ["gateway.disk_broken"]
    recorder.buffer._connection.execute("PRAGMA query_only = 0")
    clock.monotonic_s += 60
    recorder.record([shown(clock, 101)])
    assert stored(recorder) == [(AT, 100), (AT + timedelta(minutes=1), 101)]
    assert codes(recorder) == []


def test_memory_is_bounded_and_power_goes_first(recorder, clock, monkeypatch):
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    clock.boot_without_battery()
    for value in range(3):
        clock.monotonic_s += 1
        recorder.record([shown(clock, value), shown(clock, value, POWER)])
    assert "gateway.dropped_from_memory" in codes(recorder)
    clock.wrong = timedelta(0)
    recorder.record([])
    assert [value for _, value in stored(recorder)] == [0, 1, 2]
    assert stored(recorder, POWER) == []


def test_a_value_that_cannot_be_sent_does_not_cost_the_others(recorder, clock):
    recorder.record([shown(clock, 10**30, POWER), shown(clock, 100)])
    assert stored(recorder) == [(AT, 100)]
    (found,) = recorder._ledger.current(AT)
    assert (found.code, found.severity, found.meter) == (
        "gateway.odd_value",
        Severity.ERROR,
        "w001",
    )
