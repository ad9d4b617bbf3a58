"""Alarms across sites and of one site: what is open, who takes care of it, what was."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import BY_ROLE, Permission
from quartier.apps.access.scope import Scope
from quartier.apps.alarms import handling
from quartier.apps.alarms.gather import IS_HEARD, IS_READ
from quartier.apps.alarms.models import KINDS, Alarm, Notice
from quartier.apps.alarms.texts import kind_word, remedy, sentence
from quartier.apps.equipment.models import Connection, Gateway
from quartier.apps.sites.models import Site
from quartier.portals.shared.formats import moment
from quartier.portals.shared.gate import Visit, frame_of, site_page
from quartier.portals.shared.lists import LONGEST_QUERY, csv_response, paged

SNOOZES = {"hour": 1, "day": 24, "week": 24 * 7, "month": 24 * 30}
"""For how many hours alarms are put off."""
SHOWN = ("", "open", "ended")
_KINDS = {kind for kind, _label in KINDS}
_GATEWAYS = ("silent_gateway", "clock")


@login_required
def alarms(request: HttpRequest) -> HttpResponseBase:
    """The alarms of all sites that the visitor works on."""
    scope = Scope.of(request.user)
    if not (scope.is_operator or scope.roles):
        return redirect("me" if scope.stays else "nothing")
    if request.method == "POST":
        return _act(request, scope, None)
    return render(request, "operator/alarms.html", _context(request, scope, None))


@site_page(Permission.VIEW)
def site_alarms(visit: Visit) -> HttpResponseBase:
    """The alarms of one site."""
    if visit.request.method == "POST":
        return _act(visit.request, visit.scope, visit.site)
    context = _context(visit.request, visit.scope, visit.site)
    return render(visit.request, "operator/alarms.html", context)


def _context(request: HttpRequest, scope: Scope, site: Site | None) -> dict[str, Any]:
    now = timezone.now()
    rows, shown = _listed(request, scope, site, now)
    may_act = site is None or scope.can(Permission.EQUIP, site)
    if site is None and not scope.is_operator:
        may_act = bool(_equipped(scope))
    page = paged(request, rows.select_related("site"))
    for row in page:
        _describe(row, now)
        row.has_page = row.is_gateway and scope.can(Permission.EQUIP, row.site)
    context = {
        **frame_of(scope, site),
        "section": "alarms",
        "page": page,
        "total": page.paginator.count,
        "may_act": may_act,
        "is_operator": scope.is_operator,
        "query": request.GET.get("q", "").strip(),
        "kind": request.GET.get("kind", ""),
        "show": shown,
        "kinds": [(kind, kind_word(kind, _language())) for kind, _label in KINDS],
        "not_sent": _not_sent(scope) if scope.is_operator else None,
    }
    if not page.paginator.count:
        context |= _watched(scope, site)
    return context


def _listed(
    request: HttpRequest, scope: Scope, site: Site | None, now: datetime
) -> "tuple[QuerySet[Alarm], str]":
    rows = scope.queryset(Alarm)
    if site is not None:
        rows = rows.filter(site=site)
    shown = request.GET.get("show", "")
    if shown == "open":
        rows = handling.open_alarms(rows)
    elif shown == "ended":
        rows = rows.filter(ended_at__isnull=False)
    else:
        rows, shown = handling.untaken(rows, now), ""
    if (kind := request.GET.get("kind", "")) in _KINDS:
        rows = rows.filter(kind=kind)
    query = request.GET.get("q", "").strip()
    if len(query) > LONGEST_QUERY:
        return rows.none(), shown
    if query:
        rows = rows.filter(
            Q(name__icontains=query)
            | Q(subject__icontains=query)
            | Q(site__name__icontains=query)
            | Q(site__ref__icontains=query)
        )
    return rows.order_by("-opened_at", "-id"), shown


def _describe(row: Any, now: datetime) -> None:
    language = _language()
    row.word = kind_word(row.kind, language)
    row.said = sentence(row.code, row.values, row.since, row.site.timezone, language)
    row.remedy = "" if row.ended_at else remedy(row.code, language)
    row.is_put_off = row.snoozed_until is not None and row.snoozed_until > now
    row.is_gateway = row.kind in _GATEWAYS
    row.is_meter = bool(row.subject) and not row.is_gateway


def _watched(scope: Scope, site: Site | None) -> dict[str, int]:
    """What is looked at, for who sees nothing wrong."""
    gateways = Gateway.objects.filter(IS_HEARD, site__in=scope.sites())
    meters = Connection.objects.filter(
        IS_READ, meter__site__in=scope.sites(), meter__is_enabled=True
    )
    if site is not None:
        gateways, meters = gateways.filter(site=site), meters.filter(meter__site=site)
    return {"gateway_count": gateways.count(), "meter_count": meters.count()}


def _not_sent(scope: Scope) -> Notice | None:
    """The newest message that could not be sent, and waits or was given up."""
    rows = scope.queryset(Notice).filter(sent_at=None).exclude(failure="")
    return rows.order_by("-at").first()


def _equipped(scope: Scope) -> list[int]:
    """The sites on which a stakeholder may take care of alarms."""
    return [
        pk
        for pk, roles in scope.roles.items()
        if any(Permission.EQUIP in BY_ROLE[role] for role in roles)
    ]


def _act(request: HttpRequest, scope: Scope, site: Site | None) -> HttpResponse:
    rows = scope.queryset(Alarm)
    if site is not None:
        rows = rows.filter(site=site)
    if not scope.is_operator:
        rows = rows.filter(site__in=_equipped(scope))
        if site is not None and not scope.can(Permission.EQUIP, site):
            raise PermissionDenied
    rows = rows.filter(pk__in=_chosen(request.POST.getlist("alarm")))
    now, by = timezone.now(), str(request.user.get_username())
    match request.POST.get("action", ""):
        case "acknowledge":
            count = handling.acknowledge(rows, request.POST.get("remark", ""), at=now, actor=by)
            said = ngettext("%(n)s alarm taken.", "%(n)s alarms taken.", count)
        case "snooze" if (hours := SNOOZES.get(request.POST.get("for", ""))) is not None:
            count = handling.snooze(rows, now + timedelta(hours=hours), at=now, actor=by)
            said = ngettext("%(n)s alarm put off.", "%(n)s alarms put off.", count)
        case "release":
            count = handling.release(rows, at=now, actor=by)
            said = ngettext("%(n)s alarm open again.", "%(n)s alarms open again.", count)
        case _:
            raise PermissionDenied
    messages.success(request, said % {"n": count})
    return redirect(request.get_full_path())


def _chosen(keys: Iterable[str]) -> list[int]:
    return [int(key) for key in keys if key.isascii() and key.isdecimal() and len(key) <= 18][:500]


def _language() -> str:
    return (get_language() or "de")[:2]


@login_required
def alarms_csv(request: HttpRequest) -> HttpResponse:
    """The list as it is filtered, of all sites or of the site named, as CSV."""
    scope = Scope.of(request.user)
    site = None
    if ref := request.GET.get("site", ""):
        site = scope.sites().filter(ref=ref).first()
        if site is None or not scope.can(Permission.VIEW, site):
            raise PermissionDenied
    rows, _shown = _listed(request, scope, site, timezone.now())
    head = [_("Site"), _("Alarm"), _("Subject"), _("What"), _("Opened"), _("Ended"), _("Taken by")]
    head.append(_("Remark"))

    def line(row: Any) -> list[str]:
        _describe(row, timezone.now())
        zone = row.site.timezone
        ended = moment(row.ended_at, zone) if row.ended_at else ""
        opened = moment(row.opened_at, zone)
        about = [row.site.ref, row.word, row.name, row.said, opened, ended]
        return [*about, row.acknowledged_by, row.remark]

    return csv_response("alarms", head, map(line, rows.select_related("site")[:10_000]))
