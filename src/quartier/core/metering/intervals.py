"""Quarter-hours as arrays: the form in which intervals are stored, read and computed with.

A slot is a quarter-hour counted from 1970-01-01T00:00Z (``kernel.period``). A missing interval is
:data:`MISSING_WH` in the energy and 0 in the quality, never an energy of 0 (architecture.md,
house rule 3).
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from quartier.core.kernel.energy import INTERVAL_LIMIT_WH
from quartier.core.kernel.quality import Quality

Energies = npt.NDArray[np.int64]
Qualities = npt.NDArray[np.uint8]

MISSING_WH = -(2**31)
"""In an array of energy: no value. It is the smallest int32, outside any energy."""

SLOT_LIMIT = 4_600_000
"""Slots reach past the year 2100; a later one is a misread timestamp."""

# Plain ints: NumPy compares with a member of an enumeration ten times slower.
_MISSING = int(Quality.MISSING)
_QUALITY_MAX = int(max(Quality))


class BadSeries(ValueError):
    """The arrays do not describe quarter-hours."""


def _checked(energy_wh: Energies, quality: Qualities, first_slot: int, slots: int) -> None:
    if energy_wh.shape != quality.shape:
        raise BadSeries(f"{energy_wh.shape} energies do not match {quality.shape} qualities")
    if not 0 <= first_slot <= first_slot + slots <= SLOT_LIMIT:
        raise BadSeries(f"slots {first_slot} to {first_slot + slots} are not between 1970 and 2101")
    if energy_wh.size == 0:
        return
    if not ((energy_wh == MISSING_WH) == (quality == _MISSING)).all():
        raise BadSeries("an interval without value must have the quality missing, and no other")
    if quality.max() > _QUALITY_MAX:
        raise BadSeries(f"{quality.max()} is not the code of a quality")
    if energy_wh.max() > INTERVAL_LIMIT_WH:
        raise BadSeries(f"{energy_wh.max()} Wh is too much for one quarter-hour")
    smallest = energy_wh.min()
    if smallest == MISSING_WH:
        smallest = np.min(energy_wh, initial=0, where=energy_wh != MISSING_WH)
    if smallest < -INTERVAL_LIMIT_WH:
        raise BadSeries(f"{smallest} Wh is too little for one quarter-hour")


@dataclass(frozen=True, eq=False)
class Series:
    """Consecutive quarter-hours of one register.

    ``energy_wh`` int64[t] in Wh (litres where the register counts water), :data:`MISSING_WH` where
    missing; ``quality`` uint8[t], codes of ``kernel.quality``, 0 exactly where missing. Raises
    :class:`BadSeries`.
    """

    register_id: int
    first_slot: int
    energy_wh: Energies
    quality: Qualities

    def __post_init__(self) -> None:
        object.__setattr__(self, "energy_wh", np.asarray(self.energy_wh, np.int64))
        object.__setattr__(self, "quality", np.asarray(self.quality, np.uint8))
        if self.energy_wh.ndim != 1:
            raise BadSeries(f"a series has one dimension, not {self.energy_wh.ndim}")
        _checked(self.energy_wh, self.quality, self.first_slot, len(self.energy_wh))

    @classmethod
    def of(
        cls,
        register_id: int,
        first_slot: int,
        energies_wh: Iterable[int | None],
        quality: Quality = Quality.MEASURED,
    ) -> "Series":
        """A series of one quality, missing where an energy is None."""
        values = [MISSING_WH if energy is None else energy for energy in energies_wh]
        energy_wh = np.array(values, np.int64)
        return cls(
            register_id,
            first_slot,
            energy_wh,
            np.where(energy_wh == MISSING_WH, 0, int(quality)).astype(np.uint8),
        )

    @property
    def slots(self) -> range:
        """The slots of the series."""
        return range(self.first_slot, self.first_slot + len(self.energy_wh))


@dataclass(frozen=True, eq=False)
class Intervals:
    """The same quarter-hours of several registers.

    ``energy_wh`` int64[n, t] and ``quality`` uint8[n, t], rows in the order of ``register_ids``,
    which are unique. Raises :class:`BadSeries`.
    """

    register_ids: tuple[int, ...]
    first_slot: int
    energy_wh: Energies
    quality: Qualities
    _rows: dict[int, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {r: i for i, r in enumerate(self.register_ids)})
        if self.energy_wh.ndim != 2 or len(self.energy_wh) != len(self.register_ids):
            raise BadSeries(f"{self.energy_wh.shape} is not {len(self.register_ids)} rows of slots")
        if len(self._rows) != len(self.register_ids):
            raise BadSeries("a register stands in two rows")
        if self.energy_wh.shape != self.quality.shape:
            raise BadSeries(f"{self.energy_wh.shape} and {self.quality.shape} differ")

    @property
    def slots(self) -> range:
        """The slots of every row."""
        return range(self.first_slot, self.first_slot + self.energy_wh.shape[1])

    def row(self, register_id: int) -> int:
        """The row of ``register_id``."""
        return self._rows[register_id]

    def series(self, register_id: int) -> Series:
        """The row of ``register_id`` as a series."""
        row = self._rows[register_id]
        return Series(register_id, self.first_slot, self.energy_wh[row], self.quality[row])


def digests(intervals: Intervals) -> dict[int, str]:
    """The SHA-256 of each register's exact energies and qualities, as hexadecimal text.

    Hashed are, little-endian: first slot, number of slots and bytes an energy as int64; the
    energies as the smallest of int16, int32 and int64 that holds all of the register's; the runs
    of equal quality, each its first position and its code as int64. It does not depend on the
    other registers. A billing run keeps these of all it read.
    """
    energy_wh, quality = intervals.energy_wh, intervals.quality
    length = energy_wh.shape[1]
    changes = np.ones(quality.shape, bool)
    np.not_equal(quality[:, 1:], quality[:, :-1], out=changes[:, 1:])
    out: dict[int, str] = {}
    for row, (register_id, size) in enumerate(
        zip(intervals.register_ids, _bytes_an_energy(energy_wh), strict=True)
    ):
        starts = np.flatnonzero(changes[row])
        hasher = hashlib.sha256(np.array([intervals.first_slot, length, size], "<i8").data)
        hasher.update(energy_wh[row].astype(f"<i{size}").data)
        hasher.update(np.array((starts, quality[row][starts]), "<i8").data)
        out[register_id] = hasher.hexdigest()
    return out


def _bytes_an_energy(energy_wh: Energies) -> Iterator[int]:
    """How many bytes the energies of each row take. Households take 2: what is hashed is half."""
    if not energy_wh.size:
        yield from (2 for _ in energy_wh)
        return
    if energy_wh.min() >= -(1 << 15) and energy_wh.max() < 1 << 15:  # faster than row by row
        yield from (2 for _ in energy_wh)
        return
    lowest, highest = energy_wh.min(axis=1).tolist(), energy_wh.max(axis=1).tolist()
    for low, high in zip(lowest, highest, strict=True):
        yield next(n for n in (2, 4, 8) if -(1 << (8 * n - 1)) <= low and high < 1 << (8 * n - 1))


def coverage(intervals: Intervals) -> dict[int, dict[Quality, int]]:
    """How many slots of each register have each quality; qualities that do not occur are absent."""
    out: dict[int, dict[Quality, int]] = {}
    for row, register_id in enumerate(intervals.register_ids):
        counts = np.bincount(intervals.quality[row], minlength=len(Quality))
        out[register_id] = {Quality(code): int(n) for code, n in enumerate(counts) if n}
    return out


def runs(mask: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The half-open runs ``(first, end)`` of true positions in ``mask`` bool[t]."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
