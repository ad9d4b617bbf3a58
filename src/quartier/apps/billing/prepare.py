"""What a billing run would issue, computed and checked, with nothing written.

A run fails closed: every defect of the site is a finding, all are listed at once, and one error
means that none of its documents is issued (architecture.md, house rule 3).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np

from quartier.apps.billing.market import NoMarket, terms_of
from quartier.apps.billing.models import Invoice
from quartier.apps.billing.parties import issuer_of, payment_of, place_of, recipient_of
from quartier.apps.billing.payable import Payable
from quartier.apps.billing.titles import titled
from quartier.apps.contracts.models import Community, Issuer
from quartier.apps.contracts.queries import (
    Holding,
    SheetRow,
    communities_in,
    is_leg,
    occupancies_in,
    price_sheets_in,
    solutions_in,
)
from quartier.apps.parties.models import Party
from quartier.apps.sharing.energy import SharedEnergy, shared_energy
from quartier.apps.sites.models import BillingPoint, Note, Site
from quartier.core.invoicing.build import NothingToBill, Terms, invoice
from quartier.core.invoicing.cap_law import NoCapMethod
from quartier.core.invoicing.chart import energy_of
from quartier.core.invoicing.document import Document, Energy, Input, sha256_of
from quartier.core.invoicing.tax import NoVatRate
from quartier.core.kernel.findings import Finding, error, info, warning
from quartier.core.kernel.period import Dates, local_midnight, timezone_of
from quartier.core.kernel.quality import Quality
from quartier.core.rating.check import coverage
from quartier.core.rating.price import NoPrice
from quartier.core.rating.rate import rate
from quartier.core.rating.rated import Rated
from quartier.core.rating.sheet import PriceSheet
from quartier.core.rating.usage import BadUsage, Participant, Usage

SOLUTION = "electricity"
# A plain list of ints: NumPy compares with a member of an enumeration ten times slower.
_GUESSED = [int(one) for one in (Quality.ESTIMATED, Quality.SUBSTITUTED, Quality.MANUAL)]


@dataclass(frozen=True, slots=True)
class Draft:
    """One document that can be issued; its number and reference come with the issue."""

    point: BillingPoint
    party: Party
    holding: Holding
    document: Document


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """All that a run of one site would issue. ``issued`` is left alone: it is billed already."""

    site: Site
    dates: Dates
    known_at: datetime
    drafts: tuple[Draft, ...]
    issued: tuple[Invoice, ...]
    findings: tuple[Finding, ...]
    inputs: tuple[Input, ...]
    shared: SharedEnergy | None

    @property
    def can_issue(self) -> bool:
        """Whether nothing stands in the way."""
        return not any(finding.severity == "error" for finding in self.findings)


@dataclass(frozen=True, slots=True)
class _Share:
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


def prepare(site: Site, dates: Dates, *, known_at: datetime, issued_date: date) -> Prepared:
    """The documents of ``site`` over the local ``dates``, from what was known at ``known_at``."""
    findings = [
        *_open_issues(site),
        *_inactive(site, dates),
        *_too_early(site, dates, known_at),
    ]
    issuer = Issuer.objects.select_related("party").filter(site=site).first()
    if issuer is None:
        findings.append(
            error(
                "billing.no_issuer",
                "Nobody issues its invoices.",
                where=site.ref,
                remedy="Add the issuer with the IBAN to be paid to.",
            )
        )
    shared, defects = shared_energy(site, dates, as_of=known_at)
    findings.extend(defects)
    shares, found = _shares(site, dates)
    findings.extend(found)
    findings.extend(_unmetered(shares, shared))
    findings.extend(_unfed(shares, shared))
    issued = tuple(share.issued for share in shares if share.issued is not None)
    inputs = shared.inputs
    if (
        len(issued) == len(shares)
        or issuer is None
        or any(one.severity == "error" for one in findings)
    ):
        return Prepared(site, dates, known_at, (), issued, tuple(findings), inputs, shared)

    try:
        community = _community(site, dates)
        terms = terms_of(
            site.country, site.currency, dates.from_date, is_capped=_is_capped(community)
        )
    except NoMarket as problem:
        findings.append(error("billing.no_market", f"{problem}.", where=site.ref))
        return Prepared(site, dates, known_at, (), issued, tuple(findings), inputs, shared)
    findings.extend(_changes_inside(site, dates, terms))
    rated, energies, found = _rated(site, dates, shared, shares, terms)
    findings.extend(found)
    if rated is None:
        return Prepared(site, dates, known_at, (), issued, tuple(findings), inputs, shared)
    by_share = list(zip(shares, rated, energies, strict=True))
    drafts, found = _documents(site, dates, issuer, terms, issued_date, shared, by_share)
    findings.extend(found)
    return Prepared(site, dates, known_at, drafts, issued, tuple(findings), inputs, shared)


def _open_issues(site: Site) -> Iterator[Finding]:
    """An open issue blocks billing until it is resolved (system.md 5.1)."""
    for note in Note.objects.filter(site=site, kind=Note.Kind.ISSUE, resolved_at=None):
        yield error(
            "billing.issue",
            f"An issue is open since {note.created_at:%d.%m.%Y}: {note.text[:120]}",
            where=site.ref,
            remedy="Resolve the issue, then bill again.",
        )


def _inactive(site: Site, dates: Dates) -> Iterator[Finding]:
    """Where solutions are kept, electricity must be active over all of the period."""
    solutions = list(solutions_in(site, Dates(date.min)))
    if not any(solution.kind == SOLUTION for _, solution in solutions):
        return
    day = dates.from_date
    for part, solution in sorted(solutions_in(site, dates), key=lambda one: one[0].from_date):
        if solution.kind == SOLUTION and part.from_date <= day:
            day = part.to_date or date.max
    if dates.to_date is not None and day < dates.to_date:
        yield error(
            "billing.inactive",
            f"Electricity is not an active solution from {day} on.",
            where=site.ref,
            remedy="Bill from the solution's start on, or change its dates.",
        )


def _label(site: Site, dates: Dates) -> str:
    """What the site calls its electricity on invoices; empty where it says nothing."""
    solutions = [solution for _, solution in solutions_in(site, dates)]
    return next((one.label for one in solutions if one.kind == SOLUTION and one.label), "")


def _too_early(site: Site, dates: Dates, known_at: datetime) -> Iterator[Finding]:
    assert dates.to_date is not None
    if local_midnight(dates.to_date, timezone_of(site.timezone)) > known_at:
        yield warning(
            "billing.too_early",
            f"The period is not over: it ends with {dates.to_date - timedelta(days=1)}.",
            where=site.ref,
            remedy="Check that its data are measured, or bill when it is over.",
        )


def _community(site: Site, dates: Dates) -> Community | None:
    rows = communities_in(site, dates)
    return rows[0][1] if rows else None


def _changes_inside(site: Site, dates: Dates, terms: Terms) -> Iterator[Finding]:
    """A bill has one legal form and one law: where either changes, the period must end."""
    rows = communities_in(site, dates)
    for (_, before), (part, after) in pairwise(rows):
        if _is_capped(before) != _is_capped(after):
            yield error(
                "billing.community",
                f"The community's legal form changes on {part.from_date}, inside the period.",
                where=site.ref,
                remedy="Bill up to that day, then from that day on.",
            )
    end = terms.cap_law.valid.to_date if terms.cap_law else None
    if end is not None and dates.to_date is not None and end < dates.to_date:
        yield error(
            "billing.law",
            f"EnV Art. 16 changes on {end}, inside the period.",
            where=site.ref,
            remedy="Bill up to that day, then from that day on.",
        )


def _is_capped(community: Community | None) -> bool:
    """EnV Art. 16 frames prices toward tenants in a ZEV or vZEV; in a local electricity
    community the internal price is free (rules.md a.4)."""
    return community is not None and community.kind != Community.Kind.LEG


def _shares(site: Site, dates: Dates) -> tuple[list[_Share], list[Finding]]:
    """Everybody's share of the period, billed already or not, and what stands in the way."""
    findings: list[Finding] = []
    points = {
        point.pk: point
        for point in BillingPoint.objects.filter(site=site, is_active=True, is_billed=True)
        .select_related("building")
        .order_by("position", "ref")
    }
    held = occupancies_in(site, dates)
    sheets = price_sheets_in(site, dates)
    parties = Party.objects.in_bulk({holding.party_id for key in points for holding in held[key]})
    billed: dict[int, list[Invoice]] = defaultdict(list)
    for row in Invoice.objects.filter(
        site=site,
        kind=Invoice.Kind.INVOICE,
        superseded_by=None,
        from_date__lt=dates.to_date,
        to_date__gt=dates.from_date,
    ).defer("document"):
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
    label = _label(site, dates)
    shares: list[_Share] = []
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
                _Share(
                    point,
                    party,
                    holding,
                    values,
                    tuple(Input("price_sheet", row.sheet.ref, row.sha256) for row in rows),
                    done,
                )
            )
    return shares, findings


