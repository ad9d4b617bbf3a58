"""From what was told to a session: what is billed, what a person must look at."""

import random
from datetime import timedelta
from decimal import Decimal

import pytest

from quartier.core.charging.facts import ChargingState, IdToken, Status
from quartier.core.charging.record import registers_of
from quartier.core.charging.session import Stage, session_of
from quartier.core.kernel.findings import Severity
from tests.core.charging.told import (
    BADGE,
    SLOT,
    aligned,
    begun,
    ended,
    minute,
    record,
    register,
    status,
    told,
)


def session(*facts, **more):
    late = more.pop("late", timedelta(seconds=1))
    return session_of(record(*facts, late=late), **more)


def codes(found):
    return {one.code for one in found.findings}


def errors(found):
    return {one.code for one in found.findings if one.severity is Severity.ERROR}


WHOLE = (
    begun(5, 10_000),
    told(15, (15, 11_000)),
    told(30, (30, 14_000)),
    ended(40, 15_500),
)


def test_a_whole_session():
    found = session(*WHOLE)
    assert found.stage is Stage.ENDED
    assert found.token == BADGE
    assert (found.begun_at, found.ended_at, found.reason) == (minute(5), minute(40), "Local")
    assert (found.begin_wh, found.end_wh, found.energy_wh) == (10_000, 15_500, 5_500)
    assert found.quarters.first_slot == SLOT
    assert found.quarters.energies_wh == [1_000, 3_000, 1_500]
    assert not found.findings
    assert found.is_sound
    assert not found.is_estimated


def test_late_double_and_disordered_messages_change_nothing():
    draw = random.Random(3)
    for _ in range(20):
        facts = [*WHOLE, draw.choice(WHOLE), draw.choice(WHOLE)]
        draw.shuffle(facts)
        assert session(*facts) == session(*WHOLE)


def test_a_session_runs_until_its_end_is_told():
    found = session(*WHOLE[:3])
    assert found.stage is Stage.RUNNING
    assert (found.ended_at, found.energy_wh) == (None, 4_000)
    assert found.is_sound


def test_a_missing_sample_is_estimated_and_says_so():
    found = session(WHOLE[0], WHOLE[1], WHOLE[3])
    assert found.energy_wh == 5_500
    assert found.is_estimated
    assert found.is_sound


def test_registers_outside_of_the_transaction_fill_the_quarter_hours():
    measured = registers_of([*aligned(15, 11_000).samples, *aligned(30, 14_000).samples])
    found = session(WHOLE[0], WHOLE[3], measured=tuple(measured.values()))
    assert found.quarters.energies_wh == [1_000, 3_000, 1_500]
    assert not found.is_estimated
    other = registers_of([register(15, 999_000), register(50, 15_600)])
    assert session(*WHOLE, measured=tuple(other.values())) == session(*WHOLE)


def test_one_that_never_ended_counts_as_far_as_it_was_told():
    found = session(*WHOLE[:3], next_begun_at=minute(90))
    assert found.stage is Stage.ABANDONED
    assert (found.ended_at, found.energy_wh) == (minute(30), 4_000)
    assert codes(found) == {"charging.never_ended"}
    assert found.is_sound


def test_an_end_that_comes_after_the_next_begin_is_its_end():
    found = session(*WHOLE, next_begun_at=minute(90))
    assert found == session(*WHOLE)


def test_the_car_came_after_the_one_before():
    there = (status(-500),)
    assert session(*WHOLE, statuses=there).times.plugged_in_at == minute(-500)
    found = session(*WHOLE, statuses=there, previous_at=minute(-60))
    assert found.times.plugged_in_at == minute(-60)
    assert session(*WHOLE, previous_at=minute(7)).times.plugged_in_at == minute(5)


def test_when_the_next_one_begins_the_car_is_gone():
    there = (status(0),)
    assert session(*WHOLE, statuses=there).times.plugged_out_at is None
    times = session(*WHOLE, statuses=there, next_begun_at=minute(90)).times
    assert times.plugged_out_at == minute(90)
    assert times.idle == timedelta(minutes=50)


def test_a_refused_token_is_no_session_unless_energy_flowed():
    found = session(
        begun(0, 100, is_refused=True), ended(1, 100, token=BADGE, stopped="DeAuthorized")
    )
    assert found.stage is Stage.REFUSED
    assert found.token is None
    assert found.is_sound
    assert session(begun(0, 100, is_refused=True)).stage is Stage.REFUSED
    found = session(begun(0, 100, is_refused=True), ended(60, 5_100))
    assert found.stage is Stage.ENDED
    assert errors(found) == {"charging.refused_energy"}


def test_who_began_it_pays_not_who_ended_it():
    found = session(begun(0, 0), ended(60, 5_000, token=IdToken("OTHER")))
    assert found.token == BADGE
    assert found.is_sound


def test_a_token_that_came_after_the_cable():
    found = session(begun(0, 0, token=None), told(1, token=BADGE), ended(60, 5_000))
    assert found.token == BADGE


