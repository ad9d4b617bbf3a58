"""Level by level, the higher number first, by consumption inside a level.

rules.md a.3 "Cascade" ([GK]; allowed only if contracted). The level is the billing point's
self-consumption priority.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from quartier.core.allocation.request import BadParameters, Request, by_consumer, refuse_unknown
from quartier.core.allocation.rules.proportional import share_by_consumption
from quartier.core.allocation.ties import Int64

uses_grid = False


def settings(parameters: Mapping[str, Any], consumers: Sequence[str]) -> tuple[int, ...]:
    """From the table ``levels``: a whole number for each consumer."""
    refuse_unknown(parameters, ["levels"], "priority")
    levels = by_consumer(parameters, "levels", consumers, "priority")
    for level, consumer in zip(levels, consumers, strict=True):
        if not isinstance(level, int) or isinstance(level, bool):
            raise BadParameters(f"levels.{consumer} = {level!r} is not a whole number")
    return tuple(levels)


def share(request: Request, settings: tuple[int, ...]) -> Int64:
    """A level gets what the higher ones leave."""
    solar = np.zeros_like(request.consumption_mwh)
    rest = request.pool_mwh.copy()
    for level in sorted(set(settings), reverse=True):
        rows = [i for i, own in enumerate(settings) if own == level]
        part = share_by_consumption(request.consumption_mwh[rows], rest, request.slots)
        solar[rows] = part
        rest -= part.sum(axis=0)
    return solar
