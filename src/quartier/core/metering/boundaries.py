"""Which readings count for the boundary of a quarter-hour: those up to 30 seconds from it, of which
``registers.py`` takes the nearest.

Base only: no NumPy (architecture.md, extras).
"""

from datetime import UTC, datetime, timedelta

from quartier.core.kernel.period import QUARTER_SECONDS, utc

BOUNDARY_SECONDS = 30
"""How far from a boundary a reading still counts as read on it."""

QUARTER_US = QUARTER_SECONDS * 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def boundary_near_us(us: int) -> int | None:
    """The boundary that a reading at ``us`` (microseconds since 1970) may count for."""
    at = (us + QUARTER_US // 2) // QUARTER_US * QUARTER_US
    return at if abs(us - at) <= BOUNDARY_SECONDS * 1_000_000 else None


def rivals(at: datetime) -> tuple[datetime, datetime]:
    """From when to when (both included) readings may count for the same boundary as one at ``at``:
    who leaves out some of them takes another for the nearest. Without a boundary only ``at``."""
    boundary_us = boundary_near_us((utc(at) - _EPOCH) // _MICROSECOND)
    if boundary_us is None:
        return at, at
    boundary_at = _EPOCH + boundary_us * _MICROSECOND
    near = timedelta(seconds=BOUNDARY_SECONDS)
    return boundary_at - near, boundary_at + near
