"""Sharing solar energy: what one consumer costs in one quarter-hour."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from quartier.cli.bench._counts import Counts
from quartier.cli.bench._figure import Figure, timed_in_turn
from quartier.core.allocation import allocate

SLOTS = 8_832  # 92 days
FIRST_SLOT = 1_981_344


def measure(folder: Path, counts: Counts) -> Iterator[Figure]:  # noqa: ARG001
    """``allocation_ns_per_cell``: the rule proportional on a quarter, in memory."""
    consumers = counts.households[0]
    random = np.random.default_rng(1)
    consumption = random.gamma(1.2, 70, size=(consumers, SLOTS)).astype(np.int64) * 1000
    production = random.integers(0, consumers * 150, size=(1, SLOTS)) * 1000
    total = np.maximum(consumption.sum(axis=0), 1)
    pool = np.minimum(production[0], total)

    floor, work = timed_in_turn(
        lambda: consumption * pool // total,
        lambda: allocate(consumption, production, "proportional", slots=FIRST_SLOT),
        runs=counts.runs,
    )
    cells = consumption.size
    yield work.per(cells).figure(
        "allocation_ns_per_cell",
        "ns",
        1e9,
        f"to share solar energy exactly among {consumers} consumers x {SLOTS} quarter-hours, "
        "a consumer and quarter-hour",
        floor=floor.per(cells).median_s * 1e9,
        floor_what="one NumPy pass of multiply and floor-divide on the same array",
    )
