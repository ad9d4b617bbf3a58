"""Exact splits of many intervals at once (rules.md a.3 Rounding, [S27]; stack.md, allocation).

Largest remainder, in int64 where the products fit and in Python's integers where they do not.
Both give the same result to the mWh.
"""

from collections.abc import Iterator

import numpy as np

from quartier.core.allocation.ties import (
    Bools,
    Int64,
    UInt64,
    position_multiplier,
    slot_multiplier,
    tie_keys,
)
from quartier.core.kernel.energy import POOL_LIMIT_MWH

# Intervals computed at once: few enough that a block stays in the cache of one core.
_BLOCK_CELLS = 16_384
_SHIFT = np.uint64(32)
_LOW_BITS = np.uint64(0xFFFF_FFFF)


def split(whole: Int64, weights: Int64, slots: Int64, into: Int64 | None = None) -> Int64:
    """``whole[t]`` in proportion to ``weights[n, t]``: parts[n, t], which sum to ``whole``.

    Each part is its exact share rounded down, or one more. The units that rounding down leaves go
    to the largest remainders, equal ones in the order of :func:`ties.tie_keys`. Where every
    weight is 0, ``whole`` must be 0 (asserted). With ``whole <= weights.sum(0)`` no part is
    larger than its weight. All values are non-negative and each column sums to less than 2**63.
    Where ``whole`` is 0 the parts are 0, or stay as they are in ``into``.
    """
    count, length = weights.shape
    parts = np.zeros((count, length), dtype=np.int64) if into is None else into
    totals = weights.sum(axis=0)
    assert not whole[totals == 0].any(), "nothing can be split over nobody"
    todo = np.flatnonzero(whole)
    is_small = (whole[todo] < POOL_LIMIT_MWH) & (totals[todo] < POOL_LIMIT_MWH)
    small = todo[is_small]
    by_position = position_multiplier(count)[:, None]
    by_slot = slot_multiplier(slots)
    for columns in blocks(small, count):
        ties = by_position * by_slot[columns]
        # np.take keeps the layout; weights[:, columns] would turn it and slow down what follows.
        block = np.take(weights, columns, axis=1)
        parts[:, columns] = _split_block(whole[columns], block, totals[columns], ties)
    for column in todo[~is_small]:
        parts[:, column] = _split_exactly(
            int(whole[column]), weights[:, column], slots[column : column + 1]
        )
    return parts


def blocks(columns: Int64, count: int) -> Iterator[Int64]:
    """``columns`` in parts of which ``count`` rows each stay in the cache."""
    step = max(_BLOCK_CELLS // max(count, 1), 16)
    for start in range(0, columns.size, step):
        yield columns[start : start + step]


def _split_block(whole: Int64, weights: Int64, totals: Int64, ties: UInt64) -> Int64:
    """``split`` for wholes and totals below 3e9, whose products fit into int64."""
    # Three roundings of floats make the quotient wrong by less than 3 x 2**-53 of itself. The ratio
    # is taken 8 x 2**-53 lower, so the quotient is right or, for want of less than 1e-5, one too
    # small; one comparison mends that. A division of integers is slower.
    ratio = whole / totals
    ratio *= 1 - 2**-50
    quotient = weights * ratio
    parts = quotient.astype(np.int64)
    remainders = weights * whole
    remainders -= parts * totals
    short = remainders >= totals
    if short.any():
        parts += short
        remainders -= short * totals
    left = whole - parts.sum(axis=0)
    ties &= _LOW_BITS
    keys = remainders.view(np.uint64)
    keys <<= _SHIFT
    keys |= ties
    parts += first_of(keys, left)
    return parts


def _split_exactly(whole: int, weights: Int64, slot: Int64) -> list[int]:
    """``split`` for one interval of any size, in Python's integers."""
    values = [int(weight) for weight in weights]
    total = sum(values)
    parts = [whole * value // total for value in values]
    left = whole - sum(parts)
    ties = tie_keys(len(values), slot)[:, 0]
    order = sorted(
        range(len(values)), key=lambda i: (whole * values[i] % total, int(ties[i])), reverse=True
    )
    for i in order[:left]:
        parts[i] += 1
    return parts


def first_of(keys: UInt64, wanted: Int64) -> Bools:
    """Which of ``keys[n, t]`` are among the ``wanted[t]`` greatest of their column.

    The keys of a column are different, so exactly ``wanted[t]`` are.
    """
    count, length = keys.shape
    ordered = keys.T.copy(order="C")  # always a copy: it is sorted in place
    ordered.sort(axis=1)
    assert ((wanted >= 0) & (wanted <= count)).all()
    last = ordered[np.arange(length), np.minimum(count - wanted, count - 1)]
    chosen: Bools = keys >= last
    chosen &= wanted > 0
    return chosen
