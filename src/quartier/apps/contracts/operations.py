"""Use cases on dated agreements. Each is one transaction, recorded in the audit trail.

``by`` is who does it (an e-mail address, ``command line``), ``at`` the current instant. All
raise :class:`~quartier.apps.contracts.protection.Billed` where what was billed would change.
"""

import dataclasses
from collections.abc import Collection, Sequence
from datetime import date, datetime

from django.db import transaction

from quartier.apps.audit.operations import record
from quartier.apps.contracts.mapping import content_of, sheet_of
from quartier.apps.contracts.models import Occupancy, PriceSheet
from quartier.apps.contracts.protection import Billed, billed_until, refuse_billed
from quartier.apps.contracts.queries import is_leg, owner_of
from quartier.apps.parties.models import Party
from quartier.apps.sites.models import BillingPoint, Site
from quartier.core.kernel.findings import Finding, has_errors
from quartier.core.rating import sheet as rating
from quartier.core.rating.check import validate


class Refused(Exception):
    """The request can't be met; the text says why and what to do."""


class BadSheet(Exception):
    """The price sheet is not complete; ``findings`` lists every defect."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(str(finding) for finding in self.findings))


@transaction.atomic
def move(
    billing_point: BillingPoint,
    on: date,
    to: Party | None,
    *,
    by: str,
    at: datetime,
    status: str = Occupancy.Status.TENANT,
) -> Occupancy:
    """From the local date ``on``, ``to`` holds the billing point until the next move; None is a
    vacancy, which falls to the owner. A move on the date of another replaces it.

    Raises :class:`Refused` without an owner for the vacancy, before the site's start, or where
    the party is of another organisation.
    """
    site = billing_point.site
    if site.starts_date is not None and on < site.starts_date:
        raise Refused(f"{site.name} begins on {site.starts_date}; move in on that date or later")
    refuse_billed([billing_point.pk], on, f"A move at {billing_point.name}")
    party = to
    if party is None:
        party, status = owner_of(site), Occupancy.Status.OWNER
        if party is None:
            raise Refused(f"{site.name} has no owner to whom a vacancy falls; name one first")
    if party.organisation_id != site.organisation_id:
        raise Refused(f"{party.name} belongs to another organisation than {site.name}")
    chain = Occupancy.objects.filter(billing_point=billing_point)
    if site.starts_date is not None and on > site.starts_date and not chain.exists():
        _vacancy_from(billing_point, site.starts_date)
    row, _ = Occupancy.objects.update_or_create(
        billing_point=billing_point,
        starts_date=on,
        defaults={"party": party, "status": status, "is_vacant": to is None},
    )
    record(
        "occupancy.move",
        by,
        at=at,
        organisation_id=site.organisation_id,
        site_id=site.pk,
        subject=billing_point.ref,
        data={"on": on, "party": party.ref, "status": status, "vacant": to is None},
    )
    return row


@transaction.atomic
def undo_move(billing_point: BillingPoint, on: date, *, by: str, at: datetime) -> None:
    """Take back the move on ``on``: who held the billing point before holds it on.

    Raises :class:`Refused` where there is none, or where it is the first.
    """
    site = billing_point.site
    chain = Occupancy.objects.filter(billing_point=billing_point)
    row = chain.filter(starts_date=on).first()
    if row is None:
        raise Refused(f"nobody moved into {billing_point.name} on {on}")
    if not chain.filter(starts_date__lt=on).exists():
        raise Refused(
            f"the first occupancy of {billing_point.name} cannot be taken back, it would leave a "
            f"gap; move somebody else in on {on} instead"
        )
    refuse_billed([billing_point.pk], on, f"Taking back the move at {billing_point.name}")
    row.delete()
    record(
        "occupancy.undo",
        by,
        at=at,
        organisation_id=site.organisation_id,
        site_id=site.pk,
        subject=billing_point.ref,
        data={"on": on, "party": row.party.ref, "status": row.status, "vacant": row.is_vacant},
    )


def _vacancy_from(billing_point: BillingPoint, day: date) -> None:
    owner = owner_of(billing_point.site)
    if owner is None:
        raise Refused(
            f"{billing_point.site.name} has no owner to whom {billing_point.name} falls from {day}"
        )
    Occupancy.objects.create(
        billing_point=billing_point,
        party=owner,
        status=Occupancy.Status.OWNER,
        is_vacant=True,
        starts_date=day,
    )


@transaction.atomic
def set_prices(
    site: Site,
    sheet: rating.PriceSheet,
    billing_points: Collection[BillingPoint] = (),
    *,
    by: str,
    at: datetime,
    flows: Sequence[str] = (),
) -> PriceSheet:
    """Store ``sheet`` under its ref, for ``billing_points`` (none: for all of the site).

    ``flows`` are those that it must price (``core.rating.check.validate``). The same content
    again changes nothing. Raises :class:`BadSheet`.
    """
    findings = validate(sheet, flows, grid_elsewhere=is_leg(site, sheet.valid))
    if has_errors(findings):
        raise BadSheet(findings)
    content, sha256 = content_of(sheet)
    row = PriceSheet.objects.filter(site=site, ref=sheet.ref).first()
    wanted = {point.pk for point in billing_points}
    if row is not None:
        had = set(row.billing_points.values_list("id", flat=True))
        if row.sha256 == sha256 and had == wanted:
            return row
        refuse_billed_prices(row, sheet, wanted)
    assert sheet.valid.to_date is not None, "a price sheet has an end"
    row, _ = PriceSheet.objects.update_or_create(
        site=site,
        ref=sheet.ref,
        defaults={
            "title": sheet.title,
            "starts_date": sheet.valid.from_date,
            "ends_date": sheet.valid.to_date,
            "content": content,
            "sha256": sha256,
        },
    )
    row.billing_points.set(wanted)
    record(
        "prices.set",
        by,
        at=at,
        organisation_id=site.organisation_id,
        site_id=site.pk,
        subject=sheet.ref,
        data={"from": sheet.valid.from_date, "to": sheet.valid.to_date, "sha256": sha256},
    )
    return row


def refuse_billed_prices(row: PriceSheet, sheet: rating.PriceSheet, points: set[int]) -> None:
    """Raises :class:`Billed` where ``row`` was billed from and ``sheet`` would change that.

    A billed sheet may still be ended, not before the end of what was billed, or be extended.
    """
    had = set(row.billing_points.values_list("id", flat=True))
    everywhere = BillingPoint.objects.filter(site=row.site).values_list("id", flat=True)
    billed = [end for end in billed_until(had or everywhere).values() if end > row.starts_date]
    if not billed:
        return
    last = min(max(billed), row.ends_date)
    old = sheet_of(row)
    assert sheet.valid.to_date is not None, "a price sheet has an end"
    same = dataclasses.replace(sheet, valid=old.valid)
    only_its_end_moves = (
        same == old
        and had == points
        and sheet.valid.from_date == old.valid.from_date
        and sheet.valid.to_date >= last
    )
    if not only_its_end_moves:
        raise Billed(
            f"the price sheet {row.ref!r} is billed until {last}; end it on that date or later, "
            f"and add a new one from there"
        )
