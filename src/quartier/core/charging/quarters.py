"""The registers of a session to quarter-hours (rules.md e.1).

Before its begin and after its end nothing flows, so its outer quarter-hours are whole too. Where no
register lies on a boundary between them, it is interpolated inside the session's energy, and both
quarter-hours that touch the boundary are estimated. Their sum is the whole Wh of the session.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise

from quartier.core.charging.record import Point
from quartier.core.kernel.period import slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.boundaries import QUARTER_US, boundary_near_us
from quartier.core.metering.registers import QuarterHours

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def quarters_of(points: Sequence[Point]) -> QuarterHours:
    """The quarter-hours from the first to the last of ``points``, which are in order of time, at
    least one, and whose values do not fall."""
    assert all(a.at <= b.at and a.value <= b.value for a, b in pairwise(points)), "they rise"
    states = _on_boundaries(points)
    first, last = slot_at(points[0].at), slot_at(points[-1].at)
    # A last register on a boundary ends the quarter-hour before it.
    if last > first and slot_starts_at(last) == points[-1].at:
        last -= 1
    borders = [_at_boundary(states, slot * QUARTER_US) for slot in range(first + 1, last + 1)]
    values = [states[0][1], *(value for value, _ in borders), states[-1][1]]
    exact = [True, *(is_read for _, is_read in borders), True]
    whole = [value.numerator // value.denominator for value in values]
    return QuarterHours(
        first,
        [after - before for before, after in pairwise(whole)],
        [
            Quality.MEASURED if before and after else Quality.ESTIMATED
            for before, after in pairwise(exact)
        ],
    )


def _on_boundaries(points: Sequence[Point]) -> list[tuple[int, Fraction]]:
    """Instants (microseconds since 1970) and values; the nearest to each boundary is moved onto it,
    as for meters, but neither the first nor the last of all."""
    instants = [(one.at - _EPOCH) // _MICROSECOND for one in points]
    nearest: dict[int, int] = {}
    for i, us in enumerate(instants[1:-1], 1):
        at = boundary_near_us(us)
        if at is None or not instants[0] < at < instants[-1]:
            continue
        best = abs(instants[nearest[at]] - at) if at in nearest else None
        # Of several at one instant before the boundary the last is next to it.
        if best is None or abs(us - at) < best or (abs(us - at) == best and us < at):
            nearest[at] = i
    for at, i in nearest.items():
        instants[i] = at
    return sorted({(us, Fraction(one.value)) for us, one in zip(instants, points, strict=True)})


def _at_boundary(states: list[tuple[int, Fraction]], us: int) -> tuple[Fraction, bool]:
    """The register at a boundary inside, and whether it was read there."""
    i = bisect_right(states, us, key=lambda state: state[0])
    (before_us, before), (after_us, after) = states[i - 1], states[i]
    if before_us == us:
        return before, True
    return before + (after - before) * Fraction(us - before_us, after_us - before_us), False
