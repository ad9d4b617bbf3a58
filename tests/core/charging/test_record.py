"""What was told of a transaction: the same, in whatever order and how often it came."""

import random
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from quartier.core.charging.facts import ChargingState, IdToken, SignedValue
from quartier.core.charging.record import MOST_STATES, Point, Record, registers_of
from tests.core.charging.told import SLOT, begun, ended, minute, record, register, told

_STATES = st.sampled_from(ChargingState)


@st.composite
def facts(draw):
    """Steps of one transaction, sound or not."""
    found = []
    for _ in range(draw(st.integers(1, 12))):
        at = draw(st.integers(0, 200))
        wh = draw(st.none() | st.decimals(0, 10**6, places=draw(st.integers(0, 4))))
        more = {
            "sequence": draw(st.none() | st.integers(0, 20)),
            "state": draw(st.none() | _STATES),
        }
        kind = draw(st.sampled_from((begun, told, ended)))
        if kind is told:
            found.append(told(at, *(() if wh is None else ((at, wh),)), **more))
        elif kind is begun:
            token = IdToken(draw(st.sampled_from(("A", "B"))))
            found.append(begun(at, wh, token=token, is_refused=draw(st.booleans()), **more))
        else:
            found.append(ended(at, wh, **more))
    return found


@given(facts(), st.randoms(use_true_random=False), st.data())
def test_order_and_repetition_mean_nothing(told_once, draw, data):
    again = told_once + data.draw(st.lists(st.sampled_from(told_once), max_size=5))
    draw.shuffle(again)
    assert record(*again) == record(*told_once)


@given(facts(), facts(), facts())
def test_joining_is_associative(one, other, third):
    a, b, c = record(*one), record(*other), record(*third)
    assert a.joined(b).joined(c) == a.joined(b.joined(c)) == record(*one, *other, *third)
    assert a.joined(a) == a
    assert a.joined(Record()) == a == Record().joined(a)


def test_the_registers_that_a_quarter_hour_needs():
    draw = random.Random(1)
    values = [(number / 6, 1000 + number * 10) for number in range(6 * 60)]
    draw.shuffle(values)
    found = record(*(told(at, (at, wh)) for at, wh in values))
    assert sorted(found.quarters) == [SLOT, SLOT + 1, SLOT + 2, SLOT + 3]
    assert found.quarters[SLOT].first == Point(minute(0), Decimal(1000))
    assert found.quarters[SLOT].last == Point(minute(89 / 6), Decimal(1890))
    assert len(found.points()) == 8


def test_a_register_that_falls_inside_a_quarter_hour_is_seen():
    found = record(told(1, (1, 500)), told(2, (2, 0)), told(3, (3, 600)))
    assert [one.value for one in found.points()] == [500, 0, 600]


def test_only_the_register_that_is_billed_by_counts():
    samples = [
        register(0, 1, phase="L1"),
        register(0, 2, location="Inlet"),
        register(0, 3, measurand="Energy.Active.Export.Register"),
        register(0, 4, measurand="Power.Active.Import"),
    ]
    assert not registers_of(samples)
    assert registers_of([*samples, register(0, "5.1234567891")])[SLOT].first.value == Decimal(
        "5.123456789"
    )


def test_the_outermost_signed_values_are_kept_as_they_came():
    signed = [SignedValue(minute(at), "Other", f"OCMF|{{{at}}}|") for at in (5, 0, 9)]
    found = record(*(told(one.at.minute, signed=(one,)) for one in signed))
    assert [one.data for one in found.signed] == ["OCMF|{0}|", "OCMF|{9}|"]


def test_sequence_numbers_are_kept_as_runs():
    found = record(*(told(0, sequence=number) for number in (4, 0, 1, 2, 9, 3)))
    assert found.runs == ((0, 5), (9, 10))


def test_a_station_that_chatters_fills_no_memory():
    states = [
        told(number / 60, state=ChargingState.CHARGING if number % 2 else ChargingState.IDLE)
        for number in range(2 * MOST_STATES)
    ]
    found = record(*states)
    assert len(found.states) == MOST_STATES
    assert found.states[0][0] == minute(0)


def test_how_far_the_clock_was_ahead():
    found = Record().with_told(told(10), minute(5)).with_told(told(11), minute(12))
    assert found.ahead == timedelta(minutes=5)
