"""A gateway over its remote connection: live values, the tools of the meter room, its log."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.models import (
    Bus,
    Connection,
    Gateway,
    Meter,
    RemoteCommand,
    RemotePresence,
)
from quartier.apps.equipment.remote_control import CannotAsk, Link, ask, is_open, link_of
from quartier.formats.uplink.remote import NOT_ANSWERED, NOT_TAKEN, Kind
from quartier.portals.shared.formats import moment
from quartier.portals.shared.gate import Visit, site_page

LIVE_EVERY_S = 10
LOOKS_EVERY_S = 2
LIVE_FOR = timedelta(minutes=15)
LOG_LINES = "200"
_MOST_SHOWN = 20
_KINDS: dict[str, str | Promise] = {
    Kind.STATUS: gettext_lazy("Status"),
    Kind.READ_METER: gettext_lazy("Read now"),
    Kind.SCAN_BUS: gettext_lazy("Who is on the bus?"),
    Kind.LOG: gettext_lazy("Log"),
    Kind.RESTART: gettext_lazy("Restart"),
}
_FACTS: dict[str, str | Promise] = {
    "platform": gettext_lazy("Platform"),
    "last_answer": gettext_lazy("Last answer of the platform"),
    "waiting": gettext_lazy("Not sent yet"),
    "configuration": gettext_lazy("Configuration"),
    "clock": gettext_lazy("Clock"),
    "software": gettext_lazy("Software"),
}


@site_page(Permission.EQUIP)
def remote(visit: Visit, name: str) -> HttpResponseBase:
    """The page; of htmx, the part that changes."""
    gateway = get_object_or_404(
        visit.scope.queryset(Gateway).select_related("site"), site=visit.site, name=name
    )
    if visit.request.method == "POST":
        return _act(visit, gateway)
    if visit.request.headers.get("HX-Request"):
        return _part(visit, "operator/remote_results.html", _results(visit, gateway))
    return _page(visit, gateway)


def _act(visit: Visit, gateway: Gateway) -> HttpResponseBase:
    """Ask for what the button says."""
    form = visit.request.POST
    try:
        kind = Kind(form.get("action", ""))
    except ValueError:
        raise PermissionDenied from None
    arguments: dict[str, str] = {}
    if kind is Kind.READ_METER:
        rows = visit.scope.queryset(Meter).filter(connection__bus__gateway=gateway)
        arguments["meter"] = get_object_or_404(rows, ref=form.get("meter", "")).ref
    elif kind is Kind.SCAN_BUS:
        buses = visit.scope.queryset(Bus).filter(gateway=gateway)
        arguments["bus"] = get_object_or_404(buses, name=form.get("bus", "")).name
    elif kind is Kind.LOG:
        arguments["lines"] = LOG_LINES
    is_htmx = bool(visit.request.headers.get("HX-Request"))
    here = reverse("site-gateway-remote", args=[visit.site.ref, gateway.name])
    if is_htmx and not _is_live(visit, timezone.now()):
        return HttpResponse(headers={"HX-Redirect": here})  # it has been open long enough
    refused = ""
    try:
        ask(gateway, kind, arguments, at=timezone.now(), actor=visit.by)
    except CannotAsk as problem:
        refused = str(problem)
    if is_htmx:
        shown = {**_live(visit, gateway), "refused": refused}
        return _part(visit, "operator/remote_live.html", shown)
    if refused:
        return _page(visit, gateway, refused=refused)
    since = f"?live={int(timezone.now().timestamp())}" if kind is Kind.LIVE_VALUES else ""
    return redirect(f"{here}{since}")


def _page(visit: Visit, gateway: Gateway, *, refused: str = "") -> HttpResponseBase:
    now = timezone.now()
    presence = visit.scope.queryset(RemotePresence).filter(gateway=gateway).first()
    link = link_of(presence, now)
    connections = (
        visit.scope.queryset(Connection).filter(bus__gateway=gateway).select_related("meter")
    )
    context = {
        "gateway": gateway,
        "refused": refused,
        "presence": presence,
        "link": link.value,
        "is_open": link is Link.OPEN,
        "is_live": _is_live(visit, now),
        "live_every_s": LIVE_EVERY_S,
        "meters": [one.meter for one in connections.order_by("meter__ref")],
        "buses": list(visit.scope.queryset(Bus).filter(gateway=gateway).order_by("name")),
        **_results(visit, gateway),
        **_live(visit, gateway),
    }
    return visit.page("operator/remote.html", "equipment", context)


def _part(visit: Visit, template: str, context: dict[str, Any]) -> HttpResponseBase:
    more = {"site": visit.site, "request": visit.request}
    return render(visit.request, template, {**context, **more})


def _is_live(visit: Visit, now: datetime) -> bool:
    """Whether the page goes on asking by itself: for a quarter of an hour after the button."""
    text = visit.request.GET.get("live", "")
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        return False
    return abs(now.timestamp() - int(text)) < LIVE_FOR.total_seconds()


def _results(visit: Visit, gateway: Gateway) -> dict[str, Any]:
    """The last commands, the newest first, but for live values."""
    now = timezone.now()
    commands = (
        visit.scope.queryset(RemoteCommand)
        .filter(gateway=gateway)
        .exclude(kind=Kind.LIVE_VALUES.value)
        .order_by("-id")[:_MOST_SHOWN]
    )
    shown = [_shown(one, now, visit.site.timezone) for one in commands]
    return {
        "gateway": gateway,
        "results": shown,
        "is_working": any(one["is_open"] for one in shown),
        "looks_every_s": LOOKS_EVERY_S,
    }


def _shown(one: RemoteCommand, now: datetime, timezone_name: str) -> dict[str, Any]:
    going = is_open(one, now)
    state, text = one.state, one.text
    if not going and state in (RemoteCommand.State.WAITING, RemoteCommand.State.TAKEN):
        text = NOT_TAKEN if state == RemoteCommand.State.WAITING else NOT_ANSWERED
        state = RemoteCommand.State.FAILED.value
    rows = one.rows
    result: dict[str, Any] = {
        "command": one,
        "kind": one.kind,
        "title": _KINDS.get(one.kind, one.kind),
        "about": ", ".join(one.arguments.values()) if one.kind != Kind.LOG.value else "",
        "state": state,
        "text": text,
        "is_open": going,
        "rows": rows,
        "count": len(rows),
    }
    match one.kind:
        case Kind.READ_METER:
            result["meters"] = _by_meter(rows, {})
        case Kind.STATUS:
            result["facts"] = [
                (_FACTS.get(row[0], row[0]), _on_the_clock(row[1], timezone_name))
                for row in rows
                if len(row) == 2 and row[0] != "finding"
            ]
            result["findings"] = [row[1] for row in rows if len(row) == 2 and row[0] == "finding"]
        case Kind.LOG:
            result["lines"] = [row[0] for row in rows]
    return result


def _live(visit: Visit, gateway: Gateway) -> dict[str, Any]:
    """The last live values that came."""
    command = (
        visit.scope.queryset(RemoteCommand)
        .filter(gateway=gateway, kind=Kind.LIVE_VALUES.value, state=RemoteCommand.State.DONE)
        .order_by("-id")
        .first()
    )
    if command is None:
        return {"live": None, "live_at": None}
    rows = visit.scope.queryset(Meter).filter(connection__bus__gateway=gateway)
    names = dict(rows.values_list("ref", "name"))
    return {"live": _by_meter(command.rows, names), "live_at": command.answered_at}


def _by_meter(rows: Iterable[list[str]], names: dict[str, str]) -> list[dict[str, Any]]:
    """Each meter with its values, in the order in which they came."""
    values: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    read: dict[str, datetime | None] = {}
    for row in rows:
        if len(row) != 5:
            continue  # of a gateway that tells something else
        meter, quantity, value, unit, at = row
        read[meter] = _instant(at)
        values[meter] += [(quantity, value, unit)] if quantity else []
    return [
        {"ref": ref, "name": names.get(ref, ""), "values": values[ref], "at": at}
        for ref, at in read.items()
    ]


def _on_the_clock(text: str, timezone_name: str) -> str:
    """``text``, but an instant as the clocks of the site show it."""
    instant = _instant(text)
    return text if instant is None else moment(instant, timezone_name)


def _instant(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
