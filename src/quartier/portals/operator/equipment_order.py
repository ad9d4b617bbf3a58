"""The order list: what is planned and not there yet, by maker and model, with counts."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Prefetch
from django.http import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.models import CommunicationDevice, Device, Gateway, Meter
from quartier.portals.operator.equipment_list import describe
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import csv_response
from quartier.portals.shared.spreadsheet import xlsx_response
from quartier.portals.shared.words import word_of


@dataclass
class Position:
    """``len(names)`` pieces of one model."""

    what: str
    model: str
    state: str
    names: list[str] = field(default_factory=list)


@site_page(Permission.EQUIP)
def order(visit: Visit) -> HttpResponseBase:
    """The list on a page that can be printed, or as CSV or XLSX."""
    positions = positions_of(visit)
    form = visit.request.GET.get("format")
    if form in ("csv", "xlsx"):
        head = (_("Pieces"), _("Kind"), _("Model"), _("State"), _("For"))
        rows = [
            (len(one.names), one.what, one.model, word_of(one.state), ", ".join(one.names))
            for one in positions
        ]
        answer = csv_response if form == "csv" else xlsx_response
        return answer(f"{visit.site.ref}-order", head, rows)
    context = {
        "positions": positions,
        "pieces": sum(len(one.names) for one in positions),
        "unknown": sum(len(one.names) for one in positions if not one.model),
        "today": timezone.now(),
    }
    return visit.page("operator/equipment_order.html", "equipment", context)


def positions_of(visit: Visit) -> list[Position]:
    """What is planned or ordered; meters without an installed device, gateways never paired."""
    found: dict[tuple[str, str, str], Position] = {}

    def add(what: str, model: str, state: str, name: str) -> None:
        key = (what, model, state)
        found.setdefault(key, Position(*key)).names.append(name)

    for row in _meters(visit):
        if row.state == "planned":
            what = _("Meter, %(medium)s") % {"medium": word_of(row.medium)}
            add(what, row.model, "planned", row.name)
    waiting = (CommunicationDevice.State.PLANNED, CommunicationDevice.State.ORDERED)
    devices = visit.scope.queryset(CommunicationDevice).filter(site=visit.site, state__in=waiting)
    for device in devices.order_by("ref"):
        model = f"{device.manufacturer} {device.model}".strip()
        add(word_of(device.kind), model, device.state, device.name)
    gateways = visit.scope.queryset(Gateway).filter(site=visit.site, paired_at=None)
    for gateway in gateways.order_by("name"):
        add(_("Gateway"), "quartier-gateway", "planned", gateway.name)
    order_of: dict[str, int] = defaultdict(int)
    for one in found.values():
        order_of[one.what] += len(one.names)
    return sorted(found.values(), key=lambda one: (-order_of[one.what], one.what, one.model))


def _meters(visit: Visit) -> list[Any]:
    rows: list[Any] = list(
        visit.scope.queryset(Meter)
        .filter(site=visit.site)
        .prefetch_related(Prefetch("devices", Device.objects.order_by("installed_at")))
        .order_by("ref")
    )
    describe(visit, rows)
    return rows
