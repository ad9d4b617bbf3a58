"""A quarter of one building: from stored intervals to rated, capped, frozen documents."""

from collections.abc import Iterator
from pathlib import Path

from quartier.apps.billing.prepare import prepare
from quartier.apps.sites.models import Site
from quartier.cli.bench import _world as world
from quartier.cli.bench._counts import Counts
from quartier.cli.bench._figure import Figure, Timing, timed_in_turn
from quartier.cli.bench._floor import read_and_allocate
from quartier.core.invoicing.frozen import freeze
from quartier.core.kernel.period import timezone_of


def measure(folder: Path, counts: Counts) -> Iterator[Figure]:  # noqa: ARG001
    """``building_quarter_50_ms``, ``building_quarter_500_ms`` and how the one grows into the
    other."""
    medians = []
    sizes = ((50, counts.runs, 40.0), (500, counts.runs_of_largest, None))
    for households, (name, runs, goal) in zip(counts.households, sizes, strict=True):
        site = world.site_with(households, f"building-{name}")
        floor, work = _timings(site, households, runs)
        medians.append(work.median_s)
        yield work.figure(
            f"building_quarter_{name}_ms",
            "ms",
            1e3,
            f"for a quarter of {households} households, from intervals to frozen documents "
            f"({work.median_cpu_s / households * 1e6:.0f} us CPU a household, {runs} warm runs)",
            floor=floor.median_s * 1e3,
            floor_what="read + allocate alone, at most 3 x is the goal",
            goal=goal,
        )
    small, large = counts.households
    yield Figure(
        "building_growth_ratio",
        medians[1] / medians[0],
        "x",
        f"the time of {large} households by that of {small}; linear is {large / small:g}",
        floor=large / small,
        floor_what="linear",
    )


def _timings(site: Site, households: int, runs: int) -> tuple[Timing, Timing]:
    """Read and allocate alone, and all of it."""
    slots = world.QUARTER.period(timezone_of(site.timezone)).slots
    issued_date = world.KNOWN_AT.date()

    def work() -> None:
        prepared = prepare(site, world.QUARTER, known_at=world.KNOWN_AT, issued_date=issued_date)
        assert prepared.can_issue, prepared.findings
        assert len(prepared.drafts) == households, "every household has a document"
        for draft in prepared.drafts:
            freeze(draft.document)

    floor, whole = timed_in_turn(read_and_allocate(site, slots), work, runs=runs, warm=2)
    return floor, whole
