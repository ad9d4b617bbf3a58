"""Reading dated agreements over a range of local dates; everything is clipped to that range."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import zip_longest

from quartier.apps.contracts.mapping import sheet_of
from quartier.apps.contracts.models import Community, Occupancy, PriceSheet, Solution
from quartier.apps.parties.models import Party
from quartier.apps.sites.models import BillingPoint, Site, Stakeholder
from quartier.core.invoicing.document import CapStatus
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import Dates
from quartier.core.rating import sheet as rating


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds a billing point over ``dates`` (half-open, local, clipped to what was asked)."""

    billing_point_id: int
    party_id: int
    status: CapStatus
    is_vacant: bool
    dates: Dates


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A price sheet over ``dates`` (its validity, clipped to what was asked)."""

    id: int
    sheet: rating.PriceSheet
    sha256: str
    dates: Dates


def occupancies_in(
    site: Site, dates: Dates, point_ids: Iterable[int] | None = None
) -> dict[int, tuple[Holding, ...]]:
    """By billing point id, in order of time, who held it. Each of ``point_ids`` (all of the site
    by default) has a key; days before its first occupancy have no holding (see
    :func:`unheld_in`)."""
    chains: dict[int, list[_Start]] = {key: [] for key in _points(site, point_ids)}
    rows = Occupancy.objects.filter(billing_point__site=site).order_by("starts_date")
    if dates.to_date is not None:
        rows = rows.filter(starts_date__lt=dates.to_date)
    for key, start, party_id, status, is_vacant in rows.values_list(
        "billing_point_id", "starts_date", "party_id", "status", "is_vacant"
    ):
        if (chain := chains.get(key)) is not None:
            chain.append((start, party_id, status, is_vacant))
    return {key: _holdings(key, chain, dates) for key, chain in chains.items()}


_Start = tuple[date, int, str, bool]
"""From when on which party holds a billing point, its status, and whether that is a vacancy."""


def _points(site: Site, point_ids: Iterable[int] | None) -> Iterable[int]:
    if point_ids is not None:
        return point_ids
    return BillingPoint.objects.filter(site=site).values_list("id", flat=True)


def _holdings(point_id: int, chain: list[_Start], dates: Dates) -> tuple[Holding, ...]:
    """One billing point's occupancies, in order of their start, as holdings within ``dates``."""
    found = []
    for (start, party_id, status, is_vacant), following in zip_longest(chain, chain[1:]):
        common = Dates(start, following[0] if following else None).intersection(dates)
        if common is not None:
            found.append(Holding(point_id, party_id, CapStatus(status), is_vacant, common))
    return tuple(found)


def unheld_in(site: Site, dates: Dates) -> tuple[Finding, ...]:
    """An error for each billed billing point that nobody holds at the beginning of ``dates``."""
    held = occupancies_in(site, dates)
    findings = []
    for point in BillingPoint.objects.filter(site=site, is_active=True, is_billed=True):
        first = held[point.pk][0].dates.from_date if held[point.pk] else dates.to_date
        if first != dates.from_date:
            findings.append(
                error(
                    "contracts.unheld",
                    f"Nobody holds it from {dates.from_date} to {first} (exclusive).",
                    where=f"billing point {point.ref}",
                    remedy="Add an occupancy, or a vacancy of the owner, from that date.",
                )
            )
    return tuple(findings)


def holder_on(billing_point: BillingPoint, day: date) -> Occupancy | None:
    """The occupancy that holds ``billing_point`` on ``day``."""
    return (
        Occupancy.objects.filter(billing_point=billing_point, starts_date__lte=day)
        .order_by("-starts_date")
        .select_related("party")
        .first()
    )


def owner_of(site: Site) -> Party | None:
    """The party to whom vacancies fall: the site's owner, the first by ref where it has several."""
    stake = (
        Stakeholder.objects.filter(site=site, role=Stakeholder.Role.OWNER)
        .select_related("party")
        .order_by("party__ref")
        .first()
    )
    return stake.party if stake else None


