"""What a billing run would issue, computed and checked, with nothing written.

A run fails closed: every defect of the site is a finding, all are listed at once, and one error
means that none of its documents is issued (architecture.md, house rule 3).
"""

from dataclasses import dataclass
from datetime import date, datetime

from quartier.apps.billing.conditions import (
    changes_inside,
    inactive,
    is_capped,
    open_issues,
    too_early,
    unfed,
    unmetered,
    unverified,
)
from quartier.apps.billing.drafts import Draft, documents, rated_shares
from quartier.apps.billing.market import NoMarket, terms_of
from quartier.apps.billing.models import Invoice
from quartier.apps.billing.shares import label_of, shares_in
from quartier.apps.contracts.models import Issuer
from quartier.apps.contracts.queries import solutions_in
from quartier.apps.sharing.energy import SharedEnergy, shared_energy
from quartier.apps.sites.models import Site
from quartier.core.invoicing.document import Input
from quartier.core.kernel.findings import Finding, error, has_errors
from quartier.core.kernel.period import Dates


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
        return not has_errors(self.findings)


def prepare(site: Site, dates: Dates, *, known_at: datetime, issued_date: date) -> Prepared:
    """The documents of ``site`` over the local ``dates``, from what was known at ``known_at``."""
    solutions = solutions_in(site, Dates(date.min))
    findings = [
        *open_issues(site),
        *inactive(site, dates, solutions),
        *too_early(site, dates, known_at),
        *unverified(site, dates),
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
    shares, found = shares_in(site, dates, shared.billing_points, label_of(dates, solutions))
    findings.extend(found)
    findings.extend(unmetered(shares, shared))
    findings.extend(unfed(shares, shared))
    issued = tuple(share.issued for share in shares if share.issued is not None)
    inputs = shared.inputs
    if len(issued) == len(shares) or issuer is None or has_errors(findings):
        return Prepared(site, dates, known_at, (), issued, tuple(findings), inputs, shared)

    try:
        community = shared.communities[0][1] if shared.communities else None
        terms = terms_of(
            site.country, site.currency, dates.from_date, is_capped=is_capped(community)
        )
    except NoMarket as problem:
        findings.append(error("billing.no_market", f"{problem}.", where=site.ref))
        return Prepared(site, dates, known_at, (), issued, tuple(findings), inputs, shared)
    findings.extend(changes_inside(site, dates, shared.communities, terms))
    rated, energies, found = rated_shares(site, dates, shared, shares, terms)
    findings.extend(found)
    if rated is None:
        return Prepared(site, dates, known_at, (), issued, tuple(findings), inputs, shared)
    by_share = list(zip(shares, rated, energies, strict=True))
    drafts, found = documents(site, dates, issuer, terms, issued_date, shared, by_share)
    findings.extend(found)
    return Prepared(site, dates, known_at, drafts, issued, tuple(findings), inputs, shared)
