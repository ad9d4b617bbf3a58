"""Meter inspection of a site: what each meter shows now, and what is wrong with it."""

from collections import Counter
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.inspecting import begin_inspection, end_inspection
from quartier.apps.equipment.models import Gateway, Medium
from quartier.apps.metering.inspection import Inspected, inspect_site
from quartier.core.metering.inspection import State
from quartier.portals.shared.gate import Visit, site_page

EVERY_S = 10
_WATER = (Medium.HOT_WATER, Medium.COLD_WATER)
_STATES = (State.FAULT, State.WATCH, State.GOOD, State.UNKNOWN)
_URGENT = (State.FAULT, State.WATCH, State.UNKNOWN, State.GOOD)


@site_page(Permission.EQUIP)
def inspection(visit: Visit) -> HttpResponseBase:
    """Each meter with its phases, indexes and verdicts; loads itself again while it is open."""
    if visit.request.method == "POST":
        return _act(visit)
    context = about(visit)
    if visit.request.headers.get("HX-Request"):
        return render(
            visit.request, "operator/inspection_meters.html", {**context, "site": visit.site}
        )
    return visit.page("operator/inspection.html", "equipment", context)


def about(visit: Visit) -> dict[str, Any]:
    """What the page and the form of the report show."""
    now = timezone.now()
    is_sun_off = visit.request.GET.get("sun") == "off"
    found = inspect_site(visit.site, at=now, is_sun_off=is_sun_off)
    rows = list(visit.scope.queryset(Gateway).filter(site=visit.site).order_by("name"))
    until = max((row.inspect_until for row in rows if row.inspect_until), default=None)
    counts = Counter(one.state for one in found.meters)
    return {
        "inspected_at": found.at,
        "meters": [_row(one) for one in sorted(found.meters, key=_urgency)],
        "inspection": found,
        "counts": [(state.value, counts[state]) for state in _STATES if counts[state]],
        "until": until if until is not None and until > now else None,
        "is_sun_off": is_sun_off,
        "is_paired": any(row.paired_at for row in rows),
        "gateways": rows,
        "every_s": EVERY_S,
    }


def _urgency(one: Inspected) -> int:
    """What needs somebody first; else the order of the references."""
    return _URGENT.index(one.state)


def _row(one: Inspected) -> dict[str, Any]:
    power = one.shown.power_w
    connection = one.connection
    return {
        "meter": one.meter,
        "serial": one.serial,
        "state": one.state.value,
        "read_at": one.shown.read_at,
        "power": None if power is None else abs(power),
        "feeds_in": power is not None and power < 0,
        "phases": list(enumerate(one.phases, 1)),
        "imported": _thousandth(one.import_index),
        "exported": _thousandth(one.export_index),
        "unit": "m³" if one.meter.medium in _WATER else "kWh",
        "verdicts": one.verdicts,
        "gateway": connection.bus.gateway if connection is not None and connection.bus else None,
        "waits": one.waits,
    }


def _thousandth(index: Decimal | None) -> Decimal | None:
    return None if index is None else index.scaleb(-3)


def _act(visit: Visit) -> HttpResponseBase:
    now = timezone.now()
    match visit.request.POST.get("action"):
        case "begin":
            if begin_inspection(visit.site, at=now, actor=visit.by) is None:
                messages.warning(visit.request, _("No gateway of the site is paired yet."))
        case "end":
            end_inspection(visit.site, at=now, actor=visit.by)
        case _:
            raise PermissionDenied
    return redirect("site-inspection", visit.site.ref)
