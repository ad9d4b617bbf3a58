"""Billing many sites: time, growth, and the memory of the process that does it."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from quartier.cli.bench import _fleet
from quartier.cli.bench._counts import Counts
from quartier.cli.bench._figure import Figure


def measure(folder: Path, counts: Counts) -> Iterator[Figure]:
    """``bill_10_sites_s``, ``bill_100_sites_s``, how the one grows into the other, and
    ``bill_peak_mb``."""
    households = counts.households_a_site
    medians = []
    for sites, name in zip(counts.sites, ("10", "100"), strict=True):
        runs = [_fleet.billed(folder, counts, sites)[1] for _ in range(counts.fleet_runs)]
        wall_s = [run["wall_s"] for run in runs]
        cpu_s = median(run["cpu_s"] for run in runs)
        medians.append(median(wall_s))
        yield Figure(
            f"bill_{name}_sites_s",
            medians[-1],
            "s",
            f"to bill a quarter of {sites} sites of {households} households, issued and posted "
            f"({cpu_s / sites * 1e3:.0f} ms CPU a site)",
            floor=median(run["floor_s"] for run in runs),
            floor_what="read + allocate alone",
            cpu=cpu_s,
            samples=wall_s,
        )
    small, large = counts.sites
    yield Figure(
        "bill_growth_ratio",
        medians[1] / medians[0],
        "x",
        f"the time of {large} sites by that of {small}; linear is {large / small:g}",
        floor=large / small,
        floor_what="linear",
    )
    peaks = [run["peak_mb"] for run in runs]
    yield Figure(
        "bill_peak_mb",
        median(peaks),
        "MB",
        f"the most memory of the process that bills these {large} sites, the database's mapped "
        "pages included",
        floor=median(run["at_start_mb"] for run in runs),
        floor_what="Django and the programs alone",
        goal=300,
        samples=peaks,
    )
