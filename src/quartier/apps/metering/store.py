"""The interval store: the only writer of intervals, and their reader.

Current values are in day blocks; a changed known value leaves a revision, so that what was known
at any instant can be read again (architecture.md, step *store*; decisions/0006). Energies are
whole Wh (litres of water); slots are those of ``kernel.period``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby, islice

import numpy as np
import numpy.typing as npt
from django.db import transaction

from quartier.apps.equipment.models import Register
from quartier.apps.metering import blocks as db
from quartier.apps.metering import history
from quartier.apps.metering.blocks import Blocks, DamagedBlock
from quartier.apps.metering.models import Lock
from quartier.core.kernel.findings import Finding, info
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY
from quartier.core.kernel.period import slot_starts_at, utc
from quartier.core.kernel.quality import Quality
from quartier.core.metering import intervals as core
from quartier.core.metering.intervals import MISSING_WH, Intervals, Series

__all__ = [
    "DamagedBlock",
    "Locked",
    "UnknownRegister",
    "Written",
    "coverage",
    "digests",
    "erase",
    "read",
    "write",
]

_BATCH_BLOCKS = 40_000  # 19 MB of values at a time

Mask = npt.NDArray[np.bool_]


class UnknownRegister(Exception):
    """The site has no such register."""


class Locked(Exception):
    """A change falls before the lock date of its medium."""

    def __init__(self, register: str, starts_at: datetime, lock: Lock) -> None:
        super().__init__(
            f"register {register}: the interval of {starts_at:%Y-%m-%dT%H:%MZ} cannot change, "
            f"{lock.medium} is locked before {lock.lock_date}; move the lock date to change it"
        )
        self.starts_at = starts_at
        self.medium: str = lock.medium
        self.lock_date: date = lock.lock_date
        self.first_open_slot: int = lock.first_open_slot


@dataclass
class Written:
    """What a write did, in slots. ``kept`` counts known values that ``fill_only`` protected."""

    filled: int = 0
    revised: int = 0
    unchanged: int = 0
    kept: int = 0
    erased: int = 0
    findings: list[Finding] = field(default_factory=list)
    revised_slots: list[tuple[int, int, int]] = field(default_factory=list)
    """Half-open runs ``(register_id, first_slot, end_slot)`` whose known value changed or went."""

    @property
    def changed(self) -> int:
        """Slots that are different now."""
        return self.filled + self.revised + self.erased


@dataclass(frozen=True)
class _Change:
    """Who changes intervals, when and why: what a revision says besides the old values."""

    source: str
    known_at: datetime
    reason: str
    method: str
    actor: str


def write(
    site_id: int,
    series: Iterable[Series],
    *,
    source: str,
    known_at: datetime,
    reason: str = "",
    fill_only: bool = False,
    method: str = "",
    actor: str = "",
) -> Written:
    """Store ``series`` in one transaction; all of it or nothing.

    A missing slot of a series erases nothing. A slot without value is filled; a known value or
    quality that differs is replaced and the old one kept in a revision, unless ``fill_only``,
    which changes no known value. Where series overlap, the later one counts. ``source`` names
    what delivered the values, ``method`` how they were made, ``actor`` who asked for it.

    Raises :class:`Locked`, :class:`UnknownRegister`, :class:`DamagedBlock`.
    """
    change = _Change(source, utc(known_at), reason, method, actor)
    written = Written()
    with transaction.atomic():
        db.lock_site(site_id)
        guard = _Guard(site_id)
        for batch in _batches(series):
            _write_batch(site_id, batch, change, guard, written, fill_only=fill_only)
    written.revised_slots = _joined(written.revised_slots)
    if written.kept:
        written.findings.append(
            info(
                "metering.kept",
                f"{written.kept} intervals differ from the stored ones, which were kept.",
                remedy="Allow replacing to store the new values.",
            )
        )
    return written


def erase(
    site_id: int,
    register_id: int,
    slots: npt.NDArray[np.int64],
    *,
    source: str,
    known_at: datetime,
    reason: str = "",
    method: str = "",
    actor: str = "",
) -> Written:
    """Make those of ``slots`` of a register missing that have a value; a revision keeps it.

    One transaction. Raises :class:`Locked` and :class:`DamagedBlock`.
    """
    written = Written()
    if not len(slots):
        return written
    with transaction.atomic():
        db.lock_site(site_id)
        first_day, last_day = int(slots.min()) // DAY, int(slots.max()) // DAY
        old = db.read(site_id, [register_id], first_day, last_day + 1)
        goes = np.isin(old.day[:, None] * DAY + np.arange(DAY), slots) & (old.quality != 0)
        rows = goes.any(axis=1)
        if not rows.any():
            return written
        old, goes = old.take(rows), goes[rows]
        _Guard(site_id).check(old, goes)
        energy_wh = np.where(goes, MISSING_WH, old.energy_wh).astype(np.int32)
        quality = np.where(goes, 0, old.quality).astype(np.uint8)
        db.replace(site_id, Blocks(old.register_id, old.day, energy_wh, quality))
        change = _Change(source, utc(known_at), reason, method, actor)
        history.append(site_id, old, goes, vars(change))
        written.erased = int(np.count_nonzero(goes))
        written.revised_slots = _joined(_slot_runs(old, goes))
    return written


def read(
    site_id: int,
    register_ids: Sequence[int],
    first_slot: int,
    end_slot: int,
    *,
    as_of: datetime | None = None,
) -> Intervals:
    """The quarter-hours ``[first_slot, end_slot)`` of registers, missing where nothing is stored.

    With ``as_of`` the values that were known at that instant: the current ones with all later
    changes undone. A slot that was filled later reads as its first value. Raises
    :class:`DamagedBlock`.
    """
    assert first_slot <= end_slot
    ids = tuple(int(register_id) for register_id in register_ids)
    first_day, end_day = first_slot // DAY, -(-end_slot // DAY)
    shape = (len(ids), end_day - first_day, DAY)
    energy_wh = np.empty(shape, np.int64)
    quality = np.empty(shape, np.uint8)
    if energy_wh.size:
        _place(db.read(site_id, ids, first_day, end_day), ids, first_day, energy_wh, quality)
        if as_of is not None:
            history.undo(site_id, ids, first_day, end_day, utc(as_of), energy_wh, quality)
    window = slice(first_slot - first_day * DAY, end_slot - first_day * DAY)
    return Intervals(
        ids,
        first_slot,
        energy_wh.reshape(len(ids), shape[1] * DAY)[:, window],
        quality.reshape(len(ids), shape[1] * DAY)[:, window],
    )


def digests(
    site_id: int, register_ids: Sequence[int], first_slot: int, end_slot: int
) -> dict[int, str]:
    """SHA-256 of the exact energies and qualities of each register in the range."""
    return core.digests(read(site_id, register_ids, first_slot, end_slot))


def coverage(
    site_id: int, register_ids: Sequence[int], first_slot: int, end_slot: int
) -> dict[int, dict[Quality, int]]:
    """How many slots of each register have each quality; absent ones do not occur."""
    return core.coverage(read(site_id, register_ids, first_slot, end_slot))


def _place(
    found: Blocks,
    ids: Sequence[int],
    first_day: int,
    energy_wh: npt.NDArray[np.int64],
    quality: npt.NDArray[np.uint8],
) -> None:
    """Write ``found`` into the arrays [register, day, 96], and missing where nothing is."""
    registers, days, _ = energy_wh.shape
    if len(found) == registers * days:
        # Nearly always the whole range is there, in the order of the key: one turn of the array.
        by_day = (days, registers, DAY)
        in_order = np.tile(np.array(ids, np.int64), days)
        numbers = np.repeat(np.arange(first_day, first_day + days), registers)
        if np.array_equal(found.register_id, in_order) and np.array_equal(found.day, numbers):
            np.copyto(energy_wh, found.energy_wh.reshape(by_day).swapaxes(0, 1))
            np.copyto(quality, found.quality.reshape(by_day).swapaxes(0, 1))
            return
    else:
        energy_wh.fill(MISSING_WH)
        quality.fill(0)
    rows = _positions(ids, found.register_id)
    energy_wh[rows, found.day - first_day] = found.energy_wh
    quality[rows, found.day - first_day] = found.quality


def _positions(ids: Sequence[int], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The position in ``ids`` of each of ``wanted``, which are all among them."""
    known = np.array(ids, np.int64)
    order = np.argsort(known)
    return order[np.searchsorted(known, wanted, sorter=order)]


