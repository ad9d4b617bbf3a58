"""The books add up: every entry is closed and balances."""

from collections.abc import Iterator

from django.db.models import Count, Sum

from quartier.apps.ledger.models import Entry
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, error


def check(site: Site) -> Iterator[Finding]:
    """Entries of ``site`` that are open or do not balance."""
    entries = Entry.objects.filter(site=site).annotate(
        balance=Sum("postings__amount"), count=Count("postings")
    )
    for entry in entries.iterator():
        if not entry.is_closed:
            yield error(
                "ledger.open",
                f"The entry {entry.source!r} was never closed.",
                where=site.ref,
                remedy="Restore the last backup; an issuing transaction was cut apart.",
            )
        elif round(entry.balance or 0, 2) or entry.count < 2:
            yield error(
                "ledger.unbalanced",
                f"The entry {entry.source!r} is off by {entry.balance}.",
                where=site.ref,
                remedy="Restore the last backup; the database was changed by hand.",
            )
