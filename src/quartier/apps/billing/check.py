"""Issued documents are what was issued: bytes, hash and columns agree, numbers have no holes."""

import hashlib
from collections.abc import Iterator

from quartier.apps.billing.models import Invoice
from quartier.apps.ledger.models import Entry
from quartier.apps.sites.models import Site
from quartier.core.invoicing.frozen import thaw
from quartier.core.kernel.findings import Finding, error


def check(site: Site) -> Iterator[Finding]:
    """Documents of ``site`` that were changed, or that the books do not know."""
    booked = set(Entry.objects.filter(site=site).values_list("source", flat=True))
    for invoice in Invoice.objects.filter(site=site).order_by("id").iterator():
        data = bytes(invoice.document)
        if hashlib.sha256(data).hexdigest() != invoice.sha256:
            yield _changed(site, invoice, "its bytes no longer have the hash they were issued with")
            continue
        document = thaw(data)
        if (document.number, document.total) != (invoice.number, invoice.total):
            yield _changed(site, invoice, "its number or total differs from the document's")
        if f"document:{invoice.number}" not in booked and invoice.total:
            yield _changed(site, invoice, "the books have no entry for it")


def _changed(site: Site, invoice: Invoice, what: str) -> Finding:
    return error(
        "billing.document",
        f"The document {invoice.number} is not as it was issued: {what}.",
        where=site.ref,
        remedy="Restore the last backup; the database was changed by hand.",
    )
