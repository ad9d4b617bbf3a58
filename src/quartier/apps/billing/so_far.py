"""What a billing point costs so far: the days after the last invoice, rated like a bill, with
nothing issued and nothing promised."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from quartier.apps.billing.conditions import is_capped
from quartier.apps.billing.market import NoMarket, terms_of
from quartier.apps.billing.models import Invoice
from quartier.apps.billing.parties import issuer_of, place_of, recipient_of
from quartier.apps.billing.shares import SOLUTION
from quartier.apps.contracts.models import Issuer
from quartier.apps.contracts.queries import is_leg_over, occupancies_in, price_sheets_for
from quartier.apps.parties.models import Party
from quartier.apps.sharing.energy import shared_energy
from quartier.apps.sites.models import BillingPoint
from quartier.core.invoicing.build import NothingToBill, invoice
from quartier.core.invoicing.cap_law import NoCapMethod
from quartier.core.invoicing.document import Document
from quartier.core.invoicing.tax import NoVatRate
from quartier.core.kernel.findings import has_errors
from quartier.core.kernel.period import Dates
from quartier.core.kernel.quality import Quality
from quartier.core.rating.check import coverage
from quartier.core.rating.price import NoPrice
from quartier.core.rating.rate import rate
from quartier.core.rating.usage import Participant, Usage


@dataclass(frozen=True, slots=True)
class SoFar:
    """``document`` is a draft over ``dates``; ``gaps`` quarter-hours of it have no value yet."""

    dates: Dates
    document: Document
    gaps: int

    @property
    def last_date(self) -> date:
        """The last day that is in it."""
        assert self.dates.to_date is not None
        return self.dates.to_date - timedelta(days=1)


def running_dates(point: BillingPoint, stay: Dates, end: date) -> Dates | None:
    """The days of ``stay`` after its last invoice up to ``end`` (exclusive); None if there are
    none, as all is billed."""
    billed = (
        Invoice.objects.filter(
            billing_point=point,
            kind=Invoice.Kind.INVOICE,
            superseded_by=None,
            from_date__gte=stay.from_date,
        )
        .order_by("-to_date")
        .values_list("to_date", flat=True)
        .first()
    )
    first = billed or max(stay.from_date, end - timedelta(days=92))
    return Dates(first, end) if first < end else None


def cost_so_far(point: BillingPoint, stay: Dates, end: date) -> SoFar | None:
    """The cost of :func:`running_dates`; None where there are none, or where a price, an issuer
    or a law is missing, so that nothing true can be said yet."""
    site = point.site
    dates = running_dates(point, stay, end)
    issuer = Issuer.objects.select_related("party").filter(site=site).first()
    if dates is None or issuer is None or dates.to_date is None:
        return None
    held = [one for one in occupancies_in(site, dates, [point.pk])[point.pk] if one.dates == dates]
    sheets = tuple(row.sheet for row in price_sheets_for(point, dates))
    if not held or has_errors(coverage(sheets, dates, point.name)):
        return None
    shared, _findings = shared_energy(site, dates)
    if point.pk not in shared.points:
        return None
    row = shared.row(point.pk)
    first = next((one for part, one in shared.communities if dates.from_date in part), None)
    usage = Usage(
        shared.first_slot,
        site.timezone,
        shared.consumption_mwh[row : row + 1],
        shared.solar_mwh[row : row + 1],
    )
    rows = ((SOLUTION, 0),) if shared.has_meter[row] else ()
    meters = shared.metering_points(point.pk, dates)
    participant = Participant(point.name, dates, rows, sheets, meters=meters)
    try:
        terms = terms_of(site.country, site.currency, dates.from_date, is_capped=is_capped(first))
        (rated,) = rate(
            usage,
            dates,
            [participant],
            terms.vat.cuts(dates),
            grid_elsewhere=is_leg_over(dates, shared.communities),
        )
        party = Party.objects.get(pk=held[0].party_id)
        document, _found = invoice(
            rated,
            terms,
            issuer=issuer_of(issuer),
            recipient=recipient_of(party),
            place=place_of(site, point),
            cap_status=held[0].status,
            language=party.language,
            issued_date=dates.to_date,
            due_date=dates.to_date,
            inputs=(),
        )
    except (NoMarket, NoPrice, NothingToBill, NoVatRate, NoCapMethod):
        return None
    gaps = int(np.count_nonzero(shared.quality[row] == Quality.MISSING)) if rows else 0
    return SoFar(dates, document, gaps)
