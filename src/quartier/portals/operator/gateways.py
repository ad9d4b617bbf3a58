"""Gateways of a site: what they say of themselves, their code for pairing, their buses."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

import segno
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Min, Q
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment import gateways as operations
from quartier.apps.equipment.gateways import BadSetUp
from quartier.apps.equipment.models import (
    Bus,
    Connection,
    Gateway,
    GatewayFinding,
    GatewayPackage,
    Meter,
    Register,
)
from quartier.apps.equipment.pairing import draw_code, unpair
from quartier.apps.equipment.publishing import DRIVER
from quartier.apps.equipment.reports import forget_findings
from quartier.apps.metering.comparing import NotTheSame, compare_with_display, not_compared
from quartier.apps.metering.models import Unplaced
from quartier.formats.uplink.configuration import PARITIES, BusKind
from quartier.portals.shared.gate import Visit, site_page

SILENT_AFTER_S = 3600
_PARITIES = list(
    zip(PARITIES, [gettext_lazy("none"), gettext_lazy("even"), gettext_lazy("odd")], strict=True)
)
KINDS = {
    BusKind.MODBUS_TCP: "Modbus TCP",
    BusKind.MODBUS_RTU: "Modbus RTU",
    BusKind.MODBUS_RTU_TCP: "Modbus RTU over TCP",
    BusKind.MBUS_SERIAL: "M-Bus",
    BusKind.MBUS_TCP: "M-Bus over TCP",
    BusKind.SHELLY: "Shelly",
}
USUAL_PORTS = {BusKind.MODBUS_TCP: 502, BusKind.MODBUS_RTU_TCP: 502, BusKind.SHELLY: 80}
"""Where the devices of a kind listen unless somebody set another port; M-Bus has no usual one."""
_MOST_SHOWN = 100


class BusForm(forms.Form):
    """A new bus: an address in the network, or a port of the gateway."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=63, initial="rs485-1")
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[(one.value, text) for one, text in KINDS.items()],
        initial=BusKind.MODBUS_TCP.value,
    )
    host = forms.CharField(
        label=gettext_lazy("Network address (over TCP)"), max_length=253, required=False
    )
    port = forms.IntegerField(
        label=gettext_lazy("TCP port"),
        help_text=gettext_lazy("Empty: the usual one"),
        min_value=1,
        max_value=65535,
        required=False,
    )
    device = forms.CharField(
        label=gettext_lazy("Serial port (otherwise)"), max_length=120, required=False
    )
    baud = forms.IntegerField(
        label=gettext_lazy("Baud"), min_value=300, max_value=921600, initial=9600, required=False
    )
    parity = forms.ChoiceField(label=gettext_lazy("Parity"), choices=_PARITIES, required=False)
    stop_bits = forms.IntegerField(
        label=gettext_lazy("Stop bits"), min_value=1, max_value=2, initial=1, required=False
    )

    def parameters(self) -> dict[str, str | int]:
        """Those that the kind uses."""
        kind = BusKind(self.cleaned_data["kind"])
        names = ("device", "baud", "parity", "stop_bits") if kind.is_serial else ("host", "port")
        usual = {"port": USUAL_PORTS.get(kind, "")}
        return {name: self.cleaned_data[name] or usual.get(name, "") for name in names}


def pair_page(request: HttpRequest) -> HttpResponse:
    """Where the QR code leads whoever scans it with a telephone. The code stands behind the #, so
    the server never sees it."""
    return render(request, "operator/pair.html")


@site_page(Permission.EQUIP)
def gateways(visit: Visit) -> HttpResponseBase:
    """The gateways of the site with what is waiting; a form for a new one."""
    refused, name = "", visit.request.POST.get("name", "").strip()[:63]
    if visit.request.method == "POST":
        try:
            operations.add_gateway(visit.site, name, at=timezone.now(), actor=visit.by)
        except BadSetUp as problem:
            refused = str(problem)
        else:
            return redirect("site-gateway", visit.site.ref, name)
    rows: list[Any] = list(
        visit.scope.queryset(Gateway)
        .filter(site=visit.site)
        .annotate(count=Count("findings", distinct=True), lost=Count("unplaced", distinct=True))
        .order_by("name")
    )
    for row in rows:
        _describe(row)
    context = {"gateways": rows, "refused": refused, "name": name}
    return visit.page("operator/gateways.html", "equipment", context)


@site_page(Permission.EQUIP)
def gateway(visit: Visit, name: str) -> HttpResponseBase:
    """One gateway: pairing, buses and meters, what is wrong, comparing with the display."""
    row = get_object_or_404(
        visit.scope.queryset(Gateway).select_related("site"), site=visit.site, name=name
    )
    more: dict[str, Any] = {"form": BusForm()}
    if visit.request.method == "POST":
        act = _ACTS.get(visit.request.POST.get("action", ""))
        if act is None:
            raise PermissionDenied
        try:
            shown = act(visit, row)
        except (BadSetUp, NotTheSame) as problem:
            more["refused"] = str(problem)
        else:
            if shown is None:
                return redirect("site-gateway", visit.site.ref, name)
            more |= shown
    return visit.page("operator/gateway.html", "equipment", {**_about(visit, row), **more})


