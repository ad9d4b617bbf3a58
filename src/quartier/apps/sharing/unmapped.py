"""Meters of consumption that count for nobody on some of the days: their energy would be lost."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from quartier.apps.equipment.models import Meter
from quartier.apps.metering.queries import known_slots
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import Dates, slot_starts_at, timezone_of
from quartier.core.metering.virtual import BadRule, parse_rule


def unmapped(
    site: Site, unassigned: Sequence[tuple[Meter, Dates]], dates: Dates
) -> Iterator[Finding]:
    """An error for each part of ``dates`` on which a meter is there and counts for nobody.

    ``unassigned`` are the parts without a billing point; devices and assignments of the meters
    are prefetched. One query more where a meter without a device is assigned on other days.
    """
    unknown = [meter for meter, _ in unassigned if _is_known_by_data(meter)]
    known = _data_dates(site, unknown, dates) if unknown else {}
    for meter, part in unassigned:
        whole = known.get(meter.pk) if _is_known_by_data(meter) else _device_dates(site, meter)
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


def _is_known_by_data(meter: Meter) -> bool:
    """Whether only its quarter-hours say since when and until when a meter is there: one that the
    grid operator reads has no device. One that was never assigned is there."""
    return (
        meter.source != Meter.Source.VIRTUAL
        and not meter.devices.all()
        and bool(meter.assignments.all())
    )


def _device_dates(site: Site, meter: Meter) -> Dates | None:
    """The local dates from the first device on the measuring place to the removal of the last;
    all where none is known. The day of the removal is its successor's."""
    devices = meter.devices.all()
    if not devices:
        return Dates(date.min)
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
