"""Everybody's share of a period: who holds which billing point when, and what prices it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from quartier.apps.billing.models import Invoice
from quartier.apps.billing.titles import titled
from quartier.apps.contracts.models import Solution
from quartier.apps.contracts.queries import Holding, SheetRow, occupancies_in, price_sheets_in
from quartier.apps.parties.models import Party
from quartier.apps.sites.models import BillingPoint, Site
from quartier.core.invoicing.document import Input
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import Dates
from quartier.core.rating.check import coverage
from quartier.core.rating.sheet import PriceSheet

SOLUTION = "electricity"


@dataclass(frozen=True, slots=True)
class Share:
    """One holding to be billed, with all that prices it."""

    point: BillingPoint
    party: Party
    holding: Holding
    sheets: tuple[PriceSheet, ...]
    sheet_inputs: tuple[Input, ...]
    issued: Invoice | None
    """What bills it already. It is rated all the same: quantities are rounded over everybody, so
    the others' would otherwise depend on who was billed before."""

    @property
    def where(self) -> str:
        return f"{self.point.name}, {self.party.name}"


def shares_in(
    site: Site, dates: Dates, active: Iterable[BillingPoint], label: str
) -> tuple[list[Share], list[Finding]]:
    """Everybody's share of the period, billed already or not, and what stands in the way.

    ``active`` are the active billing points of ``site`` with their buildings; ``label`` is what
    the site calls its electricity.
    """
    findings: list[Finding] = []
    points = {point.pk: point for point in active if point.is_billed}
    held = occupancies_in(site, dates, points)
    sheets = price_sheets_in(site, dates, points)
    parties = Party.objects.in_bulk({holding.party_id for key in points for holding in held[key]})
    billed: dict[int, list[Invoice]] = defaultdict(list)
    overlapping = Invoice.objects.filter(
        site=site,
        kind=Invoice.Kind.INVOICE,
        superseded_by=None,
        from_date__lt=dates.to_date,
        to_date__gt=dates.from_date,
    ).order_by("from_date", "pk")
    for row in overlapping.only("number", "billing_point_id", "party_id", "from_date", "to_date"):
        billed[row.billing_point_id].append(row)
    if not points:
        findings.append(
            error(
                "billing.nobody",
                "It has no active billing point that is billed.",
                where=site.ref,
                remedy="Add billing points, or set them active and billed.",
            )
        )
    clipped: dict[tuple[int, Dates], PriceSheet] = {}
    shares: list[Share] = []
    for key, point in points.items():
        findings.extend(_unheld(point, held[key], dates))
        for holding in held[key]:
            done, conflict = _billed(point, holding, billed[key])
            if conflict:
                findings.append(conflict)
                continue
            party = parties[holding.party_id]
            rows = [row for row in sheets[key] if row.dates.intersection(holding.dates)]
            where = f"{point.name}, {party.name}"
            values = tuple(_clipped(row, dates, label, clipped) for row in rows)
            if done is None:
                findings.extend(coverage(values, holding.dates, where))
            shares.append(
                Share(
                    point,
                    party,
                    holding,
                    values,
                    tuple(Input("price_sheet", row.sheet.ref, row.sha256) for row in rows),
                    done,
                )
            )
    return shares, findings


def label_of(dates: Dates, solutions: Iterable[tuple[Dates, Solution]]) -> str:
    """What the site calls its electricity on invoices; empty where it says nothing."""
    for part, one in solutions:
        if one.kind == SOLUTION and one.label and part.intersection(dates) is not None:
            return one.label
    return ""


def _clipped(
    row: SheetRow, dates: Dates, label: str, made: dict[tuple[int, Dates], PriceSheet]
) -> PriceSheet:
    """The sheet with its title, cut down to the days on which no other takes its place."""
    whole = row.sheet.valid.intersection(dates) == row.dates
    valid = row.sheet.valid if whole else row.dates
    if (row.id, valid) not in made:
        made[row.id, valid] = titled(replace(row.sheet, valid=valid), label, SOLUTION)
    return made[row.id, valid]


def _unheld(point: BillingPoint, holdings: Sequence[Holding], dates: Dates) -> Iterator[Finding]:
    first = holdings[0].dates.from_date if holdings else dates.to_date
    if first != dates.from_date:
        yield error(
            "billing.unheld",
            f"Nobody holds it from {dates.from_date} to {first} (exclusive).",
            where=point.name,
            remedy="Add an occupancy, or a vacancy of the owner, from that date.",
        )


def _billed(
    point: BillingPoint, holding: Holding, rows: Iterable[Invoice]
) -> tuple[Invoice | None, Finding | None]:
    """The invoice that bills exactly this holding, or the conflict with one that overlaps it."""
    for row in rows:
        common = Dates(row.from_date, row.to_date).intersection(holding.dates)
        if common is None:
            continue
        same = common == holding.dates == Dates(row.from_date, row.to_date)
        if same and row.party_id == holding.party_id:
            return row, None
        return None, error(
            "billing.overlap",
            f"The invoice {row.number} bills it from {row.from_date} to {row.to_date} (exclusive).",
            where=point.name,
            remedy="Choose a period beside it, or cancel that invoice with a credit note.",
        )
    return None, None
