"""How long a car was plugged in, charged, was held back, and stood idle (rules.md e.1, [GK]).

Idle is what an idle fee may count: the car takes nothing of its own accord, or stays after its
transaction has ended. While the station holds the car back, by load management or for the sun, it
is not idle.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from quartier.core.charging.facts import ChargingState, Status, StatusTold

_TAKEN = (Status.OCCUPIED, Status.FAULTED)
"""A car may be there."""


@dataclass(frozen=True, slots=True)
class Times:
    """Of one session. ``plugged_out_at`` is None while the car is there; the lengths are then those
    up to the last thing that was told."""

    plugged_in_at: datetime
    plugged_out_at: datetime | None
    charging: timedelta
    held: timedelta
    idle: timedelta


def times_of(
    begun_at: datetime,
    ended_at: datetime | None,
    states: Iterable[tuple[datetime, ChargingState]],
    statuses: Iterable[StatusTold],
    *,
    previous_at: datetime | None = None,
    next_begun_at: datetime | None = None,
) -> Times:
    """``states`` of the transaction, ``statuses`` of its connector around it, in any order, each
    with its instant. When the next one begins at the EVSE, the car is gone at the latest;
    it did not come before ``previous_at``, the last that was told of the one before."""
    told = sorted((one for one in statuses if one.at is not None), key=_when)
    taken_since = _taken_since(begun_at, told)
    plugged_in_at = taken_since or begun_at
    if previous_at is not None:
        plugged_in_at = min(max(plugged_in_at, previous_at), begun_at)
    plugged_out_at = _plugged_out(ended_at or begun_at, told)
    if taken_since is None and not any(_when(one) >= begun_at for one in told):
        plugged_out_at = ended_at  # it tells no status
    if next_begun_at is not None:
        plugged_out_at = min(plugged_out_at or next_begun_at, next_begun_at)
    all_told = [*states, *((_when(one), one.state) for one in told if one.state is not None)]
    last_at = plugged_out_at or max([begun_at, ended_at or begun_at, *(at for at, _ in all_told)])
    # Of what it was before the begin the last counts, from the begin on.
    inside = sorted((max(at, begun_at), at, state) for at, state in all_told if plugged_in_at <= at)
    own = [(at, state) for at, _, state in inside if at <= last_at]
    if ended_at is not None:
        own = [(at, state) for at, state in own if at < ended_at]
        own.append((ended_at, ChargingState.SUSPENDED_EV))  # idle, if the car stays
    return Times(plugged_in_at, plugged_out_at, *_lengths(own, last_at))


def _lengths(
    states: Sequence[tuple[datetime, ChargingState]], last_at: datetime
) -> tuple[timedelta, timedelta, timedelta]:
    charging = held = idle = timedelta(0)
    has_charged = False
    ends = [*(at for at, _ in states), last_at][1:]
    for (at, state), end_at in zip(states, ends, strict=True):
        length = max(end_at - at, timedelta(0))
        if state is ChargingState.CHARGING:
            has_charged = True
            charging += length
        elif state is ChargingState.SUSPENDED_EVSE:
            held += length
        elif state is ChargingState.SUSPENDED_EV or has_charged:
            idle += length
    return charging, held, idle


def _taken_since(begun_at: datetime, told: Sequence[StatusTold]) -> datetime | None:
    """Since when the connector is taken without a break; None where that was not told."""
    since: datetime | None = None
    for one in told:
        if _when(one) > begun_at:
            break
        since = (since or _when(one)) if one.status in _TAKEN else None
    return since


def _plugged_out(from_at: datetime, told: Sequence[StatusTold]) -> datetime | None:
    """When it is free after that."""
    for one in told:
        if _when(one) >= from_at and one.status not in _TAKEN:
            return _when(one)
    return None


def _when(one: StatusTold) -> datetime:
    assert one.at is not None, "who asks has given it an instant"
    return one.at
