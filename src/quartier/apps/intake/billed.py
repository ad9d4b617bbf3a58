"""A port: who knows what was already billed on intervals that an import changed.

Billing stands above intake, so it cannot be imported here; it registers itself when its app is
ready, and without it nothing has been billed.
"""

from collections.abc import Callable, Sequence

from quartier.core.kernel.period import SLOTS_PER_UTC_DAY

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
    registers = sorted({register_id for register_id, _, _ in runs})
    for first_slot, end_slot in _spans(runs):
        for source in _sources:
            names.update(dict.fromkeys(source(site_id, registers, first_slot, end_slot)))
    return list(names)


def _spans(runs: Sequence[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """The runs of all registers, those less than a day apart made one: few questions to ask."""
    out: list[tuple[int, int]] = []
    for _, first, end in sorted(runs, key=lambda run: run[1:]):
        if out and first - out[-1][1] < SLOTS_PER_UTC_DAY:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((first, end))
    return out
