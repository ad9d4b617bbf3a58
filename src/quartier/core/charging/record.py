"""All that was told of one transaction, in whatever order and how often.

Each part of a record is a set, or the first and last of one, so that joining is commutative,
associative and idempotent: facts that come late, twice or out of order make the same record. Of the
registers those are kept that a quarter-hour needs: the first, the last, the lowest and the highest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal

from quartier.core.charging.facts import (
    REGISTER,
    ChargingState,
    IdToken,
    Sample,
    SignedValue,
    Step,
    TransactionTold,
)
from quartier.core.kernel.period import slot_at

MOST_STATES = 500
"""Changes of a charging state that are kept, the earliest first."""
MOST_QUARTERS = 4 * 24 * 62
"""Quarter-hours of a transaction whose registers are kept, the earliest first."""
MOST_RUNS = 100
"""Of sequence numbers: more are those of no station."""
_SMALLEST = -9
_ENDING = ("StopAuthorized", "Deauthorized")
"""A token that comes with it ends the transaction (OCPP 2.0.1, TriggerReasonEnumType)."""
_BILLED_AT = "Outlet"


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """The register showed ``value`` (Wh) at that instant."""

    at: datetime
    value: Decimal


@dataclass(frozen=True, slots=True)
class Quarter:
    """What is kept of the registers told in one quarter-hour."""

    first: Point
    last: Point
    low: Point
    high: Point

    @classmethod
    def of(cls, point: Point) -> "Quarter":
        """Of one register."""
        return cls(point, point, point, point)

    def with_other(self, other: "Quarter") -> "Quarter":
        """Of both."""
        return Quarter(
            min(self.first, other.first),
            max(self.last, other.last),
            min(self.low, other.low, key=_by_value),
            max(self.high, other.high, key=_by_value),
        )


@dataclass(frozen=True, slots=True, order=True)
class Begun:
    """The transaction began; 0 is what was not told."""

    at: datetime
    evse_id: int = 0
    connector_id: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Ended:
    """The transaction ended; ``reason`` is a word of OCPP (2.0.1, ReasonEnumType)."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class Presented:
    """A token was held to the station. ``is_refused``: we answered that it may not charge."""

    at: datetime
    text: str
    kind: str = ""
    is_refused: bool = False
    ends: bool = False
    """It ended the transaction."""


@dataclass(frozen=True, slots=True)
class Record:
    """One transaction, as far as it was told. ``runs`` are the sequence numbers that came, as
    half-open runs; ``ahead`` is how far the station's clock was ahead of ours at most."""

    begins: frozenset[Begun] = frozenset()
    ends: frozenset[Ended] = frozenset()
    tokens: frozenset[Presented] = frozenset()
    places: frozenset[tuple[int, int]] = frozenset()
    """EVSE and connector; 0 where the connector was not told."""
    states: tuple[tuple[datetime, ChargingState], ...] = ()
    quarters: Mapping[int, Quarter] = field(default_factory=dict)
    signed: tuple[SignedValue, ...] = ()
    runs: tuple[tuple[int, int], ...] = ()
    first_at: datetime | None = None
    last_at: datetime | None = None
    ahead: timedelta = timedelta(0)
    is_offline: bool = False
    remote_start_ids: frozenset[int] = frozenset()
    reservation_ids: frozenset[int] = frozenset()

    def with_told(self, told: TransactionTold, received_at: datetime) -> "Record":
        """With one more fact."""
        return self.joined(_of(told, received_at))

    def joined(self, other: "Record") -> "Record":
        """What both know."""
        states = sorted({*self.states, *other.states})[:MOST_STATES]
        return Record(
            self.begins | other.begins,
            self.ends | other.ends,
            self.tokens | other.tokens,
            self.places | other.places,
            tuple(states),
            joined(self.quarters, other.quarters),
            _outermost({*self.signed, *other.signed}),
            _runs([*self.runs, *other.runs]),
            min(_told(self.first_at, other.first_at), default=None),
            max(_told(self.last_at, other.last_at), default=None),
            max(self.ahead, other.ahead),
            self.is_offline or other.is_offline,
            self.remote_start_ids | other.remote_start_ids,
            self.reservation_ids | other.reservation_ids,
        )

    def points(self) -> list[Point]:
        """The registers that are kept, each once, in order of time."""
        return sorted(
            {
                point
                for one in self.quarters.values()
                for point in (one.first, one.last, one.low, one.high)
            }
        )


