"""Reading meters and what they count for."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import zip_longest

from django.db.models import Prefetch

from quartier.apps.equipment.models import Assignment, Battery, Device, Meter, Plant, Register
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import Dates


@dataclass(frozen=True, slots=True)
class Assigned:
    """What a meter counts for over ``dates`` (half-open, local); None: for no billing point."""

    meter_id: int
    billing_point_id: int | None
    dates: Dates


def meters_of(site: Site, *, enabled_only: bool = True) -> tuple[Meter, ...]:
    """The meters of a site by ref, with devices, registers and assignments prefetched."""
    rows = Meter.objects.filter(site=site).order_by("ref")
    if enabled_only:
        rows = rows.filter(is_enabled=True)
    return tuple(
        rows.prefetch_related(
            Prefetch("devices", Device.objects.order_by("installed_at")),
            Prefetch("registers", Register.objects.order_by("direction", "part")),
            Prefetch("assignments", Assignment.objects.order_by("starts_date")),
        )
    )


def assignments_in(site: Site, dates: Dates) -> dict[int, tuple[Assigned, ...]]:
    """By meter id, in order of time, what each consumption meter counts for within ``dates``.

    Every enabled consumption meter of the site has a key; a meter that was never assigned, or is
    not yet, has no part for those days.
    """
    chains: dict[int, list[Assignment]] = defaultdict(list)
    for row in Assignment.objects.filter(meter__site=site).order_by("starts_date"):
        chains[row.meter_id].append(row)
    keys = Meter.objects.filter(
        site=site, is_enabled=True, mode=Meter.Mode.CONSUMPTION
    ).values_list("id", flat=True)
    return {key: assigned(chains[key], dates) for key in keys}


def assigned(chain: list[Assignment], dates: Dates) -> tuple[Assigned, ...]:
    """One meter's assignments, in order of their start, within ``dates``."""
    found = []
    for row, following in zip_longest(chain, chain[1:]):
        end = following.starts_date if following else None
        common = Dates(row.starts_date, end).intersection(dates)
        if common is not None:
            found.append(Assigned(row.meter_id, row.billing_point_id, common))
    return tuple(found)


def plants_of(site: Site) -> tuple[Plant, ...]:
    """The plants of a site by ref, with meter and owner."""
    return tuple(Plant.objects.filter(site=site).select_related("meter", "owner").order_by("ref"))


def batteries_of(site: Site) -> tuple[Battery, ...]:
    """The batteries of a site by ref, with meter and owner."""
    rows = Battery.objects.filter(site=site).select_related("meter", "owner")
    return tuple(rows.order_by("ref"))
