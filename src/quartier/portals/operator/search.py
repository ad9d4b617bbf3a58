"""The command palette: finds sites, billing points, people, invoices, meters and devices."""

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.access.scope import Scope
from quartier.apps.billing.models import Invoice
from quartier.apps.contracts.models import Occupancy
from quartier.apps.equipment.models import CommunicationDevice, Meter
from quartier.apps.sites.models import BillingPoint
from quartier.portals.shared.gate import frame_of

_LIMIT = 6


@login_required
def search(request: HttpRequest) -> HttpResponse:
    """What matches; a fragment for the palette, a page without script."""
    query = request.GET.get("q", "").strip()[:80]
    groups = _found(Scope.of(request.user), query) if query else []
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "operator/found.html", {"groups": groups, "query": query})
    scope = Scope.of(request.user)
    context = {**frame_of(scope), "section": "", "groups": groups, "query": query}
    return render(request, "operator/search.html", context)


def _found(scope: Scope, query: str) -> list[dict[str, object]]:
    groups: list[tuple[str, str, list[tuple[str, str, str]]]] = []
    staff = scope.is_operator or scope.roles
    if not staff:
        return []
    rows = scope.sites()
    if not scope.is_operator:
        rows = rows.filter(pk__in=scope.roles)
    by_name = Q(name__icontains=query) | Q(ref__icontains=query)
    sites = rows.filter(by_name | Q(town__icontains=query))[:_LIMIT]
    groups.append(
        (_("Sites"), "building", [(reverse("site", args=[s.ref]), s.name, s.town) for s in sites])
    )
    points = [
        point
        for point in scope.queryset(BillingPoint)
        .filter(by_name)
        .select_related("site__organisation")[: _LIMIT * 2]
        if scope.can(Permission.MONEY, point.site)
    ][:_LIMIT]
    groups.append(
        (
            _("Billing points"),
            "home",
            [
                (reverse("site-place", args=[p.site.ref, p.ref]), p.name, p.site.name)
                for p in points
            ],
        )
    )
    people = [
        row
        for row in scope.queryset(Occupancy)
        .filter(Q(party__name__icontains=query) | Q(party__ref__icontains=query))
        .select_related("party", "billing_point__site__organisation")
        .order_by("party__name", "-starts_date")[: _LIMIT * 2]
        if scope.can(Permission.MONEY, row.billing_point.site)
    ][:_LIMIT]
    groups.append(
        (
            _("People"),
            "users",
            [
                (
                    reverse("site-place", args=[o.billing_point.site.ref, o.billing_point.ref]),
                    o.party.name,
                    o.billing_point.name,
                )
                for o in people
            ],
        )
    )
    invoices = [
        row
        for row in scope.queryset(Invoice)
        .filter(number__icontains=query)
        .defer("document")
        .select_related("party", "site__organisation")[:_LIMIT]
        if scope.can(Permission.MONEY, row.site)
    ]
    groups.append(
        (
            _("Invoices"),
            "file-invoice",
            [
                (reverse("site-invoice", args=[i.site.ref, i.pk]), i.number, i.party.name)
                for i in invoices
            ],
        )
    )
    meters = [
        row
        for row in scope.queryset(Meter)
        .filter(by_name | Q(metering_point__icontains=query) | Q(devices__serial__icontains=query))
        .select_related("site__organisation")
        .distinct()[:_LIMIT]
        if scope.can(Permission.VIEW, row.site)
    ]
    groups.append(
        (
            _("Meters"),
            "cpu",
            [
                (reverse("site-meter", args=[m.site.ref, m.ref]), m.name, m.site.name)
                for m in meters
            ],
        )
    )
    address = Q(serial__icontains=query) | Q(host__icontains=query) | Q(mac__icontains=query)
    devices = [
        row
        for row in scope.queryset(CommunicationDevice)
        .filter(by_name | address)
        .select_related("site__organisation")[:_LIMIT]
        if scope.can(Permission.EQUIP, row.site)
    ]
    groups.append(
        (
            _("Communication"),
            "cpu",
            [
                (reverse("site-thing", args=[d.site.ref, "communication", d.ref]), d.name, d.host)
                for d in devices
            ],
        )
    )
    return [{"title": title, "icon": icon, "rows": rows} for title, icon, rows in groups if rows]
