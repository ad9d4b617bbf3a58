"""Charging stations of a site: how they stand, what was charged in a month, and a new one."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quartier.apps.access.permissions import Permission
from quartier.apps.charging import operations
from quartier.apps.charging.counting import CannotCount, count_for
from quartier.apps.charging.models import LONGEST_IDENTITY, ChargingSession, ChargingStation
from quartier.apps.charging.operations import BadStation
from quartier.apps.charging.queries import (
    begun_in,
    connectors_of,
    counting_of,
    is_connected,
    messages_of,
    sessions_of,
    totals_of,
)
from quartier.apps.contracts.protection import Billed
from quartier.apps.equipment.models import Assignment
from quartier.apps.sites.models import BillingPoint
from quartier.core.kernel.period import Dates, slot_starts_at
from quartier.portals.operator.charging_words import REASONS, STAGES, STATES, STATUSES, told, word
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import LONGEST_QUERY, csv_response, paged
from quartier.portals.shared.printable import printable
from quartier.portals.shared.span import span_of

_LINES = 100
_TAIL = 4
_FIRST, _LAST = date(2000, 1, 1), date(2100, 1, 1)
_HEAD = (
    "station", "evse", "transaction", "badge", "begun_at", "ended_at", "energy_wh", "stage",
    "reason", "charging_s", "held_s", "idle_s", "estimated", "sound",
)  # fmt: skip


class StationForm(forms.Form):
    """A new station."""

    identity = forms.CharField(
        label=gettext_lazy("OCPP identity"),
        max_length=LONGEST_IDENTITY,
        help_text=gettext_lazy("As it stands in the station's settings, often its serial number"),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=60,
        required=False,
        validators=[printable],
        help_text=gettext_lazy("Such as the parking space; empty: its identity"),
    )
    badges = forms.CharField(
        label=gettext_lazy("Badges that may charge"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=gettext_lazy("One a line"),
    )
    is_free = forms.BooleanField(label=gettext_lazy("Anybody may charge"), required=False)
    is_open = forms.BooleanField(
        label=gettext_lazy("It connects without a password"),
        required=False,
        help_text=gettext_lazy("Only where nobody else can reach the server"),
    )


@site_page(Permission.VIEW)
def charging(visit: Visit) -> HttpResponseBase:
    """All stations, and the sessions that began in a month."""
    stations = _stations(visit)
    zone = ZoneInfo(visit.site.timezone)
    today = timezone.now().astimezone(zone).date()
    span = span_of("month", _day(visit, today), zone)
    period = Dates(span.from_date, span.to_date).period(zone)
    sessions = begun_in(sessions_of(stations), period)
    if visit.request.GET.get("format") == "csv":
        name = f"{visit.site.ref}-{span.from_date:%Y-%m}"
        return csv_response(name, _HEAD, _lines(visit, sessions, stations))
    running = sessions_of(stations).filter(stage="running")
    page = paged(visit.request, sessions)
    describe(visit, list(page), stations)
    now = timezone.now()
    connectors = connectors_of(stations)
    at_work = {(one.station_id, one.evse_id): one for one in running}
    for station in stations:
        station.is_connected = is_connected(station, now)
        station.places = connectors.get(station.pk, [])
        for one in station.places:
            one.session = at_work.get((station.pk, one.evse_id))
            one.status_word = word(STATUSES, one.status)
            one.state_word = word(STATES, one.state) if one.state else ""
    context = {
        "stations": stations,
        "connected": sum(one.is_connected or one.gateway_id is not None for one in stations),
        "page": page,
        "totals": totals_of(sessions),
        "month": span.title,
        "before": span.moved(-1),
        "after": span.moved(1) if span.to_date <= today else None,
        "at": span.from_date,
    }
    return visit.page("operator/charging.html", "charging", context)


@site_page(Permission.VIEW)
def station(visit: Visit, identity: str) -> HttpResponseBase:
    """One station: its connectors, what it is, its sessions; who may equip lets it in or not."""
    row = station_of(visit, identity)
    context: dict[str, Any] = {}
    if visit.request.method == "POST":
        shown = _act(visit, row)
        if shown is None:
            return redirect("site-charging-station", visit.site.ref, row.identity)
        context |= shown
    now = timezone.now()
    sessions = sessions_of([row])
    page = paged(visit.request, sessions)
    describe(visit, list(page), [row])
    connectors = connectors_of([row]).get(row.pk, [])
    for one in connectors:
        one.status_word = word(STATUSES, one.status)  # type: ignore[attr-defined]
        one.state_word = word(STATES, one.state) if one.state else ""  # type: ignore[attr-defined]
    latest = list(messages_of(row)[:_TAIL])
    counting = counting_of(row)
    context |= {
        "counting": counting,
        "counts_for": list(
            visit.scope.queryset(Assignment)
            .filter(meter=counting.meter)
            .select_related("billing_point")
            .order_by("-starts_date")
        )
        if counting
        else [],
        "locked_at": slot_starts_at(counting.locked_slot)
        if counting and counting.locked_slot is not None
        else None,
        "points": list(
            visit.scope.queryset(BillingPoint)
            .filter(site=visit.site, is_active=True)
            .select_related("building")
            .order_by("position", "ref")
        )
        if visit.may(Permission.EQUIP)
        else [],
        "today": now.astimezone(ZoneInfo(visit.site.timezone)).date(),
        "station": row,
        "is_connected": is_connected(row, now),
        "connectors": connectors,
        "page": page,
        "totals": totals_of(sessions),
        "latest": [(one, *told(one)) for one in latest],
        "address": f"wss://{visit.request.get_host()}/ocpp/{row.identity}",
    }
    return visit.page("operator/charging_station.html", "charging", context)


@site_page(Permission.EQUIP)
def new_station(visit: Visit) -> HttpResponseBase:
    """A form for a new one; then its password, this once."""
    form = StationForm(visit.request.POST if visit.request.method == "POST" else None)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        given = form.cleaned_data
        try:
            row, password = operations.add(
                visit.site,
                given["identity"],
                given["name"] or given["identity"],
                needs_password=not given["is_open"],
                is_free=given["is_free"],
                tags=given["badges"].split(),
                at=timezone.now(),
                actor=visit.by,
            )
        except BadStation as problem:
            context["refused"] = str(problem)
        else:
            host = visit.request.get_host()
            context = {
                "station": row,
                "password": password,
                "address": f"wss://{host}/ocpp/{row.identity}",
            }
    return visit.page("operator/charging_new.html", "charging", context)


@site_page(Permission.VIEW)
def log(visit: Visit, identity: str) -> HttpResponseBase:
    """All that a station said, the newest first: in words, and as it came."""
    row = station_of(visit, identity)
    if not (visit.may(Permission.EQUIP) or visit.may(Permission.MONEY)):
        raise PermissionDenied  # it names badges
    query = visit.request.GET.get("q", "").strip()[:LONGEST_QUERY]
    rows = messages_of(row)
    if query:
        rows = rows.filter(asked__icontains=query) | rows.filter(action__icontains=query)
    before = visit.request.GET.get("before", "")
    if before.isascii() and before.isdecimal() and len(before) < 18:
        rows = rows.filter(number__lt=int(before))
    if visit.request.GET.get("format") == "csv":
        lines = (
            (one.received_at.isoformat(), one.action, one.asked, one.answer)
            for one in rows[: 50 * _LINES]
        )
        return csv_response(row.identity, ("received_at", "action", "said", "answer"), lines)
    shown = list(rows[: _LINES + 1])
    context = {
        "station": row,
        "lines": [(one, *told(one)) for one in shown[:_LINES]],
        "older": shown[_LINES - 1].number if len(shown) > _LINES else None,
        "is_newest": not before,
        "query": query,
    }
    return visit.page("operator/charging_log.html", "charging", context)


def station_of(visit: Visit, identity: str) -> ChargingStation:
    """That of the site; 404 without."""
    rows = visit.scope.queryset(ChargingStation).select_related("gateway", "site")
    found: ChargingStation = get_object_or_404(rows, site=visit.site, identity=identity)
    return found


def describe(visit: Visit, sessions: Sequence[Any], stations: Sequence[ChargingStation]) -> None:
    """What a list shows of each."""
    by_id = {one.pk: one for one in stations}
    for one in sessions:
        one.station = by_id[one.station_id]
        one.stage_word = word(STAGES, one.stage)
        one.reason_word = word(REASONS, one.reason) if one.reason else ""
        one.badge = badge(visit, one.token)


def badge(visit: Visit, token: str) -> str:
    """The token for who bills or equips; others see its end alone."""
    if not token or visit.may(Permission.MONEY) or visit.may(Permission.EQUIP):
        return token
    return f"…{token[-_TAIL:]}"


def _stations(visit: Visit) -> list[Any]:
    rows = visit.scope.queryset(ChargingStation).filter(site=visit.site)
    return list(rows.select_related("gateway").order_by("name", "identity"))


def _day(visit: Visit, today: date) -> date:
    """The day of the URL, today where it names none."""
    return min(_date(visit.request.GET.get("at", "")) or today, today + timedelta(days=31))


def _date(text: str) -> date | None:
    """A day of this century; None for all else."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if _FIRST <= found <= _LAST else None


