"""From what was told of a transaction to a charging session: its energy by quarter-hour, its times,
and what is wrong with it (rules.md e.1).

A session with an error is not billed before a person has decided. What the station did not tell is
never made up: energy before its first register or after its last one is nobody's, and said.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from quartier.core.charging.facts import IdToken, SignedValue, StatusTold
from quartier.core.charging.quarters import quarters_of
from quartier.core.charging.record import Point, Presented, Quarter, Record
from quartier.core.charging.times import Times, times_of
from quartier.core.kernel.findings import Finding, Severity, error, info, warning
from quartier.core.kernel.quality import Quality
from quartier.core.metering.registers import QuarterHours

CLOCK_DRIFT = timedelta(seconds=60)
"""A station's clock may be so far ahead of ours (rules.md e.1, [GK])."""
NEAR = timedelta(seconds=60)
"""A register so near the begin or the end counts as that of the begin or the end."""
ROUNDING_WH = 100
"""A station that shows kWh with one decimal may seem to fall by so much [GK]."""
LONGEST = timedelta(days=31)
MOST_W = 400_000
"""More than any station delivers [GK]."""
_HOUR = timedelta(hours=1)


class Stage(StrEnum):
    """How far a session is."""

    RUNNING = "running"
    ENDED = "ended"
    ABANDONED = "abandoned"
    """Its station began the next one at the same EVSE and never told its end."""
    REFUSED = "refused"
    """Its token may not charge, and nothing has flowed."""


@dataclass(frozen=True, slots=True)
class Session:
    """One transaction. ``token`` is None where nobody presented one that may charge. ``energy_wh``
    is the sum of ``quarters``; it and they grow while the session runs."""

    stage: Stage
    evse_id: int
    connector_id: int
    token: IdToken | None
    begun_at: datetime
    ended_at: datetime | None
    reason: str
    begin_wh: Decimal | None
    end_wh: Decimal | None
    energy_wh: int
    quarters: QuarterHours
    times: Times
    signed: tuple[SignedValue, ...] = ()
    findings: tuple[Finding, ...] = field(default=())

    @property
    def is_estimated(self) -> bool:
        """Whether a boundary of a quarter-hour was interpolated."""
        return Quality.ESTIMATED in self.quarters.qualities

    @property
    def is_sound(self) -> bool:
        """Whether it can be billed once it has ended."""
        return all(one.severity is not Severity.ERROR for one in self.findings)


def session_of(
    record: Record,
    *,
    where: str = "",
    statuses: Sequence[StatusTold] = (),
    measured: Sequence[Quarter] = (),
    previous_at: datetime | None = None,
    next_begun_at: datetime | None = None,
) -> Session:
    """The session of ``record``, to which at least one fact was told.

    ``statuses``: of its connector, each with
    an instant. ``measured``: registers that its EVSE told outside of a transaction.
    ``previous_at``: the last that was told of the transaction before at the same EVSE;
    ``next_begun_at``: when the next transaction at the same EVSE began that was not refused.
    """
    assert record.first_at is not None, "something was told"
    findings: list[Finding] = []
    note = _Notes(findings, where)
    begun_at = min(record.begins).at if record.begins else record.first_at
    token = _token(record, note)
    if token is None and record.tokens:
        statuses, previous_at, next_begun_at = (), None, None  # it charges nobody's car
    ended_at, reason, stage = _end(record, begun_at, next_begun_at, note)
    _check_steps(record, begun_at, ended_at, stage, note)
    points = _points(record, measured, begun_at, ended_at, note)
    energy_wh, quarters = 0, QuarterHours(0)
    if points:
        quarters = quarters_of(points)
        energy_wh = sum(one or 0 for one in quarters.energies_wh)
    if not record.begins and points and stage is not Stage.RUNNING:
        note(error, "charging.no_begin", "the station never told its begin.")
    if stage in (Stage.ENDED, Stage.ABANDONED) and points:
        _check_outer(points, begun_at, ended_at, stage, note)
    if token is None and record.tokens:
        if energy_wh:
            note(
                error,
                "charging.refused_energy",
                f"{_kwh(energy_wh)} kWh flowed though its token may not charge.",
                "Decide who pays, and set the station to stop transactions of unknown tokens.",
            )
        else:
            stage = Stage.REFUSED  # also before its end: it closes no other
    evse_id = min((evse for evse, _ in record.places), default=0)
    connector_id = max((one for evse, one in record.places if evse == evse_id), default=0)
    return Session(
        stage,
        evse_id,
        connector_id,
        token,
        begun_at,
        ended_at,
        reason,
        points[0].value if points else None,
        points[-1].value if points else None,
        energy_wh,
        quarters,
        times_of(
            begun_at,
            ended_at,
            record.states,
            statuses,
            previous_at=previous_at,
            next_begun_at=next_begun_at,
        ),
        record.signed,
        tuple(findings),
    )


