"""A port: who knows what was already billed on intervals that an import changed.

Billing stands above intake, so it cannot be imported here; it registers itself when its app is
ready, and without it nothing has been billed.
"""

from collections.abc import Callable, Sequence

BilledRanges = Callable[[int, Sequence[int], int, int], list[str]]
"""``(site_id, register_ids, first_slot, end_slot)`` to the names of what was billed on them."""

_sources: list[BilledRanges] = []


def register(source: BilledRanges) -> None:
    """Ask ``source`` too after an import that changed known values."""
    if source not in _sources:
        _sources.append(source)


def billed_on(site_id: int, runs: Sequence[tuple[int, int, int]]) -> list[str]:
    """What was billed on any of the half-open ``(register_id, first_slot, end_slot)``."""
    names: dict[str, None] = {}
    for register_id, first_slot, end_slot in runs:
        for source in _sources:
            names.update(dict.fromkeys(source(site_id, [register_id], first_slot, end_slot)))
    return list(names)