class _Guard:
    """Knows which registers the site has, and from which slot on each may change."""

    def __init__(self, site_id: int) -> None:
        self.site_id = site_id
        self.locks = {lock.medium: lock for lock in Lock.objects.filter(site_id=site_id)}
        self.media: dict[int, str] = {}

    def learn(self, register_ids: npt.NDArray[np.int64]) -> None:
        """Check that the site has the registers; raises :class:`UnknownRegister`."""
        new = set(np.unique(register_ids).tolist()) - self.media.keys()
        if new and not self.media:
            rows = Register.objects.filter(site_id=self.site_id).order_by()
            # Without a lock nobody asks for the medium: spare the join.
            medium = "meter__medium" if self.locks else "direction"
            self.media.update(rows.values_list("id", medium))
            new -= self.media.keys()
        if new:
            raise UnknownRegister(f"site {self.site_id} has no register {min(new)}")

    def check(self, blocks: Blocks, changes: Mask) -> None:
        """Raise :class:`Locked` if ``changes`` bool[N, 96] touch what is locked."""
        last_lock = max((lock.first_open_slot for lock in self.locks.values()), default=0)
        if int(blocks.day.min()) * DAY >= last_lock:
            return
        self.learn(blocks.register_id)
        media = [self.media[register_id] for register_id in blocks.register_id.tolist()]
        first_open = np.array(
            [self.locks[m].first_open_slot if m in self.locks else 0 for m in media], np.int64
        )
        slots = blocks.day[:, None] * DAY + np.arange(DAY)
        locked = np.argwhere(changes & (slots < first_open[:, None]))
        if not len(locked):
            return
        row, position = locked[0].tolist()
        register = Register.objects.select_related("meter").get(id=int(blocks.register_id[row]))
        lock = self.locks[media[row]]
        starts_at = slot_starts_at(int(slots[row, position]))
        raise Locked(str(register), starts_at, lock)