class _Notes:
    """Notes findings of one session."""

    def __init__(self, findings: list[Finding], where: str) -> None:
        self._findings = findings
        self._where = where

    def __call__(
        self, severity: Callable[..., Finding], code: str, text: str, remedy: str = ""
    ) -> None:
        self._findings.append(severity(code, text, where=self._where, remedy=remedy or _LOOK))


_LOOK = "Look at what the station said, and decide what is billed."


def _end(
    record: Record, begun_at: datetime, next_begun_at: datetime | None, note: _Notes
) -> tuple[datetime | None, str, Stage]:
    if record.ends:
        last = max(record.ends)
        if len({one.at for one in record.ends}) > 1:
            note(error, "charging.two_ends", "the station told two different ends.")
        if last.at < begun_at:
            note(
                error,
                "charging.ends_before_begin",
                f"it ends at {_at(last.at)}, before its begin at {_at(begun_at)}.",
                "Set the station's clock; decide what is billed.",
            )
            return begun_at, last.reason, Stage.ENDED
        return last.at, last.reason, Stage.ENDED
    if next_begun_at is not None:
        assert record.last_at is not None
        note(
            warning,
            "charging.never_ended",
            f"its end was never told; the next one at this EVSE began at {_at(next_begun_at)}. "
            "What the station had told until then counts.",
            "Look whether the station loses messages; what flowed after its last register is "
            "nobody's.",
        )
        last_at = max((point.at for point in record.points()), default=record.last_at)
        return max(begun_at, min(last_at, next_begun_at)), "", Stage.ABANDONED
    return None, "", Stage.RUNNING


def _check_steps(
    record: Record,
    begun_at: datetime,
    ended_at: datetime | None,
    stage: Stage,
    note: _Notes,
) -> None:
    if len({one.at for one in record.begins}) > 1:
        note(error, "charging.two_begins", "the station told two different begins.")
    if len({evse_id for evse_id, _ in record.places}) > 1:
        note(error, "charging.two_places", "the station told it of two EVSEs.")
    if record.ahead > CLOCK_DRIFT:
        seconds = int(record.ahead.total_seconds())
        note(
            error,
            "charging.clock_ahead",
            f"the station's clock was {seconds} s ahead, more than "
            f"{int(CLOCK_DRIFT.total_seconds())} s: its quarter-hours are not to be trusted.",
            "Set the station's clock (its time server); decide what is billed.",
        )
    gaps = [(end, start) for (_, end), (start, _) in pairwise(record.runs)]
    if stage is Stage.ENDED and record.runs and record.runs[0][0] > 0:
        gaps.insert(0, (0, record.runs[0][0]))
    if gaps and stage is Stage.ENDED:
        count = sum(start - end for end, start in gaps)
        note(
            info,
            "charging.missing_steps",
            f"{count} of its messages never came.",
            "Their registers are interpolated.",
        )
    if (ended_at or record.last_at or begun_at) - begun_at > LONGEST:
        note(
            error,
            "charging.too_long",
            f"it lasts more than {LONGEST.days} days.",
            "Look whether the car is still there; restart the station.",
        )


def _token(record: Record, note: _Notes) -> IdToken | None:
    """Who began it: the first that may charge. Who ends it need not be who pays."""
    beginners = sorted(one for one in record.tokens if not one.ends)
    accepted = [one for one in beginners if not one.is_refused]
    if len({one.text.casefold() for one in accepted}) > 1:
        note(
            error,
            "charging.two_tokens",
            f"{len(accepted)} different tokens began it, the first at {_at(accepted[0].at)}.",
        )
    if accepted:
        return _id_token(accepted[0])
    enders = sorted(one for one in record.tokens if one.ends and not one.is_refused)
    if enders and not beginners:
        return _id_token(enders[0])
    return None


