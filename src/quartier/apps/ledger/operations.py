"""Posting: the only way into the books."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from quartier.apps.ledger import models
from quartier.apps.sites.models import Site
from quartier.core.ledger.entry import Entry


def post(
    site: Site, entries: Sequence[Entry], parties: Mapping[str, int], *, now: datetime
) -> None:
    """Write balanced ``entries`` and close them; ``parties`` maps party refs to their ids.

    An entry's ref is its source in the books, once only. The database refuses to close what does
    not balance.
    """
    with transaction.atomic():
        rows = models.Entry.objects.bulk_create(
            models.Entry(
                site=site,
                date=entry.booked_date,
                source=entry.ref,
                text=entry.text,
                currency=entry.currency,
                created_at=now,
            )
            for entry in entries
        )
        models.Posting.objects.bulk_create(
            models.Posting(
                entry=row,
                account=posting.account,
                party_id=parties[posting.party] if posting.party else None,
                amount=posting.amount,
            )
            for row, entry in zip(rows, entries, strict=True)
            for posting in entry.postings
        )
        models.Entry.objects.filter(pk__in=[row.pk for row in rows]).update(is_closed=True)
