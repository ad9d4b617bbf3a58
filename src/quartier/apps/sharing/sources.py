"""Which meters feed what on a site: consumption by billing point, plants, battery, grid entry.

Read in a constant number of queries, however large the site.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from quartier.apps.equipment.models import Assignment, Medium, Meter
from quartier.apps.sharing.unmapped import counted_in_rules, unmapped
from quartier.apps.sites.models import BillingPoint, Site
from quartier.core.invoicing.document import Input
from quartier.core.invoicing.frozen import sha256_of
from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import Dates


@dataclass(frozen=True, slots=True)
class Feed:
    """A meter that counts for a billing point over ``dates`` (local, half-open, clipped)."""

    meter: Meter
    dates: Dates


@dataclass(frozen=True, slots=True)
class Sources:
    """The enabled electricity meters of a site over a range of dates, by what they stand for."""

    points: tuple[BillingPoint, ...]
    feeds: dict[int, tuple[Feed, ...]]
    """By billing point id; a point without a meter has no key."""
    production: tuple[Meter, ...]
    batteries: tuple[Meter, ...]
    grid: tuple[Meter, ...]

    @property
    def meters(self) -> list[Meter]:
        """Every meter, each once."""
        consumers = {feed.meter.pk: feed.meter for row in self.feeds.values() for feed in row}
        return [*consumers.values(), *self.production, *self.batteries, *self.grid]


def sources_in(site: Site, dates: Dates) -> tuple[Sources, tuple[Finding, ...]]:
    """The sources of ``site`` within ``dates``; a consumption meter that counts for nobody on
    some of the days is an error, for its energy would be lost."""
    points = tuple(
        BillingPoint.objects.filter(site=site, is_active=True)
        .select_related("building")
        .order_by("position", "ref")
    )
    meters = list(
        Meter.objects.filter(site=site, is_enabled=True, medium=Medium.ELECTRICITY).order_by("ref")
    )
    chains: dict[int, list[tuple[date, int | None]]] = defaultdict(list)
    for meter_id, starts_date, assigned_id in (
        Assignment.objects.filter(meter__site=site)
        .order_by("starts_date")
        .values_list("meter_id", "starts_date", "billing_point_id")
    ):
        chains[meter_id].append((starts_date, assigned_id))
    by_mode: dict[str, list[Meter]] = defaultdict(list)
    for meter in meters:
        by_mode[meter.mode].append(meter)
    active = {point.pk for point in points}
    feeds: dict[int, list[Feed]] = defaultdict(list)
    in_rules = counted_in_rules(by_mode[Meter.Mode.CONSUMPTION])
    unassigned: list[tuple[Meter, Dates]] = []
    for meter in by_mode[Meter.Mode.CONSUMPTION]:
        for part, point_id in _assigned(chains[meter.pk], dates):
            if point_id in active:
                feeds[point_id].append(Feed(meter, part))
            elif point_id is None and meter.ref not in in_rules:
                unassigned.append((meter, part))
    sources = Sources(
        points,
        {key: tuple(row) for key, row in feeds.items()},
        tuple(by_mode[Meter.Mode.PRODUCTION]),
        tuple(by_mode[Meter.Mode.BATTERY]),
        tuple(by_mode[Meter.Mode.GRID]),
    )
    return sources, tuple(unmapped(site, unassigned, chains, dates))


def _assigned(
    chain: Iterable[tuple[date, int | None]], dates: Dates
) -> Iterable[tuple[Dates, int | None]]:
    """The parts of ``dates`` and the billing point that a meter counts for in each; ``chain`` are
    its assignments in order of their start."""
    starts = list(chain)
    if not starts or starts[0][0] > dates.from_date:
        starts.insert(0, (dates.from_date, None))
    ends: list[date | None] = [*(start for start, _ in starts[1:]), None]
    for (start, point_id), end in zip(starts, ends, strict=True):
        common = Dates(start, end).intersection(dates)
        if common is not None:
            yield common, point_id


def meters_input(site: Site, sources: Sources) -> Input:
    """Which meter counted for what and whom, as an input of the documents that rest on it."""
    fed = {point.pk: point.ref for point in sources.points}
    rows: list[list[object]] = [
        [feed.meter.ref, feed.meter.rule, fed[key], feed.dates.from_date, feed.dates.to_date]
        for key, row in sources.feeds.items()
        for feed in row
    ]
    rows += [
        [meter.ref, meter.rule, meter.mode, meter.is_swapped]
        for meter in (*sources.production, *sources.batteries, *sources.grid)
    ]
    return Input("meters", site.ref, sha256_of(rows))