def _about(visit: Visit, row: Gateway) -> dict[str, Any]:
    _describe(row)
    connections = list(
        visit.scope.queryset(Connection)
        .filter(bus__gateway=row)
        .select_related("meter", "bus")
        .order_by("bus__name", "meter__ref")
    )
    for one in connections:
        one.is_unverified = operations.is_unverified(  # type: ignore[attr-defined]
            one.driver, one.settings
        )
    meters = [one.meter_id for one in connections]
    waits = {one.pk for one in not_compared(visit.site, timezone.now())}
    registers: list[Any] = list(
        visit.scope.queryset(Register)
        .filter(Q(meter__in=meters) | _published(row))
        .select_related("meter")
        .order_by("meter__ref", "direction", "part")
    )
    for register in registers:
        register.waits = register.pk in waits
    buses: list[Any] = list(
        visit.scope.queryset(Bus)
        .filter(gateway=row)
        .annotate(count=Count("connections"))
        .order_by("name")
    )
    for bus in buses:
        bus.kind_name = KINDS[BusKind(bus.kind)]
        place = bus.parameters
        bus.place = place.get("device") or f"{place.get('host')}:{place.get('port')}"
    return {
        "gateway": row,
        "buses": buses,
        "connections": connections,
        "registers": registers,
        "waits": len(waits),
        "wanted": GatewayPackage.objects.filter(renewals__gateway=row)
        .values_list("version", flat=True)
        .first(),
        "findings": visit.scope.queryset(GatewayFinding).filter(gateway=row)[:_MOST_SHOWN],
        "unplaced": visit.scope.queryset(Unplaced)
        .filter(gateway=row)
        .annotate(
            count=Count("values"), first=Min("values__measured_at"), last=Max("values__measured_at")
        )
        .order_by("meter", "obis")[:_MOST_SHOWN],
    }


def _published(row: Gateway) -> Q:
    """Registers of the meters whose readings the gateway publishes itself."""
    return Q(
        meter__site=row.site_id,
        meter__connection__driver__startswith=DRIVER,
        meter__connection__settings__gateway=row.name,
    )


def _describe(row: Any) -> None:
    row.is_silent = (
        row.seen_at is not None and (timezone.now() - row.seen_at).total_seconds() > SILENT_AFTER_S
    )
    row.clock_s = None if row.clock_ahead_ms is None else Decimal(row.clock_ahead_ms) / 1000


def _code(visit: Visit, row: Gateway) -> dict[str, Any]:
    code = draw_code(row, at=timezone.now(), actor=visit.by)
    picture = segno.make(f"{settings.PUBLIC_URL}/pair#{code}", error="m")
    return {"code": code, "picture": picture.svg_data_uri(scale=5, dark="#000", light="#fff")}


def _unpair(visit: Visit, row: Gateway) -> None:
    unpair(row, at=timezone.now(), actor=visit.by)
    messages.success(visit.request, _("Its key is void."))


def _add_bus(visit: Visit, row: Gateway) -> dict[str, Any] | None:
    form = BusForm(visit.request.POST)
    if not form.is_valid():
        return {"form": form}
    name, kind = form.cleaned_data["name"], form.cleaned_data["kind"]
    operations.add_bus(row, name, kind, form.parameters(), at=timezone.now(), actor=visit.by)
    messages.success(visit.request, _("Added."))
    return None


def _remove_bus(visit: Visit, row: Gateway) -> None:
    name = visit.request.POST.get("bus", "")
    bus = get_object_or_404(Bus.objects.select_related("gateway__site"), gateway=row, name=name)
    operations.remove_bus(bus, at=timezone.now(), actor=visit.by)


def _disconnect(visit: Visit, row: Gateway) -> None:
    ref = visit.request.POST.get("meter", "")
    meter = get_object_or_404(Meter, site=visit.site, ref=ref, connection__bus__gateway=row)
    operations.disconnect([meter], at=timezone.now(), actor=visit.by)


def _compare(visit: Visit, row: Gateway) -> None:
    rows = visit.scope.queryset(Register).filter(
        Q(meter__connection__bus__gateway=row) | _published(row)
    )
    key = visit.request.POST.get("register", "")[:18]
    register = get_object_or_404(
        rows.select_related("meter", "site"), pk=int(key) if key.isdecimal() else 0
    )
    text = visit.request.POST.get("shown", "").strip()[:20].replace("'", "").replace("’", "")
    try:
        shown = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise NotTheSame("type the number on the display, with three decimals at most") from None
    compare_with_display(register, shown, at=timezone.now(), actor=visit.by)
    messages.success(visit.request, _("The display confirms what is read."))


def _forget(visit: Visit, row: Gateway) -> None:
    forget_findings(row)
    messages.success(visit.request, _("What is still wrong comes back."))


_ACTS: dict[str, Callable[[Visit, Gateway], dict[str, Any] | None]] = {
    "code": _code,
    "unpair": _unpair,
    "add-bus": _add_bus,
    "remove-bus": _remove_bus,
    "disconnect": _disconnect,
    "compare": _compare,
    "forget": _forget,
}
