"""Meters of consumption that count for nobody on some of the days: their energy would be lost."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from quartier.apps.equipment.models import Device, Meter
from quartier.apps.metering.queries import known_slots
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import Dates, slot_starts_at, timezone_of
from quartier.core.metering.virtual import BadRule, parse_rule


def unmapped(
    site: Site,
    unassigned: Sequence[tuple[Meter, Dates]],
    chains: Mapping[int, Sequence[object]],
    dates: Dates,
) -> Iterator[Finding]:
    """An error for each part of ``dates`` on which a meter is there and counts for nobody.

    ``unassigned`` are the parts without a billing point, ``chains`` the assignments by meter id.
    No query where there is no such part.
    """
    if not unassigned:
        return
    there_on = _there(site, {meter.pk: meter for meter, _ in unassigned}, chains, dates)
    for meter, part in unassigned:
        whole = there_on.get(meter.pk)
        there = None if whole is None else part.intersection(whole)
        if there is not None:
            yield error(
                "sharing.unmapped",
                f"It counts for no billing point from {there}.",
                where=f"{site.ref}, meter {meter.ref}",
                remedy="Assign it to a billing point, or disable it if it is not billed.",
            )


def counted_in_rules(meters: Iterable[Meter]) -> set[str]:
    """The refs of meters whose energy is counted by a virtual meter of consumption: those it adds.
    What it takes away counts there for nobody."""
    found: set[str] = set()
    for meter in meters:
        try:
            terms = parse_rule(meter.rule) if meter.rule else ()
        except BadRule:  # a finding where it is computed
            continue
        found |= {term.ref for term in terms if term.sign > 0}
    return found


def _there(
    site: Site,
    meters: Mapping[int, Meter],
    chains: Mapping[int, Sequence[object]],
    dates: Dates,
) -> dict[int, Dates]:
    """By meter id, the local dates on which a meter is on its place; none where it never is.

    Its devices say so. One that the grid operator reads has none: it is there from its first
    quarter-hour to its last, or always if it was never assigned. A virtual meter always is.
    """
    devices: dict[int, list[Device]] = defaultdict(list)
    for device in Device.objects.filter(meter__in=meters):
        devices[device.meter_id].append(device)
    found: dict[int, Dates] = {}
    by_data = []
    for key, meter in meters.items():
        if key in devices:
            part = _device_dates(site, devices[key])
            if part is not None:
                found[key] = part
        elif meter.source != Meter.Source.VIRTUAL and chains.get(key):
            by_data.append(meter)
        else:
            found[key] = Dates(date.min)
    return found | _data_dates(site, by_data, dates) if by_data else found


def _device_dates(site: Site, devices: Sequence[Device]) -> Dates | None:
    """The local dates from the installation of the first to the removal of the last, whose day
    is its successor's."""
    tz = timezone_of(site.timezone)
    first = min(one.installed_at for one in devices).astimezone(tz).date()
    removed = [one.removed_at for one in devices if one.removed_at is not None]
    if len(removed) < len(devices):
        return Dates(first)
    end = max(removed).astimezone(tz).date()
    return Dates(first, end) if first < end else None


def _data_dates(site: Site, meters: Sequence[Meter], dates: Dates) -> dict[int, Dates]:
    """By meter id, the local dates within ``dates`` from its first quarter-hour to its last; a
    last day that is not whole is its successor's."""
    tz = timezone_of(site.timezone)
    found = {}
    for key, slots in known_slots(site, meters, dates.period(tz).slots).items():
        first = slot_starts_at(slots.start).astimezone(tz).date()
        end = slot_starts_at(slots.stop).astimezone(tz).date()
        if first < end:
            found[key] = Dates(first, end)
    return found
