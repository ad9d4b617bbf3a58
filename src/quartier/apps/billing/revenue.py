"""What the roof earned: the solar lines of the documents of the last billed period."""

from dataclasses import dataclass
from decimal import Decimal

from quartier.apps.billing.models import BillingRun, Invoice
from quartier.apps.sites.models import Site
from quartier.core.invoicing.frozen import thaw
from quartier.core.kernel.money import total
from quartier.core.kernel.period import Dates
from quartier.core.rating.sheet import SOLAR


@dataclass(frozen=True, slots=True)
class Revenue:
    """``amount``, without VAT, for the solar energy sold over ``dates``."""

    dates: Dates
    amount: Decimal


def solar_revenue(site: Site) -> Revenue | None:
    """Over the latest billed period of ``site``; its credit notes, whose amounts are negative,
    count too. None where nothing is billed."""
    run = (
        BillingRun.objects.filter(site=site, state=BillingRun.State.ISSUED)
        .order_by("-to_date", "-from_date")
        .first()
    )
    if run is None:
        return None
    rows = Invoice.objects.filter(
        site=site, run__from_date=run.from_date, run__to_date=run.to_date
    ).values_list("document", flat=True)
    amounts = [line.amount for row in rows for line in thaw(bytes(row)).lines if line.flow == SOLAR]
    return Revenue(Dates(run.from_date, run.to_date), total(amounts))
