"""What is done with many invoices at once: their PDFs in one archive, one PDF to print, a CSV."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from pikepdf import Pdf

from quartier.apps.access.permissions import Permission
from quartier.apps.billing.models import Invoice
from quartier.apps.documents.files import file_name
from quartier.apps.documents.operations import CannotPrint, pdf_of
from quartier.core.kernel.findings import Finding
from quartier.portals.operator.invoices import invoices_csv, matching
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.sentences.reader import read_finding

_MOST_TO_PRINT = 200
"""Pages of one PDF are put together before the first byte is sent."""


@site_page(Permission.MONEY)
def bundle(visit: Visit) -> HttpResponseBase:
    """The chosen invoices, or all that match, as the button says."""
    query = visit.request.GET
    rows = matching(visit)
    if not query.get("all"):
        named = [int(pk) for pk in query.getlist("pk") if pk.isdecimal() and len(pk) < 19]
        rows = rows.filter(pk__in=named)
    count = rows.count()
    wanted = query.get("do", "")
    if not count or wanted not in ("zip", "print", "csv"):
        messages.error(visit.request, _("Choose at least one invoice."))
        return redirect("site-invoices", visit.site.ref)
    name = f"{visit.site.ref}-invoices"
    if wanted == "csv":
        return invoices_csv(name, rows)
    rows = rows.order_by("from_date", "number")
    if wanted == "zip":
        response = StreamingHttpResponse(_zipped(rows), content_type="application/zip")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.zip"'
        return response
    if count > _MOST_TO_PRINT:
        text = _("Choose at most %(n)d invoices to print at once, or take the archive.")
        messages.error(visit.request, text % {"n": _MOST_TO_PRINT})
        return redirect("site-invoices", visit.site.ref)
    try:
        data = _joined(rows)
    except CannotPrint as fault:
        messages.error(visit.request, _line(fault.finding))
        return redirect("site-invoices", visit.site.ref)
    printed = HttpResponse(data, content_type="application/pdf")
    printed.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return printed


def _joined(rows: "QuerySet[Invoice]") -> bytes:
    """All PDFs behind each other. Raises :class:`CannotPrint`."""
    whole, out = Pdf.new(), io.BytesIO()
    for row in rows.iterator(chunk_size=32):
        with Pdf.open(io.BytesIO(pdf_of(row, now=timezone.now()))) as one:
            whole.pages.extend(one.pages)
    whole.save(out)
    return out.getvalue()


def _line(finding: Finding) -> str:
    return read_finding(finding.where, finding.message, finding.remedy)


def _zipped(rows: "QuerySet[Invoice]") -> Iterator[bytes]:
    """The archive as it is made, a PDF at a time; what cannot be printed is listed in a text."""
    out = _Passing()
    faults = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for row in rows.iterator(chunk_size=32):
            try:
                data = pdf_of(row, now=timezone.now())
            except CannotPrint as fault:
                faults.append(_line(fault.finding))
                continue
            archive.writestr(_entry(file_name(row.number), row.issued_date), data)
            yield out.taken()
        if faults:
            text = "\n".join(faults).encode()
            archive.writestr(_entry("not-printed.txt", timezone.now().date()), text)
    yield out.taken()


def _entry(name: str, day: date) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0))


class _Passing(io.RawIOBase):
    """A file that only passes on what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        """What was written since."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data
