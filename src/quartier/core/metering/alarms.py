"""When something is wrong with the meters of a site, as verdicts (docs/guides/alarms.md).

Values in, verdicts out: what is known of gateways, meters and a day is judged by rules, whose
limits are data. What cannot be told now is *unknown*, never good: while a gateway is silent,
nothing is said of the meters behind it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from quartier.core.kernel.findings import Finding, Severity


class Kind(StrEnum):
    """What can be wrong."""

    SILENT_GATEWAY = "silent_gateway"
    SILENT_METER = "silent_meter"
    CLOCK = "clock"
    POWER = "power"
    IMPLAUSIBLE = "implausible"
    RESIDUAL = "residual"


class State(StrEnum):
    """The verdict. ``UNKNOWN``: cannot be told now."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Limit:
    """One number of a rule: its name with its unit, and what it may be."""

    name: str
    default: int
    least: int
    most: int


LIMITS: Mapping[Kind, tuple[Limit, ...]] = {
    Kind.SILENT_GATEWAY: (Limit("minutes", 60, 5, 10_080),),
    Kind.SILENT_METER: (Limit("quarter_hours", 8, 2, 672), Limit("days", 2, 2, 60)),
    Kind.CLOCK: (Limit("seconds", 30, 5, 3_600),),
    Kind.POWER: (Limit("percent_of_fuse", 110, 50, 300),),
    Kind.IMPLAUSIBLE: (),
    Kind.RESIDUAL: (
        Limit("warning_per_mille", 5, 1, 500),
        Limit("error_per_mille", 20, 1, 500),
    ),
}
"""The limits of each kind and their defaults: a residual of 0.5 % warns, one of 2 % is an error
(rules.md a.3, losses [S7]); beyond 30 s a reading is no more the boundary's (rules.md f.1); the
others are proposals [D]."""

NOT_IMPLAUSIBLE = frozenset({"metering.gap", "metering.late", "metering.sum"})
"""Findings on quarter-hours that are no implausible value: they are missing, or of the site."""


class BadLimit(ValueError):
    """A limit that cannot be; the text says which and what it may be."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Whether a kind is watched, and from which limits on. Raises :class:`BadLimit`."""

    kind: Kind
    is_watched: bool
    limits: tuple[int, ...]

    def __post_init__(self) -> None:
        expected = LIMITS[self.kind]
        if len(self.limits) != len(expected):
            raise BadLimit(f"{self.kind} has {len(expected)} limits, not {len(self.limits)}")
        for limit, value in zip(expected, self.limits, strict=True):
            if not limit.least <= value <= limit.most:
                raise BadLimit(
                    f"{self.kind}: {limit.name} may be from {limit.least} to {limit.most}"
                )
        if self.kind is Kind.RESIDUAL and self.limits[0] > self.limits[1]:
            raise BadLimit("residual: the warning must not be above the error")


def default_rule(kind: Kind) -> Rule:
    """The rule of ``kind`` where nobody set another."""
    return Rule(kind, True, tuple(limit.default for limit in LIMITS[kind]))


Rules = Mapping[Kind, Rule]


@dataclass(frozen=True, slots=True)
class GatewayState:
    """A paired gateway. ``seen_at`` None: never; ``is_settling``: it was silent until a moment ago,
    and what it kept meanwhile is still on its way."""

    name: str
    paired_at: datetime
    seen_at: datetime | None = None
    clock_ahead_ms: int | None = None
    is_settling: bool = False


@dataclass(frozen=True, slots=True)
class MeterState:
    """A meter that a gateway reads, daily or each quarter-hour, since ``connected_at``.

    ``power_w`` is the largest of the last minutes, without sign, and ``power_limit_w`` what its
    fuse carries; None where unknown.
    """

    ref: str
    gateway: str
    is_daily: bool
    connected_at: datetime
    read_at: datetime | None = None
    power_w: Decimal | None = None
    power_limit_w: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DayState:
    """A whole local day: what was noticed in its quarter-hours, by ref of the meter, with an entry
    for each meter that was looked at; and of the whole site."""

    day: date
    begun_at: datetime
    by_meter: Mapping[str, Sequence[Finding]]
    of_site: Sequence[Finding]
    electric: frozenset[str]
    """The meters that the sum over the site rests on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one subject (a gateway's name, a meter's ref; empty: the site).

    ``code`` is the key of the sentence and ``values`` what it is filled with; ``since`` when it
    began.
    """

    kind: Kind
    subject: str
    state: State
    severity: Severity = Severity.ERROR
    code: str = ""
    since: datetime | None = None
    values: tuple[tuple[str, str], ...] = ()


