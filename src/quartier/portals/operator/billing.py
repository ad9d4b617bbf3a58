"""Billing runs: choose a period, see all that would be issued and all that stands in the way,
then issue."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from quartier.apps.access.permissions import Permission
from quartier.apps.billing.models import BillingRun, Invoice
from quartier.apps.billing.operations import bill
from quartier.apps.billing.prepare import Prepared, prepare
from quartier.apps.documents.tasks import print_run
from quartier.core.kernel.period import BadPeriod, Dates, timezone_of
from quartier.portals.operator.places import today_at
from quartier.portals.shared import formats
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import paged
from quartier.portals.shared.picked import FIRST_YEAR
from quartier.portals.shared.sentences.reader import read, read_finding
from quartier.portals.shared.span import span_of

_LONGEST_DAYS = 3 * 366


class PeriodForm(forms.Form):
    """The period of a run: first and last day."""

    first = forms.DateField(
        label=gettext_lazy("First day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    last = forms.DateField(
        label=gettext_lazy("Last day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        for day in (first, last):
            if day and not FIRST_YEAR <= day.year <= 2200:
                raise forms.ValidationError(
                    _("%(day)s is not between %(first)d and 2200; mend the year.")
                    % {"day": formats.day(day), "first": FIRST_YEAR}
                )
        if first and last and last < first:
            raise forms.ValidationError(_("The last day is before the first."))
        if first and last and (last - first).days > _LONGEST_DAYS:
            raise forms.ValidationError(_("A run covers three years at most."))
        return data

    def dates(self) -> Dates:
        return Dates(self.cleaned_data["first"], self.cleaned_data["last"] + timedelta(days=1))


def suggestion(visit: Visit) -> tuple[date, date]:
    """The quarter after what is billed, else the last whole quarter; the last day inclusive."""
    tz = timezone_of(visit.site.timezone)
    billed = (
        Invoice.objects.filter(site=visit.site)
        .order_by("-to_date")
        .values_list("to_date", flat=True)
        .first()
    )
    today = today_at(visit)
    span = span_of("quarter", billed or span_of("quarter", today, tz).moved(-1), tz)
    return (billed or span.from_date), span.to_date - timedelta(days=1)


@site_page(Permission.MONEY)
def runs(visit: Visit) -> HttpResponseBase:
    """The runs of a site, the newest first."""
    rows = visit.scope.queryset(BillingRun).filter(site=visit.site)
    page = paged(visit.request, rows.order_by("-finished_at", "-pk"))
    for run in page:
        run.errors = sum(1 for one in run.findings if one["severity"] == "error")
    counts: dict[int, list[Any]] = {}
    for run_id, total in Invoice.objects.filter(run__in=[run.pk for run in page]).values_list(
        "run_id", "total"
    ):
        counts.setdefault(run_id, []).append(total)
    for run in page:
        run.documents = len(counts.get(run.pk, ()))
        run.sum = sum(counts.get(run.pk, ()), Decimal(0))
    return visit.page("operator/runs.html", "billing", {"page": page})


@site_page(Permission.BILL)
def new_run(visit: Visit) -> HttpResponseBase:
    """Choose the period, review, issue."""
    request = visit.request
    first, last = suggestion(visit)
    asked = request.POST if request.method == "POST" else request.GET
    form = PeriodForm(asked if "first" in asked else None, initial={"first": first, "last": last})
    prepared: Prepared | None = None
    now, today = timezone.now(), today_at(visit)
    if form.is_bound and form.is_valid():
        try:
            dates = form.dates()
        except BadPeriod as error:
            form.add_error(None, read(error))
        else:
            if request.method == "POST":
                return _issue(visit, dates)
            prepared = prepare(visit.site, dates, known_at=now, issued_date=today)
    context: dict[str, Any] = {"form": form, "prepared": prepared}
    if prepared is not None:
        context |= {
            "total": sum((one.document.total for one in prepared.drafts), Decimal(0)),
            "findings": prepared.findings,
            "errors": sum(1 for one in prepared.findings if one.severity == "error"),
        }
    return visit.page("operator/bill.html", "billing", context)


def _issue(visit: Visit, dates: Dates) -> HttpResponseBase:
    kept: list[BillingRun] = []
    prepared, invoices = bill(
        visit.site,
        dates,
        now=timezone.now(),
        issued_date=today_at(visit),
        actor=visit.by,
        on_run=lambda run, _prepared, _invoices: kept.append(run),
    )
    if invoices:
        print_run.enqueue(invoices[0].run_id)
        text = ngettext("%(n)d document is issued.", "%(n)d documents are issued.", len(invoices))
        messages.success(visit.request, text % {"n": len(invoices)})
        return redirect("site-run", visit.site.ref, invoices[0].run_id)
    if not prepared.can_issue:
        if kept and kept[-1].state == BillingRun.State.REFUSED:
            messages.error(visit.request, _("Nothing was issued: see the findings."))
            return redirect("site-run", visit.site.ref, kept[-1].pk)
        fault = prepared.findings[-1]  # another was before it; no run is kept of that
        messages.error(visit.request, read_finding(fault.where, fault.message, fault.remedy))
        return redirect("site-billing", visit.site.ref)
    text = _("All of it is issued already.") if prepared.issued else _("There is nothing to bill.")
    messages.success(visit.request, text)
    return redirect("site-billing", visit.site.ref)


@site_page(Permission.MONEY)
def run(visit: Visit, pk: int) -> HttpResponseBase:
    """One run: its findings and its documents."""
    row = get_object_or_404(visit.scope.queryset(BillingRun), site=visit.site, pk=pk)
    invoices = (
        visit.scope.queryset(Invoice)
        .filter(run=row)
        .defer("document")
        .select_related("party", "billing_point")
        .order_by("number")
    )
    rows = list(invoices)
    context = {
        "run": row,
        "last": row.to_date - timedelta(days=1),
        "invoices": rows,
        "total": sum((one.total for one in rows), Decimal(0)),
        "currency": rows[0].currency if rows else visit.site.currency,
    }
    return visit.page("operator/run.html", "billing", context)
