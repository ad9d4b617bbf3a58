"""Printed documents are there and are what was written."""

from collections.abc import Iterator

from quartier.apps.documents.models import Rendered
from quartier.apps.documents.queries import intact_bytes
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, warning


def check(site: Site) -> Iterator[Finding]:
    """PDFs of ``site`` that are gone or were changed."""
    rows = Rendered.objects.filter(invoice__site=site).select_related("invoice")
    for rendered in rows.order_by("path").iterator():
        invoice = rendered.invoice
        if rendered.document_sha256 != invoice.sha256 or intact_bytes(rendered) is None:
            yield warning(
                "documents.changed",
                f"The PDF {rendered.path} is gone or was changed.",
                where=site.ref,
                remedy=(
                    f"Print it again: quartier documents --site {site.ref} "
                    f"--from {invoice.from_date} --to {invoice.to_date}"
                ),
            )
