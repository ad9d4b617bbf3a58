"""The PDF of an issued document."""

from django.http import HttpResponse
from django.utils import timezone

from quartier.apps.billing.models import Invoice
from quartier.apps.documents.files import file_name
from quartier.apps.documents.operations import pdf_of


def pdf_response(row: Invoice) -> HttpResponse:
    """The PDF of a document as it was printed; where it was not, it is printed and kept.

    Raises :class:`apps.documents.operations.CannotPrint`.
    """
    response = HttpResponse(pdf_of(row, now=timezone.now()), content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{file_name(row.number)}"'
    return response
