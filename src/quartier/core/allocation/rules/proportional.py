"""By consumption: solar_i = S x C_i / C (rules.md a.3, [S7], [S19])."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from quartier.core.allocation.request import Request, refuse_unknown
from quartier.core.allocation.split import split
from quartier.core.allocation.ties import Int64

uses_grid = False


def settings(parameters: Mapping[str, Any], consumers: Sequence[str]) -> None:  # noqa: ARG001
    """The rule has no parameters."""
    refuse_unknown(parameters, [], "proportional")


def share(request: Request, settings: None) -> Int64:  # noqa: ARG001
    """Where the pool covers everybody each gets what they use; only the rest is divided."""
    return share_by_consumption(request.consumption_mwh, request.pool_mwh, request.slots)


def share_by_consumption(consumption_mwh: Int64, pool_mwh: Int64, slots: Int64) -> Int64:
    """``min(pool, total)`` in proportion to ``consumption_mwh[n, t]``."""
    total = consumption_mwh.sum(axis=0)
    is_covered = pool_mwh >= total
    solar: Int64 = consumption_mwh * is_covered.astype(np.int64)
    return split(np.where(is_covered, 0, pool_mwh), consumption_mwh, slots, into=solar)
