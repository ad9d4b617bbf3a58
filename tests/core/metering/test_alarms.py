"""Verdicts on meters and gateways, and how alarms go on."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.findings import Finding, Severity, error, warning
from quartier.core.metering.alarm_course import (
    CALM,
    LONGEST_CALM,
    Course,
    Event,
    calm_time,
    flaps_after,
    follow,
)
from quartier.core.metering.alarms import (
    LIMITS,
    BadLimit,
    DayState,
    GatewayState,
    Kind,
    MeterState,
    Rule,
    State,
    Verdict,
    default_rule,
    judge_day,
    judge_now,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULES = {kind: default_rule(kind) for kind in Kind}
LONG_AGO = NOW - 400 * DAY


def gateway(seen_ago, ahead_ms=0, **more):
    seen_at = None if seen_ago is None else NOW - seen_ago
    return GatewayState("g", LONG_AGO, seen_at, ahead_ms, **more)


def meter(read_ago, ref="m", *, is_daily=False, **more):
    read_at = None if read_ago is None else NOW - read_ago
    return MeterState(ref, "g", is_daily, LONG_AGO, read_at, **more)


def of(kind, gateways, meters=(), rules=RULES):
    found = [one for one in judge_now(gateways, meters, rules, NOW) if one.kind is kind]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("ago", "state", "code"),
    [
        (timedelta(0), State.GOOD, ""),
        (60 * MINUTE, State.GOOD, ""),
        (60 * MINUTE + timedelta(seconds=1), State.BAD, "gateway_silent"),
        (None, State.BAD, "gateway_never"),
    ],
)
def test_a_gateway_is_silent_after_an_hour(ago, state, code):
    verdict = of(Kind.SILENT_GATEWAY, [gateway(ago)])
    assert (verdict.state, verdict.code) == (state, code)
    if state is State.BAD:
        assert verdict.since == (LONG_AGO if ago is None else NOW - ago)


@pytest.mark.parametrize(
    ("ago", "is_daily", "state", "code"),
    [
        (2 * HOUR, False, State.GOOD, ""),
        (2 * HOUR + MINUTE, False, State.BAD, "meter_silent"),
        (2 * DAY, True, State.GOOD, ""),
        (2 * DAY + MINUTE, True, State.BAD, "meter_silent"),
        (None, True, State.BAD, "meter_never"),
    ],
)
def test_a_meter_is_silent_by_its_plan(ago, is_daily, state, code):
    verdict = of(Kind.SILENT_METER, [gateway(timedelta(0))], [meter(ago, is_daily=is_daily)])
    assert (verdict.state, verdict.code) == (state, code)


def test_a_meter_that_was_connected_a_moment_ago_has_time():
    new = MeterState("m", "g", False, NOW - HOUR, None)
    assert of(Kind.SILENT_METER, [gateway(MINUTE)], [new]).state is State.GOOD
    exchanged = MeterState("m", "g", False, NOW - HOUR, LONG_AGO)
    assert of(Kind.SILENT_METER, [gateway(MINUTE)], [exchanged]).state is State.GOOD


def test_silence_is_counted_up_to_when_the_gateway_was_heard():
    rules = {**RULES, Kind.SILENT_GATEWAY: Rule(Kind.SILENT_GATEWAY, True, (300,))}
    verdict = of(Kind.SILENT_METER, [gateway(3 * HOUR)], [meter(4 * HOUR)], rules)
    assert verdict.state is State.GOOD


def test_after_a_silence_meters_wait_for_what_the_gateway_kept():
    settling = gateway(MINUTE, is_settling=True)
    assert of(Kind.SILENT_METER, [settling], [meter(DAY)]).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("ahead_ms", "state", "code"),
    [
        (30_000, State.GOOD, ""),
        (30_001, State.BAD, "clock_ahead"),
        (-31_000, State.BAD, "clock_behind"),
        (None, State.UNKNOWN, ""),
    ],
)
def test_a_clock_may_be_half_a_minute_off(ahead_ms, state, code):
    verdict = of(Kind.CLOCK, [gateway(MINUTE, ahead_ms)])
    assert (verdict.state, verdict.code) == (state, code)


def test_power_above_the_fuse():
    at = {"power_limit_w": Decimal(10_000)}
    for power_w, state in ((11_000, State.GOOD), (11_001, State.BAD)):
        one = meter(MINUTE, power_w=Decimal(power_w), **at)
        verdict = of(Kind.POWER, [gateway(MINUTE)], [one])
        assert verdict.state is state
    assert dict(verdict.values) == {"power_kw": "11.0", "limit_kw": "10.0"}
    assert of(Kind.POWER, [gateway(MINUTE)], [meter(MINUTE, **at)]).state is State.UNKNOWN


def day(by_meter, of_site=(), electric=("a", "b")):
    return DayState(date(2026, 11, 22), NOW - DAY, by_meter, of_site, frozenset(electric))


def residual(percent, make=error, side="less"):
    found = make("metering.sum", "x")
    return Finding(found.code, found.severity, "x", values=(("percent", percent), ("side", side)))


GAP = error("metering.gap", "x")


@pytest.mark.parametrize(
    ("state_of_day", "expected"),
    [
        (day({"a": [], "b": []}), (State.GOOD, "")),
        (day({"a": [], "b": []}, [residual("1.2", warning)]), (State.BAD, "residual_less")),
        (day({"a": [], "b": []}, [residual("3.0", side="more")]), (State.BAD, "residual_more")),
        (day({"a": [GAP], "b": []}, [residual("9.0")]), (State.UNKNOWN, "")),
        (day({"a": [], "h": [GAP]}, [residual("9.0")], ("a",)), (State.BAD, "residual_less")),
        (day({"h": []}, electric=()), (State.UNKNOWN, "")),
    ],
)
def test_the_residual_is_told_of_whole_days(state_of_day, expected):
    (verdict,) = [one for one in judge_day(state_of_day, RULES) if one.kind is Kind.RESIDUAL]
    assert (verdict.state, verdict.code) == expected


def test_the_worst_of_a_meter_is_told_and_a_gap_is_none():
    found = {
        "a": [warning("metering.spike", "x"), error("metering.negative", "x")],
        "b": [GAP],
        "c": [],
    }
    verdicts = {
        one.subject: one for one in judge_day(day(found), RULES) if one.kind is Kind.IMPLAUSIBLE
    }
    assert (verdicts["a"].state, verdicts["a"].code) == (State.BAD, "negative")
    assert dict(verdicts["a"].values) == {"day": "2026-11-22"}
    assert (verdicts["b"].state, verdicts["c"].state) == (State.UNKNOWN, State.GOOD)


@pytest.mark.parametrize("kind", list(Kind))
def test_limits_are_held(kind):
    for number, limit in enumerate(LIMITS[kind]):
        for value in (limit.least - 1, limit.most + 1):
            limits = list(default_rule(kind).limits)
            limits[number] = value
            with pytest.raises(BadLimit, match=limit.name):
                Rule(kind, True, tuple(limits))
    with pytest.raises(BadLimit):
        Rule(kind, True, (1, 2, 3))


def test_a_warning_does_not_follow_the_error():
    with pytest.raises(BadLimit, match="warning"):
        Rule(Kind.RESIDUAL, True, (30, 20))


AGO = st.none() | st.timedeltas(timedelta(0), 100 * DAY)
GATEWAYS = st.lists(
    st.builds(
        GatewayState,
        st.sampled_from(["g", "h"]),
        st.just(LONG_AGO),
        AGO.map(lambda ago: None if ago is None else NOW - ago),
        st.none() | st.integers(-(10**9), 10**9),
        st.booleans(),
    ),
    max_size=2,
    unique_by=lambda one: one.name,
)
METERS = st.lists(
    st.builds(
        MeterState,
        st.text("abc", min_size=1),
        st.sampled_from(["g", "h", "gone"]),
        st.booleans(),
        AGO.map(lambda ago: LONG_AGO if ago is None else NOW - ago),
        AGO.map(lambda ago: None if ago is None else NOW - ago),
        st.none() | st.decimals(0, 10**6, places=0),
        st.none() | st.decimals(0, 10**6, places=0),
    ),
    max_size=5,
    unique_by=lambda one: one.ref,
)


@given(GATEWAYS, METERS, st.sets(st.sampled_from(Kind)))
def test_whatever_is_known(gateways, meters, unwatched):
    rules = {k: Rule(k, k not in unwatched, one.limits) for k, one in RULES.items()}
    verdicts = list(judge_now(gateways, meters, rules, NOW))
    assert len({(one.kind, one.subject) for one in verdicts}) == len(verdicts)
    assert not {one.kind for one in verdicts} & unwatched
    minutes = rules[Kind.SILENT_GATEWAY].limits[0] * MINUTE
    away = {g.name for g in gateways if NOW - (g.seen_at or g.paired_at) > minutes}
    behind = {one.ref for one in meters if one.gateway in away}
    for one in verdicts:
        assert (one.state is State.BAD) == bool(one.code)
        if one.kind is Kind.SILENT_METER and one.subject in behind:
            assert one.state is State.UNKNOWN


BAD = Verdict(Kind.SILENT_METER, "m", State.BAD, Severity.ERROR, "meter_silent")
GOOD = Verdict(Kind.SILENT_METER, "m", State.GOOD)
UNKNOWN = Verdict(Kind.SILENT_METER, "m", State.UNKNOWN)


def run(verdicts, every=5 * MINUTE):
    """What is told of one subject, at which look."""
    course = last = None
    told = []
    for number, verdict in enumerate(verdicts):
        now = NOW + number * every
        course, event = follow(course, verdict, now, flaps=flaps_after(last, now))
        if event is not None:
            told.append((number, event))
        if course is not None and course.ended_at is not None:
            last, course = course, None
    return told, course


def test_an_alarm_is_opened_once_and_ends_after_a_calm_time():
    told, _ = run([GOOD, BAD, BAD, GOOD, *[GOOD] * 10])
    assert told == [(1, Event.OPENED), (9, Event.ENDED)]


def test_what_is_unknown_neither_opens_nor_ends():
    assert run([UNKNOWN] * 50) == ([], None)
    told, course = run([BAD, *[GOOD] * 4, UNKNOWN, *[GOOD] * 6])
    assert told == [(0, Event.OPENED)]
    assert course.calm_since is not None


def test_worse_is_told_once_and_never_taken_back():
    mild = Verdict(Kind.RESIDUAL, "", State.BAD, Severity.WARNING, "residual_less")
    grave = Verdict(Kind.RESIDUAL, "", State.BAD, Severity.ERROR, "residual_less")
    told, course = run([mild, grave, mild, grave])
    assert told == [(0, Event.OPENED), (1, Event.WORSE)]
    assert course.severity is Severity.ERROR


def test_who_puts_off_is_reminded_once():
    course = Course(Severity.ERROR, NOW, NOW, snoozed_until=NOW + HOUR)
    course, event = follow(course, BAD, NOW + HOUR - MINUTE)
    assert event is None
    course, event = follow(course, BAD, NOW + HOUR)
    assert (event, course.snoozed_until) == (Event.REMINDED, None)
    assert follow(course, BAD, NOW + 2 * HOUR)[1] is None


@given(st.lists(st.integers(1, 60), min_size=20, max_size=120))
def test_whoever_flaps_is_told_less_and_less(spans):
    """Whatever the rhythm in which a meter comes and goes, at most a few messages a day."""
    verdicts = []
    for number, span in enumerate(spans):
        verdicts += [BAD if number % 2 == 0 else GOOD] * span
    told, _ = run(verdicts)
    days = len(verdicts) * 5 * MINUTE / DAY
    assert len(told) <= 16 + 2 * days
    kinds = [event for _, event in told]
    assert kinds[::2] == [Event.OPENED] * len(kinds[::2])
    assert kinds[1::2] == [Event.ENDED] * len(kinds[1::2])


@given(st.lists(st.sampled_from([BAD, GOOD, UNKNOWN]), max_size=300))
def test_nothing_ends_before_its_calm_time(verdicts):
    told, _ = run(verdicts)
    for number, event in told:
        if event is Event.ENDED:
            calm = int(CALM / (5 * MINUTE))
            assert set(verdicts[number - calm : number + 1]) == {GOOD}


def test_the_calm_time_doubles_up_to_a_day():
    assert [calm_time(n) / CALM for n in range(4)] == [1, 2, 4, 8]
    assert calm_time(10**9) == LONGEST_CALM
