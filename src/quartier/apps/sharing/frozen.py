"""Allocations that were billed: written once with the run, read to explain a line."""

import zlib

import numpy as np
from numpy.typing import NDArray

from quartier.apps.sharing.energy import SharedEnergy
from quartier.apps.sharing.models import AllocationBlock


def freeze(site_id: int, run_id: int, shared: SharedEnergy) -> None:
    """Keep the solar energy of every billing point of ``shared``; call inside the issuing
    transaction."""
    AllocationBlock.objects.bulk_create(
        [
            AllocationBlock(
                site_id=site_id,
                run_id=run_id,
                billing_point_id=point_id,
                first_slot=shared.first_slot,
                slots=shared.solar_mwh.shape[1],
                solar_mwh=zlib.compress(shared.solar_mwh[row].astype("<i8").tobytes(), 1),
            )
            for row, point_id in enumerate(shared.points)
        ],
        batch_size=100,
    )


def thaw(site_id: int, run_id: int, billing_point_id: int) -> tuple[int, NDArray[np.int64]]:
    """First slot and solar energy in mWh, as they were billed.

    Raises ``AllocationBlock.DoesNotExist``.
    """
    block = AllocationBlock.objects.get(
        site_id=site_id, run_id=run_id, billing_point_id=billing_point_id
    )
    solar = np.frombuffer(zlib.decompress(bytes(block.solar_mwh)), dtype="<i8")
    assert len(solar) == block.slots
    return block.first_slot, solar.astype(np.int64)