def _clipped(
    row: SheetRow, dates: Dates, label: str, made: dict[tuple[int, Dates], PriceSheet]
) -> PriceSheet:
    """The sheet with its title, cut down to the days on which no other takes its place."""
    whole = row.sheet.valid.intersection(dates) == row.dates
    valid = row.sheet.valid if whole else row.dates
    if (row.id, valid) not in made:
        made[row.id, valid] = titled(replace(row.sheet, valid=valid), label, SOLUTION)
    return made[row.id, valid]


def _unmetered(shares: Sequence[_Share], shared: SharedEnergy) -> Iterator[Finding]:
    """A dwelling or business without a meter is billed its fees, and somebody should know."""
    kinds = (BillingPoint.Kind.APARTMENT, BillingPoint.Kind.COMMERCIAL)
    points = {share.point.pk: share.point for share in shares if share.issued is None}
    for point in points.values():
        if point.kind in kinds and not shared.has_meter[shared.row(point.pk)]:
            yield warning(
                "billing.no_meter",
                "It has no electricity meter: only fixed fees are billed.",
                where=point.name,
                remedy="Assign its meter, or set it not billed.",
            )


def _unfed(shares: Sequence[_Share], shared: SharedEnergy) -> Iterator[Finding]:
    """What a billing point used on days without a meter is unknown, not 0, and moves everybody's
    share; only one without a meter in all of the period uses nothing that could be known."""
    for share in shares:
        if shared.has_meter[shared.row(share.point.pk)]:
            for part in shared.unfed(share.point.pk, share.holding.dates):
                yield error(
                    "billing.unfed",
                    f"No electricity meter counts for it from {part}.",
                    where=share.where,
                    remedy="Assign the meter that counts there on those days, or the one that it "
                    "was exchanged for; or bill the days without a meter as a period of their own.",
                )


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


