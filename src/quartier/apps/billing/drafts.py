"""From shares of a period to rated lines, and from these to documents that can be issued."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from quartier.apps.billing.parties import issuer_of, payment_of, place_of, recipient_of
from quartier.apps.billing.payable import Payable
from quartier.apps.billing.shares import SOLUTION, Share
from quartier.apps.contracts.models import Issuer
from quartier.apps.contracts.queries import Holding, is_leg_over
from quartier.apps.parties.models import Party
from quartier.apps.sharing.energy import SharedEnergy
from quartier.apps.sites.models import BillingPoint, Site
from quartier.core.invoicing.build import NothingToBill, Terms, invoice
from quartier.core.invoicing.cap_law import NoCapMethod
from quartier.core.invoicing.chart import energy_of
from quartier.core.invoicing.document import Document, Energy, Input
from quartier.core.invoicing.frozen import sha256_of
from quartier.core.invoicing.tax import NoVatRate
from quartier.core.kernel.findings import Finding, error, info
from quartier.core.kernel.period import Dates
from quartier.core.kernel.quality import Quality
from quartier.core.rating.price import NoPrice
from quartier.core.rating.rate import rate
from quartier.core.rating.rated import Rated
from quartier.core.rating.usage import BadUsage, Participant, Usage

# A plain list of ints: NumPy compares with a member of an enumeration ten times slower.
_GUESSED = [int(one) for one in (Quality.ESTIMATED, Quality.SUBSTITUTED, Quality.MANUAL)]


@dataclass(frozen=True, slots=True)
class Draft:
    """One document that can be issued; its number and reference come with the issue."""

    point: BillingPoint
    party: Party
    holding: Holding
    document: Document


def rated_shares(
    site: Site, dates: Dates, shared: SharedEnergy, shares: Sequence[Share], terms: Terms
) -> tuple[tuple[Rated, ...] | None, tuple[Energy | None, ...], list[Finding]]:
    """What everybody used and what it costs; None where something used has no price."""
    rows = {key: row for row, key in enumerate(shared.points)}
    is_sure = int(shared.quality.max(initial=0)) < min(_GUESSED)
    usage = Usage(
        shared.first_slot,
        site.timezone,
        shared.consumption_mwh,
        shared.solar_mwh,
        None if is_sure else np.isin(shared.quality, _GUESSED),
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
            grid_elsewhere=is_leg_over(dates, shared.communities),
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


def documents(
    site: Site,
    dates: Dates,
    issuer: Issuer,
    terms: Terms,
    issued_date: date,
    shared: SharedEnergy,
    shares: Sequence[tuple[Share, Rated, Energy | None]],
) -> tuple[tuple[Draft, ...], list[Finding]]:
    findings: list[Finding] = []
    drafts: list[Draft] = []
    by = issuer_of(issuer)
    payment = payment_of(issuer, by)
    payable = Payable()
    due_date = issued_date + timedelta(days=issuer.payment_days)
    inputs_sha256 = sha256_of(shared.inputs)
    energy_input = Input("energy", f"{site.ref} {dates.from_date}/{dates.to_date}", inputs_sha256)
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
                payment=payment,
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
