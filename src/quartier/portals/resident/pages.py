"""The resident's pages: Home, Energy, Bills, Me."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from quartier.apps.billing.correct import chain_of
from quartier.apps.billing.explain import NoSuchLine, explain
from quartier.apps.billing.models import Invoice
from quartier.apps.documents.operations import CannotPrint
from quartier.apps.parties.models import Party
from quartier.core.invoicing.frozen import thaw
from quartier.portals.resident.energy import chart, share, so_far
from quartier.portals.resident.stays import Resident, resident_page
from quartier.portals.shared.charts import chart_csv
from quartier.portals.shared.documents import pdf_response
from quartier.portals.shared.explained import chart_of_line, words_of


def _bills(resident: Resident) -> "QuerySet[Invoice]":
    """The resident's own documents: those made out to a party they act for."""
    return (
        resident.scope.queryset(Invoice)
        .filter(party__in=resident.scope.party_ids)
        .select_related("site", "run", "billing_point", "party")
        .order_by("-from_date", "-number")
    )


@resident_page
def home(resident: Resident) -> HttpResponseBase:
    """What do I pay now, and how much of it came from the roof."""
    drawn, figures = chart(resident, "month", low=True)
    running = so_far(resident.home)
    context = {
        "chart": drawn,
        "figures": figures,
        "share": share(figures.get("solar", 0), figures["total"]),
        "running": running,
        "until": running.last_date if running else None,
        "bills": _bills(resident).defer("document")[:3],
    }
    return resident.page("resident/home.html", "home", context)


@resident_page
def energy(resident: Resident) -> HttpResponseBase:
    """The own consumption over any range of the own stay."""
    drawn, figures = chart(resident)
    if resident.request.GET.get("format") == "csv":
        return chart_csv(f"energy-{resident.home.key}", drawn)
    context = {
        "chart": drawn,
        "figures": figures,
        "share": share(figures.get("solar", 0), figures["total"]),
    }
    return resident.page("resident/energy.html", "energy", context)


@resident_page
def bills(resident: Resident) -> HttpResponseBase:
    """The own invoices."""
    return resident.page(
        "resident/bills.html", "bills", {"bills": _bills(resident).defer("document")}
    )


@resident_page
def bill(resident: Resident, pk: int) -> HttpResponseBase:
    """One own invoice."""
    row = get_object_or_404(_bills(resident), pk=pk)
    chain: list[Any] = chain_of(row, _bills(resident))
    for one in chain:
        one.url = reverse("me-bill", args=[one.pk])
    context = {
        "invoice": row,
        "chain": chain,
        "document": thaw(bytes(row.document)),
        "base": reverse("me-bill", args=[pk]),
    }
    return resident.page("resident/bill.html", "bills", context)


@resident_page
def bill_pdf(resident: Resident, pk: int) -> HttpResponseBase:
    """The PDF of an own invoice; where it cannot be printed, the invoice as a page.

    What to do is for who issued it: the log says it, and so does the operator's page.
    """
    row = get_object_or_404(_bills(resident), pk=pk)
    try:
        return pdf_response(row)
    except CannotPrint:
        text = _(
            "The PDF cannot be made now. All of the invoice is on this page; if you need the "
            "PDF, write to %(issuer)s."
        )
        issuer = thaw(bytes(row.document)).issuer.address.name
        messages.error(resident.request, text % {"issuer": issuer})
        return redirect("me-bill", pk)


@resident_page
def bill_line(resident: Resident, pk: int, line_id: str) -> HttpResponseBase:
    """How a line of an own invoice came about."""
    row = get_object_or_404(_bills(resident), pk=pk)
    try:
        found = explain(row, line_id)
    except NoSuchLine as error:
        raise Http404 from error
    drawn = chart_of_line(resident.request, found)
    if drawn is not None and resident.request.GET.get("format") == "csv":
        return chart_csv(f"{row.number}-{line_id}", drawn)
    context = {
        "invoice": row,
        "found": found,
        "words": words_of(found),
        "chart": drawn,
        "peak_wh": found.peak[1] // 1000 if found.peak else None,
        "back": reverse("me-bill", args=[pk]),
    }
    return resident.page("resident/line.html", "bills", context)


@resident_page
def account(resident: Resident) -> HttpResponseBase:
    """Who I am here, and where."""
    parties = resident.scope.queryset(Party).filter(pk__in=resident.scope.party_ids)
    return resident.page("resident/account.html", "me", {"parties": parties})
