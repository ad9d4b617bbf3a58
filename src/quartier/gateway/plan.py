"""When a bus is to be asked for what. Only arithmetic: what time it is, is an argument.

All meters of a bus are read around the boundary of a quarter-hour, one after the other; where that
takes long, it begins before, so that the boundary lies in the middle. Power is read in between,
and meters of the plan ``day`` in the pass at local midnight.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum

from quartier.core.kernel.period import QUARTER, on_grid, slot_at, slot_starts_at, utc

LONGEST_LEAD = timedelta(seconds=120)
LATEST = timedelta(minutes=5)
"""So long after its boundary a pass that was held up still begins."""
_LEAST_ROOM = timedelta(seconds=2)


class What(Enum):
    """What a pass reads."""

    REGISTERS = "registers"
    """Of the meters read each quarter-hour, and their power."""
    REGISTERS_OF_ALL = "registers of all"
    """Also of those read once a day."""
    POWER = "power"


@dataclass(frozen=True, slots=True)
class Pass:
    """Read ``what`` for the instant ``target_at``, beginning at ``starts_at``."""

    what: What
    target_at: datetime
    starts_at: datetime


def next_boundary(after: datetime) -> datetime:
    """The first boundary of a quarter-hour that is later than ``after``."""
    return slot_starts_at(slot_at(after) + 1)


def is_midnight(at: datetime, zone: tzinfo) -> bool:
    """Whether a day begins at the boundary ``at`` in ``zone``. Where no midnight exists, as when
    the clock goes forward over it, the first boundary of the day is meant."""
    assert on_grid(at), "asked of boundaries"
    return at.astimezone(zone).date() != (utc(at) - QUARTER).astimezone(zone).date()


def next_pass(
    now: datetime,
    done_until: datetime,
    *,
    zone: tzinfo,
    duration: timedelta,
    power_every: timedelta,
    power_done_until: datetime,
) -> Pass:
    """The next pass of a bus whose boundaries are read up to ``done_until`` and power up to
    ``power_done_until``. ``duration`` is how long the last pass over its registers took.

    A boundary that passed unread is not made up for: what is read now is of now, and the platform
    interpolates.
    """
    now = utc(now)
    if done_until > now + QUARTER:  # the clock was set back
        done_until = power_done_until = now
    lead = min(duration / 2, LONGEST_LEAD)
    boundary_at = max(next_boundary(done_until), _boundary_at_or_after(now - LATEST))
    what = What.REGISTERS_OF_ALL if is_midnight(boundary_at, zone) else What.REGISTERS
    starts_at = boundary_at - lead
    power_at = _next_multiple(max(power_done_until, now - power_every), power_every)
    if max(power_at, now) + max(lead, _LEAST_ROOM) < starts_at:
        return Pass(What.POWER, power_at, power_at)
    return Pass(what, boundary_at, starts_at)


def _boundary_at_or_after(at: datetime) -> datetime:
    return at if on_grid(at) else next_boundary(at)


def _next_multiple(after: datetime, every: timedelta) -> datetime:
    """The first whole multiple of ``every`` since 1970 that is later than ``after``."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + ((utc(after) - epoch) // every + 1) * every
