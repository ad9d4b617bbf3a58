"""Reading printed documents."""

import hashlib
from pathlib import Path

from django.db.models import QuerySet

from quartier.apps.billing.models import Invoice
from quartier.apps.documents import files
from quartier.apps.documents.models import Rendered
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import Dates


def issued_in(site: Site, dates: Dates) -> QuerySet[Invoice]:
    """The issued documents of ``site`` whose period touches ``dates``, by number."""
    found = Invoice.objects.filter(site=site, to_date__gt=dates.from_date)
    if dates.to_date is not None:
        found = found.filter(from_date__lt=dates.to_date)
    return found.order_by("from_date", "number", "id")


def path_of(rendered: Rendered) -> Path:
    """Where the PDF lies."""
    return files.folder() / rendered.path


def intact_bytes(rendered: Rendered) -> bytes | None:
    """The PDF, or None where the file is gone or no longer the one that was written."""
    try:
        data = path_of(rendered).read_bytes()
    except FileNotFoundError:
        return None
    return data if hashlib.sha256(data).hexdigest() == rendered.sha256 else None