def price_sheets_in(
    site: Site, dates: Dates, point_ids: Iterable[int] | None = None
) -> dict[int, tuple[SheetRow, ...]]:
    """By billing point id, in order of time, the sheets that price it within ``dates``.

    A sheet without billing points holds for those that no other sheet of the same solution names
    on the same days.
    Each of ``point_ids`` (all of the site by default) has a key. Holes and overlaps are for
    ``core.rating.check.coverage`` to find.
    """
    rows = PriceSheet.objects.filter(site=site, ends_date__gt=dates.from_date)
    if dates.to_date is not None:
        rows = rows.filter(starts_date__lt=dates.to_date)
    rows = rows.order_by("starts_date", "ref")
    links = PriceSheet.billing_points.through.objects.filter(
        pricesheet__in=[row.pk for row in rows]
    )
    named_by: dict[int, list[int]] = defaultdict(list)
    for sheet_id, point_id in links.values_list("pricesheet_id", "billingpoint_id"):
        named_by[sheet_id].append(point_id)
    named: dict[int, list[SheetRow]] = defaultdict(list)
    general: list[SheetRow] = []
    for row in rows:
        common = Dates(row.starts_date, row.ends_date).intersection(dates)
        assert common is not None, "the query selects sheets that overlap"
        found = SheetRow(row.pk, sheet_of(row), row.sha256, common)
        for key in named_by[row.pk]:
            named[key].append(found)
        if not named_by[row.pk]:
            general.append(found)
    return {key: _without_overridden(named[key], general) for key in _points(site, point_ids)}


def price_sheets_for(billing_point: BillingPoint, dates: Dates) -> tuple[SheetRow, ...]:
    """The sheets that price one billing point within ``dates``, in order of time."""
    return price_sheets_in(billing_point.site, dates, [billing_point.pk])[billing_point.pk]


def _without_overridden(named: list[SheetRow], general: list[SheetRow]) -> tuple[SheetRow, ...]:
    """The named sheets, and of the general ones the days on which no named one prices a solution
    that they price too."""
    kept = list(named)
    for row in general:
        prices = _solutions(row)
        taken = [own.dates for own in named if prices & _solutions(own)]
        kept += [SheetRow(row.id, row.sheet, row.sha256, part) for part in row.dates.without(taken)]
    return tuple(sorted(kept, key=lambda one: (one.dates.from_date, one.sheet.ref)))


def _solutions(row: SheetRow) -> set[str]:
    return {component.solution for component in row.sheet.components}


def is_leg(site: Site, dates: Dates) -> bool:
    """Whether a local electricity community holds over all of ``dates``: its members buy their
    grid energy from the grid operator (rules.md a.4)."""
    return is_leg_over(dates, communities_in(site, dates))


def is_leg_over(dates: Dates, communities: Sequence[tuple[Dates, Community]]) -> bool:
    """The same of the agreements within ``dates``, in order of time."""
    return bool(communities) and (
        communities[0][0].from_date == dates.from_date
        and all(one.kind == Community.Kind.LEG for _, one in communities)
    )


def communities_in(site: Site, dates: Dates) -> tuple[tuple[Dates, Community], ...]:
    """The sharing agreements within ``dates``, in order of time."""
    rows = list(Community.objects.filter(site=site).order_by("starts_date"))
    found = []
    for row, following in zip_longest(rows, rows[1:]):
        end = following.starts_date if following else None
        common = Dates(row.starts_date, end).intersection(dates)
        if common is not None:
            found.append((common, row))
    return tuple(found)


def solutions_in(site: Site, dates: Dates) -> tuple[tuple[Dates, Solution], ...]:
    """The solutions that run within ``dates``."""
    found = []
    for row in Solution.objects.filter(site=site).order_by("kind", "starts_date"):
        common = Dates(row.starts_date, row.ends_date).intersection(dates)
        if common is not None:
            found.append((common, row))
    return tuple(found)
