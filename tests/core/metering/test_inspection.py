"""Meter inspection beyond the table of docs/algorithms/inspection.md."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from quartier.core.metering.inspection import FRESH, Check, Phase, Role, Shown, State, inspect

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def by_check(shown, **more):
    return {one.check: one for one in inspect([shown], now=NOW, **more)}


def test_of_a_silent_meter_nothing_else_is_said():
    for read_at in (None, NOW - FRESH - timedelta(seconds=1)):
        shown = Shown("w1", Role.CONSUMPTION, read_at, (Phase(Decimal(0)),), Decimal(-500), 9999)
        (verdict,) = inspect([shown], now=NOW)
        assert (verdict.check, verdict.state) == (Check.COMMUNICATION, State.FAULT)
        assert verdict.finding.where == "w1"
        assert verdict.finding.remedy


def test_the_worse_of_two_phases_is_told():
    phases = (Phase(Decimal(228)), Phase(Decimal(180)), Phase(Decimal(233)))
    verdict = by_check(Shown("w1", Role.CONSUMPTION, NOW, phases))[Check.VOLTAGE]
    assert verdict.state is State.FAULT
    assert "Phase 2 has 180 V" in verdict.finding.message


def test_a_battery_may_charge_and_discharge():
    for power in (Decimal(3000), Decimal(-3000)):
        assert Check.DIRECTION not in by_check(Shown("b", Role.BATTERY, NOW, power_w=power))


def test_a_silent_meter_leaves_the_balance_open():
    meters = [
        Shown("entry", Role.ENTRY, NOW, power_w=Decimal(500)),
        Shown("w1", Role.CONSUMPTION, None, power_w=Decimal(500)),
    ]
    verdicts = {one.check: one.state for one in inspect(meters, now=NOW) if one.meter == "entry"}
    assert verdicts[Check.BALANCE] is State.UNKNOWN


NUMBERS = st.none() | st.decimals(-100_000, 100_000, places=1)
SHOWN = st.builds(
    Shown,
    st.text("abc", min_size=1, max_size=3),
    st.sampled_from(Role),
    st.none() | st.just(NOW) | st.just(NOW - timedelta(hours=1)),
    st.lists(st.builds(Phase, NUMBERS, NUMBERS, NUMBERS), max_size=3).map(tuple),
    NUMBERS,
    st.none() | st.integers(-10, 10**9),
)


@given(st.lists(SHOWN, max_size=6), st.booleans())
def test_whatever_meters_show(meters, is_sun_off):
    verdicts = inspect(meters, now=NOW, is_sun_off=is_sun_off)
    told = [one for one in verdicts if one.check is Check.COMMUNICATION]
    assert [one.meter for one in told] == [one.name for one in meters]
    for one in verdicts:
        assert (one.finding is not None) == (one.state in {State.WATCH, State.FAULT})
