"""The list of sites, the start of an operator's day."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Max, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.access.scope import Scope
from quartier.apps.access.table import MONEY
from quartier.apps.billing.models import Batch, BillingRun, Invoice
from quartier.apps.equipment.models import Meter
from quartier.apps.sites.models import BillingPoint, Note, Site
from quartier.portals.shared.gate import frame_of
from quartier.portals.shared.lists import LONGEST_QUERY, csv_response, order_of, paged

COLUMNS = ("name", "town", "points", "meters", "billed", "issues", "state")


@login_required
def start(request: HttpRequest) -> HttpResponse:
    """Each role to where its day begins."""
    scope = Scope.of(request.user)
    if scope.is_operator or scope.roles:
        sites = list(scope.sites().values_list("ref", flat=True)[:2])
        staffed = [ref for ref in sites if ref]
        if len(staffed) == 1 and not scope.is_operator:
            return redirect("site", staffed[0])
        return redirect("sites")
    return redirect("me")


def counted(sites: "QuerySet[Site]") -> "QuerySet[Any]":
    """``sites`` with counts, each by its own subquery, so that they do not multiply."""

    def count(model: type[Model], **where: Any) -> Coalesce:
        rows = model._default_manager.filter(site=OuterRef("pk"), **where).order_by()
        return Coalesce(Subquery(rows.values("site").annotate(n=Count("pk")).values("n")), 0)

    runs = BillingRun.objects.filter(site=OuterRef("pk")).order_by("-finished_at", "-id")
    billed = Invoice.objects.filter(site=OuterRef("pk")).order_by()
    return sites.annotate(
        points=count(BillingPoint, is_active=True),
        meter_count=count(Meter, is_enabled=True),
        issues=count(Note, kind=Note.Kind.ISSUE, resolved_at=None),
        billed=Subquery(billed.values("site").annotate(last=Max("to_date")).values("last")),
        state=Subquery(runs.values("state")[:1]),
    )


def listed(scope: Scope, query: str, show: str) -> "QuerySet[Site]":
    """The sites of somebody's list: those they work on, that match ``query``, and with ``show``
    "open" those with an open issue."""
    rows = scope.sites()
    if not scope.is_operator:
        rows = rows.filter(pk__in=scope.roles)
    if len(query) > LONGEST_QUERY:
        return rows.none()
    if query:
        rows = rows.filter(
            Q(name__icontains=query) | Q(ref__icontains=query) | Q(town__icontains=query)
        )
    if show == "open":
        open_issues = Note.objects.filter(kind=Note.Kind.ISSUE, resolved_at=None)
        rows = rows.filter(pk__in=open_issues.values("site"))
    return rows


def under_way(scope: Scope) -> Batch | None:
    """The oldest billing job that is not finished; none for who is no operator."""
    if not scope.is_operator:
        return None
    return scope.queryset(Batch).filter(finished_at=None).order_by("created_at").first()


@login_required
def sites(request: HttpRequest) -> HttpResponse:
    """The sites of an operator, owner or installer."""
    scope = Scope.of(request.user)
    if not (scope.is_operator or scope.roles):
        return redirect("me" if scope.stays else "nothing")
    query, show = request.GET.get("q", "").strip(), request.GET.get("show", "")
    rows: Any = counted(listed(scope, query, show))
    sort = order_of(request, COLUMNS, "name")
    rows = rows.order_by(sort.replace("meters", "meter_count"), "ref")
    if request.GET.get("format") == "csv":
        head = [
            _("Reference"),
            _("Site"),
            _("Town"),
            _("Billing points"),
            _("Meters"),
            _("Open issues"),
        ]
        return csv_response(
            "sites",
            head,
            ((s.ref, s.name, s.town, s.points, s.meter_count, s.issues) for s in rows),
        )
    page = paged(request, rows)
    for one in page:
        if not scope.can(Permission.MONEY, one):
            one.billed = one.state = None
    needy = sum(1 for one in page if one.issues or one.state == BillingRun.State.REFUSED)
    context = {
        **frame_of(scope),
        "section": "sites",
        "page": page,
        "total": page.paginator.count,
        "needy": needy,
        "is_operator": scope.is_operator,
        "under_way": under_way(scope),
        "sees_money": scope.is_operator or any(roles & MONEY for roles in scope.roles.values()),
        "query": query,
        "show": show,
        "sort": sort,
    }
    return render(request, "operator/sites.html", context)


@login_required
def nothing(request: HttpRequest) -> HttpResponse:
    """For who may see no site at all."""
    return render(request, "operator/nothing.html", status=200)
