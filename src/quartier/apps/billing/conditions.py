"""What must hold before a site is billed: each fault is a finding, and all are listed at once."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from quartier.apps.billing.shares import SOLUTION, Share
from quartier.apps.contracts.models import Community, Solution
from quartier.apps.metering.comparing import not_compared
from quartier.apps.sharing.energy import SharedEnergy
from quartier.apps.sites.models import BillingPoint, Note, Site
from quartier.core.invoicing.build import Terms
from quartier.core.kernel.findings import Finding, error, warning
from quartier.core.kernel.period import Dates, local_midnight, timezone_of


def open_issues(site: Site) -> Iterator[Finding]:
    """An open issue blocks billing until it is resolved (system.md 5.1)."""
    for note in Note.objects.filter(site=site, kind=Note.Kind.ISSUE, resolved_at=None):
        yield error(
            "billing.issue",
            f"An issue is open since {note.created_at:%d.%m.%Y}: {note.text[:120]}",
            where=site.ref,
            remedy="Resolve the issue, then bill again.",
        )


def inactive(
    site: Site, dates: Dates, solutions: Sequence[tuple[Dates, Solution]]
) -> Iterator[Finding]:
    """Where ``solutions`` are kept, electricity must be active over all of the period."""
    active = [part for part, solution in solutions if solution.kind == SOLUTION]
    if not active:
        return
    if rest := dates.without(active):
        yield error(
            "billing.inactive",
            f"Electricity is not an active solution from {rest[0].from_date} on.",
            where=site.ref,
            remedy="Bill from the solution's start on, or change its dates.",
        )


def too_early(site: Site, dates: Dates, known_at: datetime) -> Iterator[Finding]:
    assert dates.to_date is not None
    if local_midnight(dates.to_date, timezone_of(site.timezone)) > known_at:
        yield warning(
            "billing.too_early",
            f"The period is not over: it ends with {dates.to_date - timedelta(days=1)}.",
            where=site.ref,
            remedy="Check that its data are measured, or bill when it is over.",
        )


def unverified(site: Site, dates: Dates) -> Iterator[Finding]:
    """Nothing is billed from a driver that nobody checked against its manual before an installer
    has compared it with the display of the meter. All meters of a site share in each bill."""
    assert dates.to_date is not None
    for register in not_compared(site, local_midnight(dates.to_date, timezone_of(site.timezone))):
        yield error(
            "billing.unverified_driver",
            "Its gateway reads it with an unverified driver, and nobody has compared the register "
            f"{register.obis} with its display.",
            where=register.meter.name,
            remedy="Compare it on the page of the gateway, then bill again.",
        )


def changes_inside(
    site: Site, dates: Dates, communities: Sequence[tuple[Dates, Community]], terms: Terms
) -> Iterator[Finding]:
    """A bill has one legal form and one law: where either changes, the period must end."""
    for (_, before), (part, after) in pairwise(communities):
        if is_capped(before) != is_capped(after):
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


def is_capped(community: Community | None) -> bool:
    """EnV Art. 16 frames prices toward tenants in a ZEV or vZEV; in a local electricity
    community the internal price is free (rules.md a.4)."""
    return community is not None and community.kind != Community.Kind.LEG


def unmetered(shares: Sequence[Share], shared: SharedEnergy) -> Iterator[Finding]:
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


def unfed(shares: Sequence[Share], shared: SharedEnergy) -> Iterator[Finding]:
    """What a billing point used on days without a meter is unknown, not 0, and moves everybody's
    share; only one without a meter in all of the period uses nothing that could be known.

    One billed to nobody has its share too where the program shares: there its days stop the bill
    of the others. The split of a local electricity community is the grid operator's.
    """
    remedy = (
        "Assign the meter that counts there on those days, or the one that it was exchanged for; "
        "or bill the days without a meter as a period of their own."
    )
    for share in shares:
        if shared.has_meter[shared.row(share.point.pk)]:
            for part in shared.unfed(share.point.pk, share.holding.dates):
                yield error(
                    "billing.unfed",
                    f"No electricity meter counts for it from {part}.",
                    where=share.where,
                    remedy=remedy,
                )
    ours = [part for part, one in shared.communities if one.kind != Community.Kind.LEG]
    for row, point in enumerate(shared.billing_points):
        if point.is_billed or not shared.has_meter[row]:
            continue
        for part in shared.unfed(point.pk, shared.dates):
            for common in filter(None, map(part.intersection, ours)):
                yield error(
                    "billing.unfed",
                    "It is billed to nobody, but takes its share of the solar energy, and no "
                    f"electricity meter counts for it from {common}.",
                    where=point.name,
                    remedy=remedy,
                )
