"""Which received files the stored values of meters came from, by quarter-hour.

SDAT messages leave it in ``models.Provenance``, load curves and readings in
``models.Contribution``. What changed a value afterwards without a file (an edit, an estimate, a
restore) took it from its file.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
from django.db.models import Max, Min, Q
from django.db.models.functions import Substr

from quartier.apps.equipment.models import Device, Meter, Register
from quartier.apps.intake.contributions import instants_of, slots_of
from quartier.apps.intake.merging import load_keys, ties
from quartier.apps.intake.models import Contribution, IntakeFile
from quartier.apps.metering.models import IntervalRevision, Reading
from quartier.apps.metering.taken_back import FIELDS, Stored, standing
from quartier.core.kernel.period import QUARTER_SECONDS, slot_starts_at
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY
from quartier.core.kernel.quality import Quality
from quartier.core.metering.registers import LONGEST_GAP

_FROM_FILES = ("sdat", "load-curve", "readings")
_QUARTER_US = QUARTER_SECONDS * 1_000_000
_NEVER = -(2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Times = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A file that gave a meter ``slots`` of its quarter-hours, ``at`` when imported ``by`` whom.

    A quarter-hour that was made from readings rests on the reading before and the one after it,
    and counts for the files of both. ``lines`` are the first and the last line of the file that
    were used; None where it has no lines (SDAT).
    """

    file: IntakeFile
    direction: str
    slots: int
    at: datetime
    by: str
    lines: tuple[int, int] | None = None


class _Claims:
    """Whose the quarter-hours ``[first, end)`` of one register are, and since when.

    A key is the id of a file and of its row of Contribution (0: SDAT).
    """

    def __init__(self, first: int, end: int) -> None:
        self.first = first
        self.since: Times = np.full(end - first, _NEVER, np.int64)
        self._keys: list[_Key] = []
        self._owner = np.full(end - first, -1, np.int64)
        self._shared: dict[_Key, Mask] = {}

    def take(self, key: _Key, mask: Mask, at_us: int) -> None:
        """``key`` gave the slots of ``mask`` at ``at_us``, unless something newer did."""
        mine = mask & (at_us >= self.since)
        self._owner[mine] = len(self._keys)
        self.since[mine] = at_us
        self._keys.append(key)

    def share(self, masks: Mapping[_Key, tuple[Mask, int]]) -> None:
        """Each key gave part of the slots of its mask at its time; the newest of a slot counts
        against what is there."""
        newest = np.full(len(self.since), _NEVER, np.int64)
        for mask, at_us in masks.values():
            newest[mask] = np.maximum(newest[mask], at_us)
        wins = (newest != _NEVER) & (newest >= self.since)
        self._owner[wins] = -1
        self.since[wins] = newest[wins]
        self._shared = {key: mask & wins for key, (mask, _) in masks.items()}

    def edited(self, slots: npt.NDArray[np.int64], at_us: int) -> None:
        """``slots`` were changed at ``at_us`` without a file."""
        inside = slots[(slots >= self.first) & (slots < self.first + len(self.since))] - self.first
        inside = inside[self.since[inside] <= at_us]
        self._owner[inside] = -1
        for mask in self._shared.values():
            mask[inside] = False

    def counts(self) -> Iterator[tuple[_Key, int]]:
        """How many slots each key has."""
        owned = np.bincount(self._owner[self._owner >= 0], minlength=len(self._keys))
        yield from zip(self._keys, owned.tolist(), strict=True)
        yield from ((key, int(mask.sum())) for key, mask in self._shared.items())


