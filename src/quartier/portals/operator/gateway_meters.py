"""Several meters at once are put on a bus: by which driver, and each at its address."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.gateways import MBUS, BadSetUp, How, Wanted, connect, drivers
from quartier.apps.equipment.models import Bus, Gateway, Meter
from quartier.drivers.catalog import Family
from quartier.drivers.settings import Setting
from quartier.formats.uplink.configuration import Plan
from quartier.portals.shared.gate import Visit, site_page

_MOST_ADDRESS = 16
_MOST_SETTING = 100


@site_page(Permission.EQUIP)
def gateway_meters(visit: Visit, name: str) -> HttpResponseBase:
    """The meters of the site, each with an address to type; those with one are connected."""
    gateway = get_object_or_404(
        visit.scope.queryset(Gateway).select_related("site"), site=visit.site, name=name
    )
    buses = list(visit.scope.queryset(Bus).filter(gateway=gateway).order_by("name"))
    meters: list[Any] = list(
        visit.scope.queryset(Meter)
        .filter(site=visit.site, is_enabled=True)
        .exclude(source=Meter.Source.VIRTUAL)
        .select_related("connection__bus__gateway")
        .order_by("ref")
    )
    posted = visit.request.POST
    for row in meters:
        row.typed = posted.get(f"address-{row.ref}", "").strip()[:_MOST_ADDRESS]
    refused = ""
    if visit.request.method == "POST":
        try:
            count = _connect(visit, gateway, buses, meters)
        except BadSetUp as problem:
            refused = str(problem)
        else:
            messages.success(
                visit.request, _("%(count)s meters are read from now on.") % {"count": count}
            )
            return redirect("site-gateway", visit.site.ref, name)
    readable = [one for one in drivers() if one.is_meter]
    context = {
        "gateway": gateway,
        "buses": buses,
        "meters": meters,
        "families": [one for one in readable if one.head.key != MBUS],
        "mbus": MBUS,
        "settable": [(one, _typed(one, posted)) for one in readable if one.settings],
        "plans": [Plan.QUARTER_HOUR.value, Plan.DAY.value],
        "chosen": posted,
        "refused": refused,
    }
    return visit.page("operator/gateway_meters.html", "equipment", context)


def _connect(visit: Visit, gateway: Gateway, buses: list[Bus], meters: list[Any]) -> int:
    """Connects those with an address, as the form says; how many that are."""
    posted = visit.request.POST
    bus = next((one for one in buses if one.name == posted.get("bus", "")), None)
    if bus is None:
        raise BadSetUp("choose a bus of the gateway")
    bus.gateway = gateway
    wanted = [Wanted(row, row.typed.upper()) for row in meters if row.typed]
    driver, _slash, model = posted.get("driver", "").partition("/")
    family = next((one for one in drivers() if one.head.key == driver), None)
    typed = _typed(family, posted) if family else []
    settings = {setting.name: value for setting, value in typed if value}
    how = How(driver, model, posted.get("plan", ""), settings)
    connect(bus, wanted, how, at=timezone.now(), actor=visit.by)
    return len(wanted)


def _typed(family: Family, posted: Mapping[str, str]) -> list[tuple[Setting, str]]:
    """Each setting of ``family`` with what was typed for it."""
    return [
        (one, posted.get(f"{family.head.key}-{one.name}", "").strip()[:_MOST_SETTING])
        for one in family.settings
    ]
