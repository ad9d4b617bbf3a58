"""The version rule: which of several messages gives a slot its value (rules.md b.1).

A value wins over none (Condition 21 without one), whatever their times. Among values the newest
Creation wins, then status 5 (replace) over 9, then a better grade (no condition, 56, calculated
split); what is still equal is decided by the hash of the file and reported if the values differ.
That is a total order, so files give the same result in any order and in any number of runs. A
cancellation takes the values of its interval that are not newer than itself out of billing: they
stay visible as temporary.

The key of each slot's winner is kept a register and UTC day (``models.Provenance``), as columns
of :data:`KEY`, compressed.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from quartier.apps.intake.models import Provenance
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH, Series
from quartier.formats.sdat import Grade

KEY: dict[str, str] = {
    "grade": "u1",  # 0: no message has said anything of the slot
    "created": "<i8",  # microseconds since 1970; the Creation of the winner
    "replaces": "u1",
    "tie": "<u8",  # the first eight bytes of the file's hash
    "cancelled": "<i8",  # the Creation of the newest cancellation, else NEVER
}
NEVER = -(2**63)
_SPLIT = int(Grade.SPLIT)
_QUALITIES = np.zeros(5, np.uint8)
_QUALITIES[Grade.SPLIT] = Quality.MEASURED  # the grid operator's own, validated figure
_QUALITIES[Grade.ESTIMATED] = Quality.ESTIMATED
_QUALITIES[Grade.MEASURED] = Quality.MEASURED

Keys = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Candidate:
    """What one message says of consecutive slots of one register.

    ``energy_wh`` int64[t], MISSING_WH without a value; ``grade`` uint8[t].
    """

    register_id: int
    first_slot: int
    energy_wh: npt.NDArray[np.int64]
    grade: npt.NDArray[np.uint8]
    created: int
    replaces: bool
    tie: int
    is_cancellation: bool


@dataclass(frozen=True, eq=False)
class Merged:
    """The new state of one register over the UTC days that candidates touch.

    ``days`` int64[d] ascending; arrays below have d x 96 entries. ``series`` hold what to write;
    ``clashes`` are slots where two messages of equal rank differ; ``offered`` the slots for which
    a candidate had a value.
    """

    register_id: int
    days: npt.NDArray[np.int64]
    series: list[Series]
    keys: Keys
    clashes: list[int]
    offered: npt.NDArray[np.bool_]
    touched: npt.NDArray[np.bool_]
    """Slots of which any candidate said anything."""


def load_keys(
    site_id: int, register_ids: Iterable[int], days: Sequence[int]
) -> dict[tuple[int, int], bytes]:
    """The stored keys by (register, day), for days between the first and the last of ``days``."""
    rows = Provenance.objects.filter(
        site_id=site_id,
        register_id__in=list(register_ids),
        day__gte=min(days),
        day__lte=max(days),
    ).values_list("register_id", "day", "keys")
    return {(register_id, day): bytes(keys) for register_id, day, keys in rows}


def save_keys(site_id: int, merged: Iterable[Merged]) -> None:
    """Store the keys of the days that were touched."""
    rows = [
        Provenance(site_id=site_id, day=day, register_id=one.register_id, keys=keys)
        for one in merged
        for day, keys in zip(one.days.tolist(), _packed(one.keys, len(one.days)), strict=True)
    ]
    Provenance.objects.bulk_create(
        rows,
        batch_size=2000,
        update_conflicts=True,
        unique_fields=["site_id", "day", "register_id"],
        update_fields=["keys"],
    )


def days_of(candidates: Iterable[Candidate]) -> list[int]:
    """The UTC days that candidates touch, ascending."""
    days: set[int] = set()
    for one in candidates:
        days.update(range(one.first_slot // DAY, -(-(one.first_slot + len(one.grade)) // DAY)))
    return sorted(days)


def merge(
    register_id: int,
    candidates: Sequence[Candidate],
    stored: dict[tuple[int, int], bytes],
    current_wh: npt.NDArray[np.int64],
) -> Merged:
    """What ``candidates`` of one register make of its state.

    ``stored`` are its keys (:func:`load_keys`); ``current_wh`` int64[d x 96] the energies of the
    days of ``days_of(candidates)`` in the store, used to compare values of equal rank.
    """
    days = np.array(days_of(candidates), np.int64)
    keys = _unpacked([stored.get((register_id, day)) for day in days.tolist()])
    value_wh = current_wh.copy()
    won = np.zeros(len(value_wh), bool)
    offered, touched = won.copy(), won.copy()
    clash = won.copy()
    before = _is_cancelled(keys)
    for one in candidates:
        start = int(np.searchsorted(days, one.first_slot // DAY)) * DAY + one.first_slot % DAY
        window = slice(start, start + len(one.grade))
        touched[window] = True
        if one.is_cancellation:
            keys["cancelled"][window] = np.maximum(keys["cancelled"][window], one.created)
            continue
        offered[window] |= one.grade >= _SPLIT
        _take(one, window, keys, value_wh, won, clash)
    writes = (won | (_is_cancelled(keys) != before)) & (keys["grade"] >= _SPLIT)
    writes &= value_wh != MISSING_WH
    return Merged(
        register_id,
        days,
        _series(register_id, days, value_wh, _qualities(keys), writes),
        keys,
        _slots(days, clash),
        offered,
        touched,
    )


def _take(
    one: Candidate,
    window: slice,
    keys: Keys,
    value_wh: npt.NDArray[np.int64],
    won: npt.NDArray[np.bool_],
    clash: npt.NDArray[np.bool_],
) -> None:
    """Let ``one`` win the slots of ``window`` in which its key is greater."""
    grade, created = keys["grade"][window], keys["created"][window]
    replaces, tie = keys["replaces"][window], keys["tie"][window]
    has, had = one.grade >= _SPLIT, grade >= _SPLIT
    greater = one.tie > tie
    ranks = ((one.grade, grade), (int(one.replaces), replaces), (one.created, created), (has, had))
    same = np.ones(len(grade), bool)
    for mine, theirs in ranks:
        equal = np.asarray(mine == theirs)
        same &= equal
        greater = np.where(equal, greater, np.asarray(mine > theirs))
    said = one.grade > 0
    clash[window] |= said & has & same & (one.tie != tie) & (one.energy_wh != value_wh[window])
    wins = said & ((grade == 0) | greater)
    grade[wins] = one.grade[wins]
    created[wins], replaces[wins], tie[wins] = one.created, one.replaces, one.tie
    gives = wins & has
    value_wh[window][gives] = one.energy_wh[gives]
    won[window] |= gives


def _is_cancelled(keys: Keys) -> npt.NDArray[np.bool_]:
    cancelled = keys["cancelled"]
    return np.asarray((cancelled != NEVER) & (cancelled >= keys["created"]))


def _qualities(keys: Keys) -> npt.NDArray[np.uint8]:
    quality = _QUALITIES[keys["grade"].astype(np.intp)]
    corrected = (keys["replaces"] == 1) & (quality == Quality.MEASURED)
    quality[corrected] = Quality.CORRECTED
    quality[_is_cancelled(keys) & (quality != 0)] = Quality.TEMPORARY
    return quality


def _series(
    register_id: int,
    days: npt.NDArray[np.int64],
    value_wh: npt.NDArray[np.int64],
    quality: npt.NDArray[np.uint8],
    writes: npt.NDArray[np.bool_],
) -> list[Series]:
    """One series a run of consecutive days that hold something to write."""
    value_wh = np.where(writes, value_wh, MISSING_WH)
    quality = np.where(writes, quality, 0).astype(np.uint8)
    breaks = np.flatnonzero(np.diff(days) != 1) + 1
    bounds = [0, *breaks.tolist(), len(days)]
    out = []
    for first, end in pairwise(bounds):
        part = slice(first * DAY, end * DAY)
        if writes[part].any():
            out.append(Series(register_id, int(days[first]) * DAY, value_wh[part], quality[part]))
    return out


def _slots(days: npt.NDArray[np.int64], mask: npt.NDArray[np.bool_]) -> list[int]:
    positions = np.flatnonzero(mask)
    slots: list[int] = (days[positions // DAY] * DAY + positions % DAY).tolist()
    return slots


def _packed(keys: Keys, days: int) -> list[bytes]:
    columns = [keys[name].astype(kind).reshape(days, DAY) for name, kind in KEY.items()]
    return [
        zlib.compress(b"".join(column[day].tobytes() for column in columns), 1)
        for day in range(days)
    ]


def _unpacked(stored: Sequence[bytes | None]) -> Keys:
    count = len(stored) * DAY
    keys: Keys = {name: np.zeros(count, kind) for name, kind in KEY.items()}
    keys["cancelled"][:] = NEVER
    for day, packed in enumerate(stored):
        if packed is None:
            continue
        data = zlib.decompress(packed)
        offset = 0
        for name, kind in KEY.items():
            column = np.frombuffer(data, kind, DAY, offset)
            keys[name][day * DAY : (day + 1) * DAY] = column
            offset += column.nbytes
    return keys


def grades(packed: bytes) -> npt.NDArray[np.uint8]:
    """The grades of one stored day, uint8[96]."""
    return np.frombuffer(zlib.decompress(packed), np.uint8, DAY)


def ties(packed: bytes) -> npt.NDArray[np.uint64]:
    """The first eight bytes of the hash of each slot's file in one stored day, uint64[96];
    0 where no message has said anything."""
    return _unpacked([packed])["tie"].astype(np.uint64)
