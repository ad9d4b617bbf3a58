"""What each file of load curves or readings gave a register (``models.Contribution``)."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from quartier.apps.intake.models import Contribution, IntakeFile
from quartier.apps.intake.whole_curve import WholeCurve
from quartier.core.kernel.period import slot_at, utc

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Import:
    """Which file is imported, when and by whom."""

    file: IntakeFile
    at: datetime
    by: str


def of_curve(
    told: Import,
    site_id: int,
    register_id: int,
    curve: WholeCurve,
    taken: Mask,
    carried_wh: Decimal,
) -> Contribution | None:
    """The row for the quarter-hours ``taken`` bool[t] of ``curve``, t from its first slot; None
    if it gave none. ``carried_wh`` was carried into it."""
    positions = np.flatnonzero(taken)
    if not len(positions):
        return None
    first = curve.first_slot + int(positions[0])
    end = curve.first_slot + int(positions[-1]) + 1
    inside = taken[positions[0] : positions[-1] + 1]
    first_line, last_line = curve.lines_of(taken)
    before = after = ""
    if curve.is_finer_than_wh:
        before, after = map(str, curve.remainders(first, end, carried_wh))
    return Contribution(
        site_id=site_id,
        register_id=register_id,
        file=told.file,
        at=told.at,
        by=told.by[:254],
        first_slot=first,
        end_slot=end,
        slots=b"" if inside.all() else zlib.compress(np.packbits(inside).tobytes()),
        first_line=first_line,
        last_line=last_line,
        remainder_before=before,
        remainder_after=after,
    )


def of_readings(
    told: Import, site_id: int, register_id: int, readings: Sequence[tuple[datetime, int]]
) -> Contribution:
    """The row for new ``readings``: when each was read, and in which line it stands."""
    instants = np.array(sorted((utc(at) - _EPOCH) // _MICROSECOND for at, _ in readings), np.int64)
    lines = [line for _, line in readings]
    return Contribution(
        site_id=site_id,
        register_id=register_id,
        file=told.file,
        at=told.at,
        by=told.by[:254],
        first_slot=slot_at(min(at for at, _ in readings)),
        end_slot=slot_at(max(at for at, _ in readings)) + 1,
        instants=zlib.compress(instants.astype("<i8").tobytes()),
        first_line=min(lines),
        last_line=max(lines),
    )


def slots_of(row: Contribution) -> Mask:
    """bool[end_slot - first_slot]: the quarter-hours that a load curve gave."""
    length = row.end_slot - row.first_slot
    if not row.slots:
        return np.ones(length, bool)
    packed = np.frombuffer(zlib.decompress(row.slots), np.uint8)
    return np.unpackbits(packed, count=length).astype(bool)


def instants_of(row: Contribution) -> npt.NDArray[np.int64]:
    """int64[n], ascending: when the readings were read, in microseconds since 1970."""
    return np.frombuffer(zlib.decompress(row.instants), "<i8").astype(np.int64)


def carried_into(site_id: int, register_id: int, curve: WholeCurve) -> Decimal:
    """What earlier imports of the register left for the first quarter-hour of ``curve``, in Wh.

    The curve goes on where the nearest earlier file stopped, over a gap too. Where it overlaps or
    meets one at a later quarter-hour, it begins with what makes both continue each other: so any
    run of quarter-hours of files that join differs from their sum by less than 1 Wh, in whatever
    order they came (docs/decisions/0009-remainders.md).
    """
    if not curve.is_finer_than_wh:
        return Decimal(0)
    first, end = curve.first_slot, curve.end_slot
    rows = Contribution.objects.filter(site_id=site_id, register_id=register_id).exclude(
        remainder_after=""
    )
    known: dict[int, str] = {}
    for row in rows.filter(first_slot__lte=end, end_slot__gte=first).order_by("at", "id"):
        known[row.first_slot], known[row.end_slot] = row.remainder_before, row.remainder_after
    meeting = min((slot for slot in known if first <= slot <= end), default=None)
    if meeting is not None:
        run, _ = curve.remainders(meeting, end, Decimal(0))
        return (Decimal(known[meeting]) - run + 1) % 1
    earlier = rows.filter(end_slot__lt=first).order_by("-end_slot", "-at", "-id").first()
    return Decimal(0) if earlier is None else Decimal(earlier.remainder_after)
