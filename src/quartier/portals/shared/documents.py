"""The PDF of an issued document."""

from django.http import HttpResponse

from quartier.apps.billing.models import Invoice
from quartier.apps.documents.render import render as render_pdf
from quartier.core.invoicing.document import thaw


def pdf_response(row: Invoice) -> HttpResponse:
    """The PDF of a document; the same document gives the same bytes."""
    response = HttpResponse(render_pdf(thaw(bytes(row.document))), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{row.number}.pdf"'
    return response