def test_two_tokens_are_for_a_person():
    found = session(begun(0, 0), told(1, token=IdToken("OTHER")), ended(60, 5_000))
    assert errors(found) == {"charging.two_tokens"}
    same = session(begun(0, 0), told(1, token=IdToken("04a1b2c3")), ended(60, 5_000))
    assert same.is_sound


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ((begun(0, 5_000), ended(60, 4_000)), "charging.falls"),
        ((begun(0, -5), ended(60, 10)), "charging.falls"),
        ((begun(0, 0), told(20, (20, 900)), told(21, (21, 0)), ended(60, 5_000)), "charging.falls"),
        ((begun(0, 0), ended(60, 900_000)), "charging.too_much"),
        ((begun(50, 0), ended(10, 100)), "charging.ends_before_begin"),
        ((begun(0, 0), begun(3, 0), ended(60, 100)), "charging.two_begins"),
        ((begun(0, 0), ended(60, 100), ended(70, 100)), "charging.two_ends"),
        ((begun(0, 0), ended(60 * 24 * 40, 100)), "charging.too_long"),
        ((begun(0, 0), told(-30, (-30, 0)), ended(60, 100)), "charging.outside"),
        ((begun(-60 * 24 * 365 * 50, 0), ended(60, 100)), "charging.too_long"),
        ((begun(0), ended(60)), "charging.no_register"),
        ((told(5, (5, 0)), ended(60, 100)), "charging.no_begin"),
    ],
)
def test_what_a_person_must_look_at(facts, code):
    found = session(*facts)
    assert code in errors(found)
    assert not found.is_sound
    for one in found.findings:
        assert one.remedy
        assert one.message.endswith(".")


def test_what_is_rounded_does_not_fall():
    coarse = (told(15, (15, 11_100)), told(30, (30, 14_000)), told(39, (39, 15_550)))
    found = session(begun(5, 10_050), *coarse, ended(40, 15_506))
    assert found.is_sound
    assert (found.begin_wh, found.end_wh, found.energy_wh) == (10_050, 15_506, 5_456)
    assert found.quarters.energies_wh == [1_050, 2_900, 1_506]
    nothing = session(begun(5, 1_090), told(6, (6, 1_000)), ended(7, 1_000))
    assert nothing.is_sound
    assert nothing.energy_wh == 0
    assert errors(session(begun(5, 1_000), told(6, (6, 5_101)), ended(7, 5_000))) == {
        "charging.falls"
    }


def test_many_small_falls_are_a_fall():
    steps = [told(n, (n, 5_000 - 60 * n)) for n in range(1, 5)]
    assert errors(session(begun(0, 5_000), *steps)) == {"charging.falls"}


def test_a_token_that_only_stops_it_is_no_second_one():
    stops = told(50, token=IdToken("OTHER"), trigger="StopAuthorized")
    found = session(begun(0, 0), stops, ended(60, 5_000))
    assert found.token == BADGE
    assert found.is_sound


def test_values_of_the_whole_station_are_no_second_place():
    found = session(begun(0, 0), told(5, (5, 100), evse_id=0), ended(60, 5_000))
    assert (found.evse_id, found.connector_id) == (1, 1)
    assert found.is_sound


def test_a_clock_that_is_ahead_is_not_trusted():
    found = session(*WHOLE, late=-timedelta(seconds=90))
    assert errors(found) == {"charging.clock_ahead"}
    assert session(*WHOLE, late=-timedelta(seconds=50)).is_sound
    assert session(*WHOLE, late=timedelta(days=9)).is_sound


def test_what_flowed_before_the_first_or_after_the_last_register_is_said():
    found = session(begun(0), told(10, (10, 100)), told(20, (20, 200)), ended(30))
    assert codes(found) == {"charging.no_begin_register", "charging.no_end_register"}
    assert found.energy_wh == 100
    assert found.is_sound


def test_messages_that_never_came_are_said():
    steps = (
        begun(0, 0, sequence=0),
        told(20, (20, 100), sequence=3),
        ended(30, 200, sequence=4),
    )
    assert codes(session(*steps)) == {"charging.missing_steps"}
    assert codes(session(*steps[1:])) >= {"charging.missing_steps", "charging.no_begin"}
    assert not session(*steps[:2]).findings


def test_times_are_kept_apart():
    statuses = (
        status(-5),
        status(1, state=ChargingState.CHARGING),
        status(20, state=ChargingState.SUSPENDED_EVSE),
        status(25, state=ChargingState.CHARGING),
        status(30, state=ChargingState.SUSPENDED_EV),
        status(40, state=ChargingState.EV_CONNECTED),
        status(100, Status.AVAILABLE),
    )
    times = session(*WHOLE, statuses=statuses).times
    assert (times.plugged_in_at, times.plugged_out_at) == (minute(-5), minute(100))
    assert times.held == timedelta(minutes=5)
    assert times.charging == timedelta(minutes=20 - 5 + 5)
    assert times.idle == timedelta(minutes=10 + 60)


def test_times_of_a_station_that_tells_its_states_with_the_transaction():
    steps = (
        begun(0, 0, state=ChargingState.EV_CONNECTED),
        told(2, state=ChargingState.CHARGING),
        told(30, (30, 900), state=ChargingState.SUSPENDED_EV),
        ended(40, 900, state=ChargingState.IDLE),
    )
    times = session(*steps).times
    assert (times.charging, times.held, times.idle) == (
        timedelta(minutes=28),
        timedelta(0),
        timedelta(minutes=10),
    )
    assert times.plugged_out_at == minute(40)


def test_a_car_that_is_there_still_is_idle_as_far_as_was_told():
    statuses = (status(0), status(5, state=ChargingState.CHARGING))
    assert session(*WHOLE, statuses=statuses).times.idle == timedelta(0)
    later = (*statuses, status(100, state=ChargingState.EV_CONNECTED))
    times = session(*WHOLE, statuses=later).times
    assert times.plugged_out_at is None
    assert times.idle == timedelta(minutes=60)
    assert times.charging == timedelta(minutes=35)


def test_registers_with_fractions_of_a_watt_hour():
    found = session(begun(0, Decimal("0.7")), ended(20, Decimal("99.9")))
    assert found.energy_wh == 99