def deliveries(
    site_id: int, meter_ids: Sequence[int], first_slot: int, end_slot: int
) -> dict[int, list[Delivery]]:
    """By meter id, the files behind its quarter-hours ``[first_slot, end_slot)``, most first.

    What came without a file (estimates, values by hand) has none. A constant number of queries.
    """
    registers = {
        row.pk: row
        for row in Register.objects.filter(site_id=site_id, meter__in=meter_ids).select_related(
            "meter"
        )
    }
    if not registers or end_slot <= first_slot:
        return {}
    claims = {pk: _Claims(first_slot, end_slot) for pk in registers}
    files = _of_messages(site_id, claims, first_slot, end_slot)
    rows = {
        row.pk: row
        for row in Contribution.objects.filter(site_id=site_id, register_id__in=registers)
        .filter(~Q(instants=b"") | Q(first_slot__lt=end_slot, end_slot__gt=first_slot))
        .select_related("file")
        .order_by("at", "id")
    }
    for row in rows.values():
        if not row.instants:
            _claim_curve(claims[row.register_id], row)
    counting = [pk for pk, one in registers.items() if one.meter.source == Meter.Source.REGISTER]
    if counting and any(row.instants for row in rows.values()):
        _of_readings(site_id, {pk: claims[pk] for pk in counting}, rows, first_slot, end_slot)
    _without_files(site_id, claims, first_slot, end_slot)
    found: dict[int, list[Delivery]] = defaultdict(list)
    for register_id, claim in claims.items():
        register = registers[register_id]
        for (file_id, row_id), count in claim.counts():
            if count:
                given = rows.get(row_id)
                found[register.meter_id].append(
                    _delivery(register, count, given)
                    if given is not None
                    else _of_message(register, count, files[file_id])
                )
    return {
        meter_id: sorted(own, key=lambda one: (-one.slots, one.at, one.direction))
        for meter_id, own in found.items()
    }


def _delivery(register: Register, slots: int, row: Contribution) -> Delivery:
    lines = None
    if row.first_line is not None and row.last_line is not None:
        lines = row.first_line, row.last_line
    return Delivery(row.file, register.direction, slots, row.at, row.by, lines)


def _of_message(register: Register, slots: int, file: IntakeFile) -> Delivery:
    return Delivery(file, register.direction, slots, file.received_at, file.received_by)