def _id_token(one: Presented) -> IdToken:
    return IdToken(one.text, one.kind)


def _points(
    record: Record,
    measured: Sequence[Quarter],
    begun_at: datetime,
    ended_at: datetime | None,
    note: _Notes,
) -> list[Point]:
    """The registers of the session in order of time; empty where they cannot be trusted."""
    points = record.points()
    if not points:
        note(
            error if ended_at is not None else info,
            "charging.no_register",
            "the station told no register (Energy.Active.Import.Register).",
            "Set the values that it sends; until then its sessions cannot be billed.",
        )
        return []
    low, high = points[0], points[-1]
    if high.at - low.at > LONGEST:
        note(
            error,
            "charging.too_long",
            f"it tells registers from {_at(low.at)} to {_at(high.at)}.",
            "The station's clock jumped; decide what is billed.",
        )
        return []
    points = sorted({*points, *_between(low, high, measured)})
    fallen = _fallen(points)
    if fallen or low.value < 0:
        before, after = fallen or (low, low)
        note(
            error,
            "charging.falls",
            f"its register falls from {_kwh(before.value)} kWh at {_at(before.at)} to "
            f"{_kwh(after.value)} kWh at {_at(after.at)}.",
            "The meter was reset or the clock jumped; decide what is billed.",
        )
        return []
    points = _rising(points)
    steep = next(((a, b) for a, b in pairwise(points) if _is_steep(a, b)), None)
    if steep:
        before, after = steep
        note(
            error,
            "charging.too_much",
            f"its register rises by {_kwh(after.value - before.value)} kWh from {_at(before.at)} "
            f"to {_at(after.at)}, more than a station delivers.",
            "Look at the station's meter; decide what is billed.",
        )
        return []
    if low.at < begun_at - NEAR or (ended_at is not None and high.at > ended_at + NEAR):
        note(
            error,
            "charging.outside",
            f"it tells registers from {_at(low.at)} to {_at(high.at)}, outside of the session.",
            "The station's clock jumped; decide what is billed.",
        )
        return []
    return points


def _fallen(points: Sequence[Point]) -> tuple[Point, Point] | None:
    """The first two registers between which it fell by more than rounding."""
    highest = points[0]
    for point in points[1:]:
        if point.value < highest.value - ROUNDING_WH:
            return highest, point
        highest = max(highest, point, key=lambda one: one.value)
    return None


def _rising(points: Sequence[Point]) -> list[Point]:
    """The same without the falls of rounding; the first and the last stay, for a station counts
    its begin and end in whole Wh and what lies between often more coarsely."""
    first, last = points[0].value, max(points[-1].value, points[0].value)
    highest, found = first, []
    for point in points:
        highest = min(max(highest, point.value), last)
        found.append(Point(point.at, highest))
    return [*found[:-1], Point(points[-1].at, last)]


def _between(low: Point, high: Point, measured: Iterable[Quarter]) -> set[Point]:
    """Those of ``measured`` that fit the session. A station whose registers begin anew with each
    transaction tells others outside of one."""
    found = {point for one in measured for point in (one.first, one.last, one.low, one.high)}
    return {
        one for one in found if low.at < one.at < high.at and low.value <= one.value <= high.value
    }


def _is_steep(before: Point, after: Point) -> bool:
    hours = Decimal((after.at - before.at + NEAR) // timedelta(microseconds=1)) / Decimal(
        _HOUR // timedelta(microseconds=1)
    )
    return after.value - before.value > hours * MOST_W


def _check_outer(
    points: list[Point],
    begun_at: datetime,
    ended_at: datetime | None,
    stage: Stage,
    note: _Notes,
) -> None:
    first, last = points[0], points[-1]
    if first.at > begun_at + NEAR:
        note(
            warning,
            "charging.no_begin_register",
            f"its first register is of {_at(first.at)}, its begin of {_at(begun_at)}; what flowed "
            "before is not counted.",
            "Let the station send its register at the begin.",
        )
    if stage is Stage.ENDED and ended_at is not None and last.at < ended_at - NEAR:
        note(
            warning,
            "charging.no_end_register",
            f"its last register is of {_at(last.at)}, its end of {_at(ended_at)}; what flowed "
            "after is not counted.",
            "Let the station send its register at the end.",
        )


def _kwh(energy_wh: Decimal | int) -> str:
    return f"{Decimal(energy_wh) / 1000:.3f}"


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
