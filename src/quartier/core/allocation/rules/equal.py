"""Equal parts; what one does not use goes to the others (water-filling).

rules.md a.3 "Equal with re-distribution", vectors in [S27]; the same as the "Schwaebischer
Schluessel" of [S28].
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from quartier.core.allocation.request import Request, refuse_unknown
from quartier.core.allocation.split import blocks, first_of
from quartier.core.allocation.ties import Int64, tie_keys

uses_grid = False


def settings(parameters: Mapping[str, Any], consumers: Sequence[str]) -> None:  # noqa: ARG001
    """The rule has no parameters."""
    refuse_unknown(parameters, [], "equal")


def share(request: Request, settings: None) -> Int64:  # noqa: ARG001
    """Who uses less than the level gets all they use; the others get the level.

    The mWh that the level leaves go to some of those who would use more, others in each interval.
    """
    consumption = request.consumption_mwh
    solar = np.zeros_like(consumption)
    total = consumption.sum(axis=0)
    is_covered = request.pool_mwh >= total
    np.copyto(solar, consumption, where=is_covered)
    todo = np.flatnonzero(~is_covered & (request.pool_mwh > 0))
    for columns in blocks(todo, consumption.shape[0]):
        solar[:, columns] = _fill(
            np.take(consumption, columns, axis=1), request.pool_mwh[columns], request.slots[columns]
        )
    return solar


def _fill(consumption: Int64, pool: Int64, slots: Int64) -> Int64:
    """``share`` for intervals in which the pool does not cover everybody."""
    count, length = consumption.shape
    ordered = np.sort(consumption, axis=0)
    before = np.cumsum(ordered, axis=0) - ordered  # what all smaller ones use together
    others = np.arange(count, 0, -1)[:, None]  # this one and all larger ones
    # The k-th smallest is served in full if that much for it and each larger one is there. Once
    # that fails it fails for all larger ones. Divided, not multiplied: a product could overflow.
    is_full = ordered <= (pool - before) // others
    served = is_full.sum(axis=0)
    at = np.arange(length)
    assert (served < count).all(), "the pool covers everybody"
    rest = pool - before[served, at]
    level = rest // (count - served)
    left = rest - level * (count - served)
    solar: Int64 = np.minimum(consumption, level)
    # Key 0 for who needs no more; the key of a tie is odd, so never 0.
    keys = np.where(consumption > level, tie_keys(count, slots), np.uint64(0))
    solar += first_of(keys, left)
    return solar
