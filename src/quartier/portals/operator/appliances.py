"""Appliances that are steered to the sun: what runs now and today, when it may, and what was."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment import steering
from quartier.apps.equipment.gateways import BadSetUp
from quartier.apps.equipment.models import Appliance, Bus, Meter, Switch
from quartier.apps.equipment.running import Day, between
from quartier.apps.metering import powers
from quartier.core.kernel.period import local_midnight, timezone_of
from quartier.drivers.settings import HIDDEN
from quartier.formats.uplink.configuration import BusKind
from quartier.portals.operator.appliance_form import (
    MODES,
    ApplianceForm,
    switching_families,
    typed_settings,
)
from quartier.portals.operator.appliance_pictures import grid_picture, run_picture
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import csv_response, paged

REASONS = {
    "surplus": gettext_lazy("the sun gives enough"),
    "no_surplus": gettext_lazy("the sun does not give enough"),
    "no_reading": gettext_lazy("the grid entry is not read"),
    "minimum_time": gettext_lazy("minimum time"),
    "daily_minimum": gettext_lazy("daily minimum"),
    "timer": gettext_lazy("timer"),
    "always": gettext_lazy("always so"),
    "manual": gettext_lazy("by hand"),
    "other": gettext_lazy("not by the gateway"),
    "stopped": gettext_lazy("the gateway stopped"),
    "no_answer": gettext_lazy("the relay does not answer"),
}
_MOST_DAYS_BACK = 400


@site_page(Permission.VIEW)
def appliances(visit: Visit) -> HttpResponseBase:
    """All of them on one day; the mode and the switch of each."""
    rows: list[Any] = list(
        visit.scope.queryset(Appliance)
        .filter(site=visit.site)
        .select_related("bus__gateway", "site", "meter")
        .order_by("priority", "ref")
    )
    refused = ""
    if visit.request.method == "POST":
        refused = _act(visit, rows)
        if not refused:
            return redirect(visit.request.get_full_path())
    day, begins, ends = _day(visit)
    now = timezone.now()
    told = between(rows, begins, min(ends, max(now, begins)))
    for row in rows:
        _describe(row, told[row.pk], begins, ends)
    context = {
        "appliances": sorted(rows, key=_place),
        "refused": refused,
        "modes": list(MODES.items()),
        "day": day,
        "before": day - timedelta(days=1),
        "after": day + timedelta(days=1) if ends <= now else None,
        "is_today": begins <= now < ends,
        "grid": _grid(visit, begins, ends),
        "hours": range(0, 24, 6),
        "has_bus": bool(rows)
        or visit.scope.queryset(Bus).filter(gateway__site=visit.site).exists(),
    }
    return visit.page("operator/appliances.html", "appliances", context)


@site_page(Permission.VIEW)
def appliance(visit: Visit, name: str) -> HttpResponseBase:
    """When one was switched and why; a form for who may equip."""
    row = get_object_or_404(
        visit.scope.queryset(Appliance).select_related("bus__gateway", "site", "meter"),
        site=visit.site,
        ref=name,
    )
    log = visit.scope.queryset(Switch).filter(appliance=row)
    if visit.request.GET.get("format") == "csv":
        told = log.order_by("switched_at").values_list("switched_at", "is_on", "reason")
        rows = ([at.isoformat(), "on" if is_on else "off", why] for at, is_on, why in told)
        return csv_response(f"{visit.site.ref}-{row.ref}", ("at", "state", "reason"), rows)
    if visit.request.method == "POST" and not visit.may(Permission.EQUIP):
        raise PermissionDenied
    if visit.request.method == "POST" and visit.request.POST.get("action") == "remove":
        steering.remove(row, at=timezone.now(), actor=visit.by)
        messages.success(visit.request, _("It is steered no more."))
        return redirect("site-appliances", visit.site.ref)
    context: dict[str, Any] = {"appliance": row, "page": paged(visit.request, log)}
    for one in context["page"]:
        one.why = REASONS.get(one.reason, one.reason)
    if visit.may(Permission.EQUIP):
        saved = _edit(visit, row, context)
        if saved is not None:
            return saved
    row.mode_word = MODES[row.mode]  # type: ignore[attr-defined]
    return visit.page("operator/appliance.html", "appliances", context)


@site_page(Permission.EQUIP)
def new_appliance(visit: Visit) -> HttpResponseBase:
    """A form for a new one."""
    context: dict[str, Any] = {"appliance": None}
    saved = _edit(visit, None, context)
    if saved is not None:
        return saved
    return visit.page("operator/appliance.html", "appliances", context)


def _edit(visit: Visit, row: Appliance | None, context: dict[str, Any]) -> HttpResponseBase | None:
    """The form in ``context``, or where to go once it was saved."""
    posted = visit.request.POST
    is_posted = visit.request.method == "POST"
    buses = list(
        visit.scope.queryset(Bus).filter(gateway__site=visit.site).select_related("gateway")
    )
    switching = [one for one in buses if not BusKind(one.kind).is_mbus]
    form = ApplianceForm(visit.site, switching, posted if is_posted else None, appliance=row)
    # What is hidden is for one device: another on another bus is not sent it.
    is_same = row is None or not is_posted or str(row.bus_id) == posted.get("bus")
    stored = row.settings if row is not None and is_same else {}
    context |= {
        "form": form,
        "has_bus": bool(switching),
        "settable": [
            (one, typed_settings(one, posted, stored if row and row.driver == one.head.key else {}))
            for one in switching_families()
            if one.settings
        ],
    }
    if not is_posted or not form.is_valid():
        return None
    try:
        kept = stored if row and row.driver == posted.get("driver") else {}
        steering.save(form.appliances(_settings(posted, kept)), at=timezone.now(), actor=visit.by)
    except BadSetUp as problem:
        context["refused"] = str(problem)
        return None
    messages.success(visit.request, _("Saved. The gateway follows within a minute or two."))
    return redirect("site-appliances", visit.site.ref)


def _settings(posted: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """Those of the chosen driver; a hidden one that was left empty stays."""
    key = posted.get("driver", "")
    family = next((one for one in switching_families() if one.head.key == key), None)
    if family is None:
        return {}
    found = {}
    for setting, value in typed_settings(family, posted, {}):
        kept = stored.get(setting.name, "") if setting.kind == HIDDEN else ""
        if value or kept:
            found[setting.name] = value or kept
    return found


def _act(visit: Visit, rows: Sequence[Appliance]) -> str:
    """Does what was posted; what was refused."""
    if not visit.may(Permission.STEER):
        raise PermissionDenied
    posted = visit.request.POST
    row = next((one for one in rows if one.ref == posted.get("appliance", "")), None)
    if row is None:
        raise PermissionDenied
    now = timezone.now()
    try:
        if posted.get("action") == "mode":
            steering.choose(row, posted.get("mode", ""), at=now, actor=visit.by)
        elif posted.get("action") in ("on", "off"):
            steering.press(row, posted["action"] == "on", at=now, actor=visit.by)
        else:
            raise PermissionDenied
    except BadSetUp as problem:
        row.refresh_from_db()
        return str(problem)
    messages.success(visit.request, _("The gateway follows within a minute or two."))
    return ""


def _describe(row: Any, day: Day, begins: datetime, ends: datetime) -> None:
    row.day = day
    row.minutes = day.seconds // 60
    row.ran = _duration(row.minutes)
    row.energy_wh = None if row.meter_id else row.power_w * day.seconds // 3600
    row.picture = run_picture(day.runs, begins, ends)
    row.why = REASONS.get(day.last.reason, day.last.reason) if day.last else ""
    row.mode_word = MODES[row.mode]
    row.runs = len(day.runs)


def _duration(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return (
        f"{hours}\N{THIN SPACE}h {rest}\N{THIN SPACE}min" if hours else f"{rest}\N{THIN SPACE}min"
    )


def _place(row: Appliance) -> tuple[bool, int, int, str]:
    """As the controller serves them (docs/algorithms/surplus.md)."""
    return (row.priority is None, row.priority or 0, -row.power_w, row.ref)


def _day(visit: Visit) -> tuple[date, datetime, datetime]:
    """The local day of the URL, today where it names none, and its instants."""
    zone = timezone_of(visit.site.timezone)
    today = timezone.now().astimezone(zone).date()
    try:
        wanted = date.fromisoformat(visit.request.GET.get("day", ""))
    except ValueError:
        wanted = today
    day = min(max(wanted, today - timedelta(days=_MOST_DAYS_BACK)), today)
    return day, local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone)


def _grid(visit: Visit, begins: datetime, ends: datetime) -> Any:
    """The picture of the power at the grid entry; None where there is none to show."""
    entry = (
        visit.scope.queryset(Meter)
        .filter(site=visit.site, mode=Meter.Mode.GRID, is_enabled=True)
        .order_by("ref")
        .first()
    )
    if entry is None:
        return None
    device = entry.devices.filter(removed_at=None).first()
    factor = device.factor if device else Decimal(1)
    found = powers.read(visit.site.pk, [entry.pk], begins, ends)
    return grid_picture(found, -factor if entry.is_swapped else factor)