def judge_now(
    gateways: Sequence[GatewayState], meters: Iterable[MeterState], rules: Rules, now: datetime
) -> Iterator[Verdict]:
    """Verdicts on what is so at this moment, of the kinds that are watched: one a kind and
    subject."""
    away = {}
    minutes = rules[Kind.SILENT_GATEWAY].limits[0]
    for one in gateways:
        heard_at = one.seen_at or one.paired_at
        away[one.name] = now - heard_at > timedelta(minutes=minutes)
        if rules[Kind.SILENT_GATEWAY].is_watched:
            yield _gateway(one, away[one.name])
        if rules[Kind.CLOCK].is_watched:
            yield _clock(one, away[one.name], rules[Kind.CLOCK].limits[0])
    known = {one.name: one for one in gateways}
    for meter in meters:
        gateway = known.get(meter.gateway)
        if rules[Kind.SILENT_METER].is_watched:
            is_known = gateway is not None and not (away[gateway.name] or gateway.is_settling)
            heard = gateway.seen_at if gateway is not None and is_known else None
            yield _silence(meter, heard, rules[Kind.SILENT_METER].limits)
        if rules[Kind.POWER].is_watched:
            yield _power(meter, rules[Kind.POWER].limits[0])


def judge_day(day: DayState, rules: Rules) -> Iterator[Verdict]:
    """Verdicts on a day that has ended, of the kinds that are watched.

    A residual is told of a day without a gap in its meters only: a part of a day says nothing.
    """
    values = (("day", day.day.isoformat()),)
    has_gap = any(
        one.code == "metering.gap" for ref in day.electric for one in day.by_meter.get(ref, ())
    )
    if rules[Kind.IMPLAUSIBLE].is_watched:
        for ref, findings in day.by_meter.items():
            odd = [one for one in findings if one.code not in NOT_IMPLAUSIBLE]
            if odd:
                worst = min(odd, key=lambda one: one.severity is not Severity.ERROR)
                yield Verdict(
                    Kind.IMPLAUSIBLE,
                    ref,
                    State.BAD,
                    worst.severity,
                    worst.code.removeprefix("metering."),
                    worst.since or day.begun_at,
                    values,
                )
            else:
                is_whole = all(one.code != "metering.gap" for one in findings)
                state = State.GOOD if is_whole else State.UNKNOWN
                yield Verdict(Kind.IMPLAUSIBLE, ref, state)
    if rules[Kind.RESIDUAL].is_watched:
        sums = [one for one in day.of_site if one.code == "metering.sum"]
        if has_gap or not day.electric:
            yield Verdict(Kind.RESIDUAL, "", State.UNKNOWN)
        elif sums:
            found = dict(sums[0].values)
            code = "residual_less" if found.get("side") == "less" else "residual_more"
            yield Verdict(
                Kind.RESIDUAL,
                "",
                State.BAD,
                sums[0].severity,
                code,
                day.begun_at,
                (*values, ("percent", found["percent"])),
            )
        else:
            yield Verdict(Kind.RESIDUAL, "", State.GOOD)


def _gateway(one: GatewayState, is_away: bool) -> Verdict:
    if not is_away:
        return Verdict(Kind.SILENT_GATEWAY, one.name, State.GOOD)
    code = "gateway_silent" if one.seen_at else "gateway_never"
    since = one.seen_at or one.paired_at
    return Verdict(Kind.SILENT_GATEWAY, one.name, State.BAD, Severity.ERROR, code, since)


def _clock(one: GatewayState, is_away: bool, seconds: int) -> Verdict:
    if is_away or one.clock_ahead_ms is None:
        return Verdict(Kind.CLOCK, one.name, State.UNKNOWN)
    if abs(one.clock_ahead_ms) <= seconds * 1000:
        return Verdict(Kind.CLOCK, one.name, State.GOOD)
    code = "clock_ahead" if one.clock_ahead_ms > 0 else "clock_behind"
    values = (("seconds", str(abs(one.clock_ahead_ms) // 1000)),)
    return Verdict(Kind.CLOCK, one.name, State.BAD, Severity.WARNING, code, one.seen_at, values)


def _silence(one: MeterState, heard_at: datetime | None, limits: tuple[int, ...]) -> Verdict:
    """By what its gateway could have sent by ``heard_at``; None: that is not known."""
    if heard_at is None:
        return Verdict(Kind.SILENT_METER, one.ref, State.UNKNOWN)
    allowed = timedelta(days=limits[1]) if one.is_daily else timedelta(minutes=15) * limits[0]
    since = one.connected_at if one.read_at is None else max(one.read_at, one.connected_at)
    if heard_at - since <= allowed:
        return Verdict(Kind.SILENT_METER, one.ref, State.GOOD)
    code = "meter_never" if one.read_at is None else "meter_silent"
    since = one.connected_at if one.read_at is None else one.read_at
    return Verdict(Kind.SILENT_METER, one.ref, State.BAD, Severity.ERROR, code, since)


def _power(one: MeterState, percent: int) -> Verdict:
    if one.power_w is None or one.power_limit_w is None:
        return Verdict(Kind.POWER, one.ref, State.UNKNOWN)
    if one.power_w * 100 <= one.power_limit_w * percent:
        return Verdict(Kind.POWER, one.ref, State.GOOD)
    values = (("power_kw", _kw(one.power_w)), ("limit_kw", _kw(one.power_limit_w)))
    return Verdict(Kind.POWER, one.ref, State.BAD, Severity.ERROR, "power", None, values)


def _kw(power_w: Decimal) -> str:
    return f"{power_w / 1000:.1f}"
