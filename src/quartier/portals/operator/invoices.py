"""Issued documents: lists, the document itself, its PDF, and how each of its lines came about."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.billing.correct import chain_of
from quartier.apps.billing.explain import NoSuchLine, explain
from quartier.apps.billing.models import Invoice
from quartier.apps.documents.operations import CannotPrint
from quartier.apps.intake.archive import fetch
from quartier.apps.intake.models import IntakeFile
from quartier.core.invoicing.frozen import thaw
from quartier.portals.shared.charts import chart_csv
from quartier.portals.shared.documents import pdf_response
from quartier.portals.shared.explained import chart_of_line, words_of
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import LONGEST_QUERY, csv_response, paged
from quartier.portals.shared.sentences.reader import read_finding


def _rows(visit: Visit) -> Any:
    return (
        visit.scope.queryset(Invoice)
        .filter(site=visit.site)
        .select_related("party", "billing_point", "site", "run")
    )


def matching(visit: Visit) -> Any:
    """The site's documents that the URL asks for: by words, by period, by run."""
    rows = _rows(visit).defer("document").order_by("-from_date", "-number")
    query, run = visit.request.GET.get("q", "").strip(), visit.request.GET.get("run", "")
    if len(query) > LONGEST_QUERY:
        return rows.none()
    if query:
        rows = rows.filter(
            Q(number__icontains=query)
            | Q(party__name__icontains=query)
            | Q(billing_point__name__icontains=query)
        )
    if run.isdecimal() and len(run) < 19:
        rows = rows.filter(run=int(run))
    period = _period(visit)
    return rows.filter(run__from_date=period) if period else rows


def _period(visit: Visit) -> date | None:
    try:
        return date.fromisoformat(visit.request.GET.get("period", ""))
    except ValueError:
        return None


def invoices_csv(name: str, rows: Any) -> HttpResponse:
    """The columns of the list."""
    head = [
        _("Number"),
        _("Billing point"),
        _("Held by"),
        _("From"),
        _("Until"),
        _("Due"),
        _("Total"),
    ]
    lines = (
        (
            i.number,
            i.billing_point.name,
            i.party.name,
            i.from_date,
            i.to_date,
            i.due_date,
            i.total,
        )
        for i in rows
    )
    return csv_response(name, head, lines)


@site_page(Permission.MONEY)
def invoices(visit: Visit) -> HttpResponseBase:
    """All documents of the site."""
    rows = matching(visit)
    if visit.request.GET.get("format") == "csv":
        return invoices_csv(f"{visit.site.ref}-invoices", rows)
    periods = list(
        visit.scope.queryset(Invoice)
        .filter(site=visit.site)
        .order_by("-run__from_date")
        .values_list("run__from_date", "run__to_date")
        .distinct()[:24]
    )
    page = paged(visit.request, rows)
    context = {
        "page": page,
        "total_found": page.paginator.count,
        "pages": page.paginator.num_pages,
        "periods": periods,
        "query": visit.request.GET.get("q", "").strip(),
        "period": _period(visit),
    }
    return visit.page("operator/invoices.html", "invoices", context)


@site_page(Permission.MONEY)
def invoice(visit: Visit, pk: int) -> HttpResponseBase:
    """One document, as it was issued."""
    row = get_object_or_404(_rows(visit), pk=pk)
    chain: list[Any] = chain_of(row, visit.scope.queryset(Invoice).filter(site=visit.site))
    for one in chain:
        one.url = reverse("site-invoice", args=[visit.site.ref, one.pk])
    context = {
        "invoice": row,
        "document": thaw(bytes(row.document)),
        "base": reverse("site-invoice", args=[visit.site.ref, pk]),
        "cancelled_by": next((one for one in chain if one.supersedes_id == row.pk), None),
        "chain": chain,
    }
    return visit.page("operator/invoice.html", "invoices", context)


@site_page(Permission.MONEY)
def invoice_pdf(visit: Visit, pk: int) -> HttpResponseBase:
    """The PDF of a document; where it cannot be printed, the document with what to do."""
    row = get_object_or_404(_rows(visit), pk=pk)
    try:
        return pdf_response(row)
    except CannotPrint as fault:
        one = fault.finding
        messages.error(visit.request, read_finding(one.where, one.message, one.remedy))
        return redirect("site-invoice", visit.site.ref, pk)


@site_page(Permission.MONEY)
def line(visit: Visit, pk: int, line_id: str) -> HttpResponseBase:
    """How one line came about."""
    row = get_object_or_404(_rows(visit), pk=pk)
    try:
        found = explain(row, line_id)
    except NoSuchLine as error:
        raise Http404 from error
    chart = chart_of_line(visit.request, found)
    if chart is not None and visit.request.GET.get("format") == "csv":
        return chart_csv(f"{row.number}-{line_id}", chart)
    context = {
        "invoice": row,
        "found": found,
        "words": words_of(found),
        "chart": chart,
        "back": reverse("site-invoice", args=[visit.site.ref, pk]),
        "peak_wh": found.peak[1] // 1000 if found.peak else None,
        "raw_files": visit.may(Permission.IMPORT),
    }
    return visit.page("operator/line.html", "invoices", context)


@site_page(Permission.IMPORT)
def raw_file(visit: Visit, pk: int) -> HttpResponseBase:
    """A received file, as it was received."""
    row = get_object_or_404(IntakeFile, site=visit.site, pk=pk)
    response = HttpResponse(fetch(row.sha256), content_type="application/octet-stream")
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in row.name)
    response.headers["Content-Disposition"] = f'attachment; filename="{name[-120:]}"'
    return response
