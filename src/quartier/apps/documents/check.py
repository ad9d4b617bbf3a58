"""Printed documents and reports are there and are what was written."""

from collections.abc import Iterator

from quartier.apps.documents.models import InspectionReport, Rendered
from quartier.apps.documents.queries import intact_bytes
from quartier.apps.documents.sealing import is_intact
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, error, warning


def check(site: Site) -> Iterator[Finding]:
    """PDFs of ``site`` that are gone or were changed, and reports whose seal is broken."""
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
    for report in InspectionReport.objects.filter(site=site).order_by("number").iterator():
        if not is_intact(report):
            yield error(
                "documents.report_changed",
                f"The inspection report {report.number} is not what was sealed.",
                where=site.ref,
                remedy="Restore it from a backup; with a new SECRET_KEY no older seal fits.",
            )
