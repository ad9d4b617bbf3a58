"""Billing many sites: each is a run of its own, one after the other; the others go on where one
has findings. Whoever leaves the page can repeat it: what is issued is left alone."""

from decimal import Decimal

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST

from quartier.apps.access.permissions import Permission
from quartier.apps.access.scope import Scope
from quartier.apps.billing.models import BillingRun
from quartier.apps.billing.operations import bill
from quartier.core.kernel.period import timezone_of
from quartier.portals.operator.billing import PeriodForm
from quartier.portals.operator.places import today_at
from quartier.portals.shared.gate import Visit, frame_of, site_page
from quartier.portals.shared.span import span_of


@login_required
def bill_all(request: HttpRequest) -> HttpResponseBase:
    """Choose the period and the sites, then watch them being billed."""
    scope = Scope.of(request.user)
    if not scope.is_operator:
        raise PermissionDenied
    today = timezone.now().date()
    quarter = span_of("quarter", span_of("quarter", today, timezone_of("UTC")).moved(-1),
                      timezone_of("UTC"))  # fmt: skip
    last = quarter.to_date.replace(day=1)
    initial = {"first": quarter.from_date, "last": last.fromordinal(last.toordinal() - 1)}
    form = PeriodForm(request.POST or None, initial=initial)
    sites = list(scope.sites().order_by("name", "ref"))
    chosen = set(request.POST.getlist("site"))
    is_running = request.method == "POST" and form.is_valid() and bool(chosen)
    context = {
        **frame_of(scope),
        "section": "sites",
        "form": form,
        "sites": [one for one in sites if one.ref in chosen] if is_running else sites,
        "is_running": is_running,
        "first": request.POST.get("first", ""),
        "last": request.POST.get("last", ""),
    }
    return render(request, "operator/bill_all.html", context)


@require_POST
@site_page(Permission.BILL)
def bill_row(visit: Visit) -> HttpResponseBase:
    """Bill one of many sites; the row that says what came of it."""
    form = PeriodForm(visit.request.POST)
    if not form.is_valid():
        return HttpResponse(status=400)
    now = timezone.now()
    prepared, invoices = bill(
        visit.site, form.dates(), now=now, issued_date=today_at(visit), actor=visit.by
    )
    refused = BillingRun.objects.filter(site=visit.site, finished_at=now, state="refused").first()
    context = {
        "site": visit.site,
        "invoices": invoices,
        "total": sum((one.total for one in invoices), Decimal(0)),
        "refused": refused,
        "errors": [one for one in prepared.findings if one.severity == "error"],
        "issued": prepared.issued,
        "run_id": invoices[0].run_id if invoices else refused.pk if refused else None,
    }
    return render(visit.request, "operator/bill_row.html", context)