def registers_of(samples: Iterable[Sample]) -> dict[int, Quarter]:
    """Of ``samples`` the registers that are billed by, by quarter-hour."""
    found: dict[int, Quarter] = {}
    for one in samples:
        if one.measurand != REGISTER or one.phase or one.location != _BILLED_AT:
            continue
        quarter = Quarter.of(Point(one.at, _trimmed(one.value)))
        slot = slot_at(one.at)
        found[slot] = found[slot].with_other(quarter) if slot in found else quarter
    return found


def joined(one: Mapping[int, Quarter], other: Mapping[int, Quarter]) -> Mapping[int, Quarter]:
    """Registers by quarter-hour of both, as far as they are kept."""
    if not other:
        return one
    found = dict(one)
    for slot, quarter in other.items():
        found[slot] = found[slot].with_other(quarter) if slot in found else quarter
    if len(found) <= MOST_QUARTERS:
        return found
    return {slot: found[slot] for slot in sorted(found)[:MOST_QUARTERS]}


def _of(told: TransactionTold, received_at: datetime) -> Record:
    at = told.at
    token = told.token or IdToken("")
    ends = told.step is Step.ENDED or told.trigger in _ENDING
    presented = Presented(at, token.text, token.kind, told.is_refused, ends)
    whole = Record(
        states=() if told.state is None else ((at, told.state),),
        quarters=registers_of(told.samples),
        signed=_outermost(set(told.signed)),
        runs=() if told.sequence is None else ((told.sequence, told.sequence + 1),),
        first_at=at,
        last_at=at,
        ahead=max(at - received_at, timedelta(0)),
        is_offline=told.is_offline,
        remote_start_ids=_one(told.remote_start_id),
        reservation_ids=_one(told.reservation_id),
    )
    if told.token is not None:
        whole = replace(whole, tokens=frozenset((presented,)))
    if told.evse_id:
        whole = replace(whole, places=frozenset(((told.evse_id, told.connector_id or 0),)))
    if told.step is Step.STARTED:
        begun = Begun(at, told.evse_id or 0, told.connector_id or 0)
        return replace(whole, begins=frozenset((begun,)))
    if told.step is Step.ENDED:
        return replace(whole, ends=frozenset((Ended(at, told.stopped),)))
    return whole


def _outermost(found: set[SignedValue]) -> tuple[SignedValue, ...]:
    """The first and the last: that is what a driver checks (rules.md e.2)."""
    ordered = sorted(found, key=lambda one: (one.at, one.context, one.data))
    return (ordered[0], ordered[-1]) if len(ordered) > 1 else tuple(ordered)


def _runs(found: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    runs: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if runs and start <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(runs[-1][1], end))
        else:
            runs.append((start, end))
    return tuple(runs[:MOST_RUNS])


def _trimmed(value: Decimal) -> Decimal:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "samples are numbers"
    return (
        value
        if exponent >= _SMALLEST
        else value.quantize(Decimal(1).scaleb(_SMALLEST), ROUND_FLOOR)
    )


def _by_value(point: Point) -> tuple[Decimal, datetime]:
    return point.value, point.at


def _told(*instants: datetime | None) -> list[datetime]:
    return [at for at in instants if at is not None]


def _one(number: int | None) -> frozenset[int]:
    return frozenset(() if number is None else (number,))