def _us(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _of_messages(
    site_id: int, claims: Mapping[int, _Claims], first_slot: int, end_slot: int
) -> dict[int, IntakeFile]:
    """Claim what SDAT messages gave; returns their files by id."""
    days = range(first_slot // DAY, -(-end_slot // DAY))
    by_register: dict[int, npt.NDArray[np.uint64]] = {}
    for (register_id, day), packed in load_keys(site_id, claims, days).items():
        own = by_register.setdefault(register_id, np.zeros(len(days) * DAY, np.uint64))
        own[(day - days.start) * DAY : (day - days.start + 1) * DAY] = ties(packed)
    if not by_register:
        return {}
    start = first_slot - days.start * DAY
    by_register = {
        pk: own[start : start + end_slot - first_slot] for pk, own in by_register.items()
    }
    wanted = {tie for own in by_register.values() for tie in np.unique(own).tolist() if tie}
    # Only the files that count, of what may be years of daily messages of hundreds of meters.
    rows = (
        IntakeFile.objects.filter(site_id=site_id, kind=IntakeFile.Kind.SDAT)
        .annotate(head=Substr("sha256", 1, 16))
        .filter(head__in=[f"{tie:016x}" for tie in wanted])
    )
    files: dict[int, IntakeFile] = {row.pk: row for row in rows}
    numbers = {int(row.sha256[:16], 16): row.pk for row in files.values()}
    for register_id, own in by_register.items():
        for tie in np.unique(own).tolist():
            if tie in numbers:
                file = files[numbers[tie]]
                claims[register_id].take((file.pk, 0), own == tie, _us(file.received_at))
    return files


def _claim_curve(claim: _Claims, row: Contribution) -> None:
    size = len(claim.since)
    given = slots_of(row)
    first = max(row.first_slot - claim.first, 0)
    end = min(row.end_slot - claim.first, size)
    mask = np.zeros(size, bool)
    offset = row.first_slot - claim.first
    mask[first:end] = given[first - offset : end - offset]
    claim.take((row.file_id, row.pk), mask, _us(row.at))


def _of_readings(
    site_id: int,
    claims: Mapping[int, _Claims],
    rows: Mapping[int, Contribution],
    first_slot: int,
    end_slot: int,
) -> None:
    """Claim the quarter-hours of registers that count for the files of the readings around."""
    givers: dict[tuple[int, int], Contribution] = {}
    for row in rows.values():
        if row.instants:
            for instant in instants_of(row).tolist():
                givers.setdefault((row.register_id, instant), row)
    for register_id, instants in _readings(site_id, list(claims), first_slot, end_slot).items():
        masks: dict[_Key, tuple[Mask, int]] = {}
        times = sorted(instants)
        for before, instant, after in zip(
            [times[0], *times], times, [*times[1:], times[-1]], strict=False
        ):
            giver = givers.get((register_id, instant))
            if giver is None or instants[instant]:
                continue
            first = max(before // _QUARTER_US - first_slot, 0)
            end = min(-(-after // _QUARTER_US), end_slot) - first_slot
            if end > first:
                none = np.zeros(end_slot - first_slot, bool)
                mask, _ = masks.setdefault((giver.file_id, giver.pk), (none, _us(giver.at)))
                mask[first:end] = True
        claims[register_id].share(masks)


def _readings(
    site_id: int, register_ids: list[int], first_slot: int, end_slot: int
) -> dict[int, dict[int, bool]]:
    """By register, when it was read (or its device installed) in the range and next to it, in
    microseconds, and whether what counts there is of no file: entered by a person."""
    own = Reading.objects.filter(site_id=site_id, register_id__in=register_ids).order_by()
    begins_at, ends_at = slot_starts_at(first_slot), slot_starts_at(end_slot)
    # No quarter-hour is made between readings that are further apart.
    before = own.filter(read_at__lte=begins_at, read_at__gte=begins_at - LONGEST_GAP)
    after = own.filter(read_at__gte=ends_at, read_at__lte=ends_at + LONGEST_GAP)
    newest = before.values("register_id").annotate(at=Max("read_at"))
    oldest = after.values("register_id").annotate(at=Min("read_at"))
    readings = own.filter(
        read_at__gte=min((row["at"] for row in newest), default=begins_at),
        read_at__lte=max((row["at"] for row in oldest), default=ends_at),
    )
    found: dict[int, dict[int, bool]] = defaultdict(dict)
    rows: dict[int, list[Stored]] = defaultdict(list)
    for register_id, *row in readings.values_list("register_id", *FIELDS):
        rows[register_id].append(Stored(*row))
    for register_id, stored in rows.items():
        for one in standing(stored):
            instant = _us(one.read_at)
            is_edit = one.quality in (Quality.MANUAL, Quality.CORRECTED)
            found[register_id][instant] = found[register_id].get(instant, False) or is_edit
    # A device begins at 0 or with a reading, and what another one showed says nothing of it.
    devices = Device.objects.filter(meter__registers__in=found)
    for register_id, installed_at in devices.values_list("meter__registers", "installed_at"):
        found[register_id].setdefault(_us(installed_at), True)
    return dict(found)


def _without_files(
    site_id: int, claims: Mapping[int, _Claims], first_slot: int, end_slot: int
) -> None:
    """Free what was changed after its file by something that is none."""
    revisions = (
        IntervalRevision.objects.filter(
            site_id=site_id,
            register_id__in=claims,
            day__gte=first_slot // DAY,
            day__lt=-(-end_slot // DAY),
        )
        .exclude(source__in=_FROM_FILES)
        .values_list("register_id", "day", "slots", "known_at")
    )
    for register_id, day, positions, known_at in revisions:
        slots = np.frombuffer(positions, np.uint8).astype(np.int64) + day * DAY
        claims[register_id].edited(slots, _us(known_at))