def _rated(
    site: Site, dates: Dates, shared: SharedEnergy, shares: Sequence[_Share], terms: Terms
) -> tuple[tuple[Rated, ...] | None, tuple[Energy | None, ...], list[Finding]]:
    """What everybody used and what it costs; None where something used has no price."""
    rows = {key: row for row, key in enumerate(shared.points)}
    usage = Usage(
        shared.first_slot,
        site.timezone,
        shared.consumption_mwh,
        shared.solar_mwh,
        np.isin(shared.quality, _GUESSED),
    )
    participants = [
        Participant(
            share.where,
            share.holding.dates,
            ((SOLUTION, rows[share.point.pk]),) if shared.has_meter[rows[share.point.pk]] else (),
            share.sheets,
            meters=shared.metering_points(share.point.pk, share.holding.dates),
        )
        for share in shares
    ]
    try:
        rated = rate(
            usage,
            dates,
            participants,
            terms.vat.cuts(dates),
            grid_elsewhere=is_leg(site, dates),
        )
    except NoPrice as problem:
        return (
            None,
            (),
            [
                error(
                    "rating.no_price",
                    f"There is no price for {gap.what} from {gap.dates}.",
                    where=gap.where,
                    remedy="Add the price to the sheet; a price of 0 must be written as 0.",
                )
                for gap in problem.gaps
            ],
        )
    except BadUsage as problem:
        return (
            None,
            (),
            [
                error(
                    "rating.unusable",
                    f"Its energy and prices do not fit each other: {problem}.",
                    where=site.ref,
                    remedy="Correct the price sheets.",
                )
            ],
        )
    return rated, energy_of(usage, rated), []


def _documents(
    site: Site,
    dates: Dates,
    issuer: Issuer,
    terms: Terms,
    issued_date: date,
    shared: SharedEnergy,
    shares: Sequence[tuple[_Share, Rated, Energy | None]],
) -> tuple[tuple[Draft, ...], list[Finding]]:
    findings: list[Finding] = []
    drafts: list[Draft] = []
    by = issuer_of(issuer)
    payable = Payable()
    due_date = issued_date + timedelta(days=issuer.payment_days)
    energy_input = Input("energy", f"{site.ref} {dates}", sha256_of(shared.inputs))
    for share, rated, energy in shares:
        if share.issued is not None:
            continue
        try:
            document, found = invoice(
                rated,
                terms,
                issuer=by,
                recipient=recipient_of(share.party),
                place=place_of(site, share.point),
                cap_status=share.holding.status,
                language=share.party.language,
                issued_date=issued_date,
                due_date=due_date,
                inputs=(energy_input, *share.sheet_inputs),
                energy=energy,
                payment=payment_of(issuer, by),
            )
        except NothingToBill:
            findings.append(info("billing.nothing", "It has nothing to bill.", where=share.where))
            continue
        except (NoVatRate, NoCapMethod) as problem:
            findings.append(
                error(
                    "billing.law",
                    f"The law does not know what its price sheet says: {problem}.",
                    where=share.where,
                    remedy="Correct the price sheet, or bill another period.",
                )
            )
            continue
        findings.extend(found)
        findings.extend(payable.findings(document, share.where))
        drafts.append(Draft(share.point, share.party, share.holding, document))
    return tuple(drafts), findings