def _batches(series: Iterable[Series]) -> Iterable[Blocks]:
    """``series`` as blocks of whole UTC days without those that are all missing, in batches."""
    waiting: list[Blocks] = []
    count = 0
    # Registers are mostly delivered for the same slots: those become arrays at one stroke.
    for (first_slot, length), group in groupby(series, lambda s: (s.first_slot, len(s.energy_wh))):
        if not length:
            continue
        size = max(1, _BATCH_BLOCKS * DAY // length)
        while alike := list(islice(group, size)):
            waiting.append(_in_days(alike, first_slot, length))
            count += len(waiting[-1])
            if count >= _BATCH_BLOCKS:
                yield _merged(waiting)
                waiting, count = [], 0
    if count:
        yield _merged(waiting)


def _in_days(alike: list[Series], first_slot: int, length: int) -> Blocks:
    """Series of the same slots as blocks of whole UTC days that hold a value."""
    first_day, end_day = first_slot // DAY, -(-(first_slot + length) // DAY)
    days = end_day - first_day
    window = slice(first_slot - first_day * DAY, first_slot - first_day * DAY + length)
    energy_wh = np.full((len(alike), days * DAY), MISSING_WH, np.int32)
    quality = np.zeros((len(alike), days * DAY), np.uint8)
    shape = (len(alike), length)
    energy_wh[:, window] = np.concatenate([one.energy_wh for one in alike]).reshape(shape)
    quality[:, window] = np.concatenate([one.quality for one in alike]).reshape(shape)
    blocks = Blocks(
        np.repeat(np.array([one.register_id for one in alike], np.int64), days),
        np.tile(np.arange(first_day, end_day), len(alike)),
        energy_wh.reshape(-1, DAY),
        quality.reshape(-1, DAY),
    )
    has_value = np.flatnonzero(blocks.quality.any(axis=1))
    return blocks if len(has_value) == len(blocks) else blocks.take(has_value)


def _merged(parts: list[Blocks]) -> Blocks:
    """``parts`` as one, in the order of the key (day, register); a block occurs once."""
    joined = parts[0]
    if len(parts) > 1:
        joined = Blocks(
            np.concatenate([part.register_id for part in parts]),
            np.concatenate([part.day for part in parts]),
            np.concatenate([part.energy_wh for part in parts]),
            np.concatenate([part.quality for part in parts]),
        )
    order = np.lexsort((joined.register_id, joined.day))  # stable: a later series stays later
    if not np.array_equal(order, np.arange(len(order))):
        joined = joined.take(order)
    is_new = np.ones(len(joined), bool)
    is_new[1:] = (np.diff(joined.day) != 0) | (np.diff(joined.register_id) != 0)
    if is_new.all():
        return joined
    energy_wh, quality = joined.energy_wh.copy(), joined.quality.copy()
    first = 0
    for row in range(1, len(joined)):
        if is_new[row]:
            first = row
            continue
        has_value = joined.quality[row] != 0
        energy_wh[first] = np.where(has_value, joined.energy_wh[row], energy_wh[first])
        quality[first] = np.where(has_value, joined.quality[row], quality[first])
    return Blocks(joined.register_id, joined.day, energy_wh, quality).take(is_new)


def _write_batch(
    site_id: int,
    new: Blocks,
    change: _Change,
    guard: _Guard,
    written: Written,
    *,
    fill_only: bool,
) -> None:
    registers = np.unique(new.register_id).tolist()
    stored = db.read(site_id, registers, int(new.day.min()), int(new.day.max()) + 1)
    is_stored, at = _matched(new, stored)
    fresh = new if not is_stored.any() else new.take(~is_stored)
    if len(fresh):
        guard.learn(fresh.register_id)  # of a stored block it was known when that was new
        is_value = fresh.quality != 0
        guard.check(fresh, is_value)
        db.insert(site_id, fresh)
        written.filled += int(is_value.sum())
    if len(fresh) == len(new):
        return
    _write_over(site_id, new.take(is_stored), stored.take(at), change, guard, written, fill_only)


def _write_over(
    site_id: int,
    new: Blocks,
    old: Blocks,
    change: _Change,
    guard: _Guard,
    written: Written,
    fill_only: bool,
) -> None:
    """Merge ``new`` into the stored blocks ``old`` of the same registers and days."""
    # A live value is one column of 96: only columns that have a value are compared.
    columns = np.flatnonzero(new.quality.any(axis=0))
    window = np.s_[:, columns[0] : columns[-1] + 1]
    new_wh, new_quality = new.energy_wh[window], new.quality[window]
    old_wh, old_quality = old.energy_wh[window], old.quality[window]
    is_value, was_value = new_quality != 0, old_quality != 0
    fills = is_value & ~was_value
    is_known = is_value & was_value
    revises = is_known & ((new_wh != old_wh) | (new_quality != old_quality))
    revised = int(np.count_nonzero(revises))
    written.unchanged += int(np.count_nonzero(is_known)) - revised
    if fill_only:
        written.kept += revised
        revised = 0
        revises = np.zeros_like(revises)
    changes = fills | revises
    rows = changes.any(axis=1)
    if not rows.any():
        return
    guard.check(new, _placed(changes, window))
    energy_wh, quality = old.energy_wh.copy(), old.quality.copy()
    np.copyto(energy_wh[window], new_wh, where=changes)
    np.copyto(quality[window], new_quality, where=changes)
    merged = Blocks(new.register_id, new.day, energy_wh, quality)
    db.replace(site_id, merged if rows.all() else merged.take(rows))
    written.filled += int(np.count_nonzero(fills))
    if revised:
        whole = _placed(revises, window)
        history.append(site_id, old, whole, vars(change))
        written.revised += revised
        written.revised_slots += _slot_runs(new, whole)


def _placed(mask: Mask, window: tuple[slice, slice]) -> Mask:
    """``mask`` bool[N, k] of the columns of ``window`` as bool[N, 96]."""
    whole = np.zeros((len(mask), DAY), bool)
    whole[window] = mask
    return whole


def _matched(new: Blocks, stored: Blocks) -> tuple[Mask, npt.NDArray[np.int64]]:
    """Which of ``new`` are stored bool[N], and the positions in ``stored`` of those that are."""
    if not len(stored):
        return np.zeros(len(new), bool), np.empty(0, np.int64)
    if np.array_equal(new.register_id, stored.register_id) and np.array_equal(new.day, stored.day):
        return np.ones(len(new), bool), np.arange(len(new))
    registers = np.unique(np.concatenate((new.register_id, stored.register_id)))

    def key(blocks: Blocks) -> npt.NDArray[np.int64]:
        position: npt.NDArray[np.int64] = np.searchsorted(registers, blocks.register_id)
        return blocks.day * len(registers) + position

    stored_keys, new_keys = key(stored), key(new)
    order = np.argsort(stored_keys)
    at = np.searchsorted(stored_keys, new_keys, sorter=order)
    candidates = order[np.minimum(at, len(order) - 1)]
    is_stored = stored_keys[candidates] == new_keys
    return is_stored, candidates[is_stored]


def _slot_runs(blocks: Blocks, mask: Mask) -> list[tuple[int, int, int]]:
    out: list[tuple[int, int, int]] = []
    for row in np.flatnonzero(mask.any(axis=1)).tolist():
        register_id, start = int(blocks.register_id[row]), int(blocks.day[row]) * DAY
        out += [(register_id, start + a, start + b) for a, b in core.runs(mask[row])]
    return out


def _joined(found: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Runs in order, those that touch made one."""
    out: list[tuple[int, int, int]] = []
    for register_id, first, end in sorted(found):
        if out and out[-1][0] == register_id and out[-1][2] >= first:
            out[-1] = (register_id, out[-1][1], max(end, out[-1][2]))
        else:
            out.append((register_id, first, end))
    return out
