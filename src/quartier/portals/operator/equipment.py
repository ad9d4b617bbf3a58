"""Meters: what they measure, for whom, and when they last spoke."""

from datetime import date, timedelta
from typing import Any

from django.db.models import Max
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.models import Medium, Meter
from quartier.apps.equipment.queries import meters_of
from quartier.apps.metering.models import IntervalBlock
from quartier.apps.sites.models import BillingPoint
from quartier.core.kernel.period import date_of_day_number
from quartier.portals.operator import equipment_list
from quartier.portals.operator.charts import meter_chart
from quartier.portals.operator.equipment_undo import offered
from quartier.portals.operator.intervals import LONGEST
from quartier.portals.operator.quality import stretch_url
from quartier.portals.shared.charts import chart_csv
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import csv_response
from quartier.portals.shared.spreadsheet import xlsx_response

SILENT_AFTER = timedelta(days=3)
_LOOK_BACK_DAYS = 400
COLORS = {"grid": "grid", "production": "solar", "battery": "battery", "consumption": ""}
ICONS = {"grid": "plug", "production": "sun", "battery": "battery", "consumption": "home"}
MEDIA = {
    Medium.HEAT: ("heat", "flame"),
    Medium.HOT_WATER: ("hot", "droplet"),
    Medium.COLD_WATER: ("cold", "droplet"),
}


def _latest_days(site_id: int, register_ids: list[int]) -> dict[int, date]:
    """The UTC date of the newest stored block of each register: one query."""
    rows = (
        IntervalBlock.objects.filter(site_id=site_id, register_id__in=register_ids)
        .order_by()
        .values("register_id")
        .annotate(last=Max("day"))
    )
    return {row["register_id"]: date_of_day_number(row["last"]) for row in rows}


def rows_of(visit: Visit) -> list[Any]:
    """The site's meters with what the list shows."""
    meters: list[Any] = list(meters_of(visit.site, enabled_only=False))
    registers = [register.pk for meter in meters for register in meter.registers.all()]
    latest = _latest_days(visit.site.pk, registers)
    names = dict(BillingPoint.objects.filter(site=visit.site).values_list("pk", "name"))
    today = timezone.now().date()
    newest = max(latest.values(), default=today)
    for meter in meters:
        own = [latest[r.pk] for r in meter.registers.all() if r.pk in latest]
        meter.latest = max(own, default=None)
        meter.is_silent = (
            meter.is_enabled and meter.latest is not None and newest - meter.latest > SILENT_AFTER
        )
        devices = [one for one in meter.devices.all() if one.removed_at is None]
        meter.serial = devices[0].serial if devices else ""
        chain = [one for one in meter.assignments.all() if one.starts_date <= today]
        meter.point = names.get(chain[-1].billing_point_id, "") if chain else ""
        other = MEDIA.get(Medium(meter.medium))
        meter.color, meter.icon = other or (COLORS[meter.mode], ICONS[meter.mode])
        meter.what = meter.medium if other else meter.mode
    return meters


@site_page(Permission.VIEW)
def equipment(visit: Visit) -> HttpResponseBase:
    """Everything on the site: meters, communication, plants, batteries, zones."""
    meters = rows_of(visit)
    equipment_list.describe(visit, meters)
    items = equipment_list.items_of(visit, meters)
    choices = equipment_list.choices_of(items)
    query = visit.request.GET.get("q", "").strip()
    kind = visit.request.GET.get("kind", "")
    shown = [
        one
        for one in items
        if (not query or one.has(query)) and (not kind or kind in (one.kind, one.group))
    ]
    form = visit.request.GET.get("format")
    if form in ("csv", "xlsx"):
        answer = csv_response if form == "csv" else xlsx_response
        rows = [one.cells() for one in shown]
        return answer(f"{visit.site.ref}-equipment", equipment_list.head(), rows)
    refs = {one.ref for one in shown if one.group == "meters"}
    context = {
        "total": len(items),
        "shown": len(shown),
        "meter_count": len(meters),
        "meters": [one for one in meters if one.ref in refs],
        "groups": [
            (group, [one for one in shown if one.group == group])
            for group in equipment_list.GROUPS[1:]
        ],
        "choices": choices,
        "kind": kind,
        "query": query,
        "silent": sum(1 for one in meters if one.is_silent),
        "planned": sum(1 for one in meters if one.state == "planned"),
        "undo": offered(visit) if visit.may(Permission.EQUIP) else None,
    }
    return visit.page("operator/equipment.html", "equipment", context)


@site_page(Permission.VIEW)
def meter(visit: Visit, meter_ref: str) -> HttpResponseBase:
    """One meter with its curve."""
    row = get_object_or_404(visit.scope.queryset(Meter), site=visit.site, ref=meter_ref)
    span, chart = meter_chart(visit, row)
    if visit.request.GET.get("format") == "csv":
        last = span.to_date - timedelta(days=1)
        return chart_csv(f"{visit.site.ref}-{row.ref}-{span.from_date}-{last}", chart)
    registers = list(row.registers.order_by("direction", "part"))
    slots = span.slots[:LONGEST]
    context = {
        "meter": row,
        "chart": chart,
        "registers": [
            (one, stretch_url(visit.site.ref, one.pk, slots.start, slots.stop)) for one in registers
        ],
        "devices": row.devices.order_by("-installed_at"),
        "assignments": row.assignments.select_related("billing_point").order_by("-starts_date"),
    }
    return visit.page("operator/meter.html", "equipment", context)
