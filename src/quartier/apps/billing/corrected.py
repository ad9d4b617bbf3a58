"""Which invoices rest on intervals that changed after they were billed."""

from collections import defaultdict
from collections.abc import Sequence

from quartier.apps.billing.models import Invoice
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import slot_starts_at, timezone_of


def billed_ranges(
    site_id: int, register_ids: Sequence[int], first_slot: int, end_slot: int
) -> list[str]:
    """The invoices of a site whose period overlaps ``[first_slot, end_slot)``, one text a run.

    Whatever the registers: solar energy is shared, so one meter's change moves what every
    participant is billed. Invoices that a credit note cancelled are left out.
    """
    if end_slot <= first_slot or not register_ids:
        return []
    tz = timezone_of(Site.objects.get(pk=site_id).timezone)
    first_date = slot_starts_at(first_slot).astimezone(tz).date()
    last_date = slot_starts_at(end_slot - 1).astimezone(tz).date()
    invoices = Invoice.objects.filter(
        site_id=site_id,
        kind=Invoice.Kind.INVOICE,
        superseded_by=None,
        from_date__lte=last_date,
        to_date__gt=first_date,
    ).select_related("run")
    by_run: dict[tuple[str, str], list[str]] = defaultdict(list)
    for invoice in invoices:
        by_run[str(invoice.run.from_date), str(invoice.run.to_date)].append(invoice.number)
    out = []
    for (from_date, to_date), numbers in sorted(by_run.items()):
        first, last = min(numbers), max(numbers)
        named = (
            f"invoice {first}" if first == last else f"{len(numbers)} invoices {first} to {last}"
        )
        out.append(f"{named}, {from_date} to {to_date} (exclusive)")
    return out