def _act(visit: Visit, row: ChargingStation) -> dict[str, Any] | None:
    """Does what the button says; what is shown of it this once."""
    if not visit.may(Permission.EQUIP):
        raise PermissionDenied
    now, action = timezone.now(), visit.request.POST.get("action", "")
    if action == "password":
        return {"password": operations.draw_password(row, at=now, actor=visit.by)}
    if action == "count":
        return _count(visit, row)
    if action not in ("enable", "disable"):
        raise PermissionDenied
    operations.enable(row, action == "enable", at=now, actor=visit.by)
    messages.success(
        visit.request,
        _("It is let in again.") if action == "enable" else _("It is let in no more."),
    )
    return None


def _count(visit: Visit, row: ChargingStation) -> dict[str, Any] | None:
    """Let it count for a billing point; what was refused."""
    posted = visit.request.POST
    points = visit.scope.queryset(BillingPoint).filter(site=visit.site, is_active=True)
    point = get_object_or_404(points, ref=posted.get("point", ""))
    starts_date = _date(posted.get("from", ""))
    if starts_date is None:
        return {"refused": _("The day is no date; type it like 2026-01-31.")}
    try:
        count_for(row, point, starts_date, at=timezone.now(), actor=visit.by)
    except (CannotCount, Billed) as problem:
        return {"refused": str(problem)}
    messages.success(visit.request, _("Saved. Its sessions are counted within some minutes."))
    return None


def _lines(
    visit: Visit, sessions: Any, stations: Sequence[ChargingStation]
) -> Iterator[Sequence[Any]]:
    by_id = {one.pk: one.identity for one in stations}
    rows: Iterator[ChargingSession] = sessions.defer("record").iterator(chunk_size=1000)
    for one in rows:
        yield (
            by_id[one.station_id],
            one.evse_id,
            one.transaction_id,
            badge(visit, one.token),
            _iso(one.begun_at),
            _iso(one.ended_at),
            one.energy_wh,
            one.stage,
            one.reason,
            one.charging_s,
            one.held_s,
            one.idle_s,
            one.is_estimated,
            one.is_sound,
        )


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""
