"""The charts of a site, a billing point and a meter."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from quartier.apps.equipment.models import Meter
from quartier.apps.metering.queries import meter_intervals
from quartier.apps.sharing.energy import SharedEnergy
from quartier.apps.sites.models import BillingPoint
from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import local_midnight, slot_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH
from quartier.portals.shared import formats
from quartier.portals.shared.charts import Chart, Series, chart_of, span_in, with_ranges
from quartier.portals.shared.energy import (
    days_at_once,
    energy_in,
    latest_day,
    point_series,
    site_series,
)
from quartier.portals.shared.gate import Visit
from quartier.portals.shared.span import Span
from quartier.portals.shared.units import unit_of
from quartier.portals.shared.words import word_of


def energy_of(
    visit: Visit, point: BillingPoint | None = None, kind: str = "month"
) -> tuple[Span, SharedEnergy, Chart, tuple[Finding, ...]]:
    """The span in the URL, its shared energy, its chart and what is wrong with the data."""
    site = visit.site
    most_days = days_at_once(site)
    span = span_in(visit.request, ZoneInfo(site.timezone), latest_day(site), kind, most_days)
    energy, findings = energy_in(site, span)
    path = "" if point is None else visit.request.path
    chart = shared_chart(span, energy, point, timezone.now())
    with_ranges(chart, span, visit.request.GET, path, most_days)
    return span, energy, chart, findings


def shared_chart(
    span: Span,
    energy: SharedEnergy,
    point: BillingPoint | None,
    now: datetime,
    *,
    low: bool = False,
) -> Chart:
    """The chart of a site, or of one of its billing points."""
    if point is not None and point.pk in energy.points:
        series, quality = point_series(energy, point.pk), energy.quality[energy.row(point.pk)]
        caption = _("Energy of %(name)s, %(span)s") % {"name": point.name, "span": span.title}
    else:
        series, quality = site_series(energy), energy.site_quality
        caption = _("Energy of the site, %(span)s") % {"span": span.title}
    return chart_of("energy", span, series, quality, now=now, caption=caption, low=low)


def point_chart(visit: Visit, point: BillingPoint) -> tuple[Span, Chart]:
    """The span in the URL and the chart of one billing point with its range picker."""
    span, _shared, chart, _findings = energy_of(visit, point)
    return span, chart


def meter_chart(visit: Visit, meter: Meter) -> tuple[Span, Chart]:
    """The span in the URL and what a meter counted in it, import upwards and export downwards."""
    site = visit.site
    span = span_in(visit.request, ZoneInfo(site.timezone), latest_day(site), "month")
    slots = span.slots
    energy = meter_intervals(site, [meter], slots.start, slots.stop)
    colors = {"grid": "grid", "production": "solar", "battery": "battery"}
    color = colors.get(meter.mode, "grid")
    rows = []
    for name, values, side in (
        ("import", energy.import_of(meter), "up"),
        ("export", energy.export_of(meter), "down"),
    ):
        known = np.where(values == MISSING_WH, 0, values) * 1000
        if known.any() or side == "up":
            title = word_of(name)
            rows.append(Series(name, title, color, known, side))
    if meter.mode == Meter.Mode.PRODUCTION and len(rows) == 2:
        # A plant's production is what its meter exports: the hero of its chart goes upwards.
        rows = [
            Series("export", _("Production"), "solar", rows[1].energy_mwh),
            Series("import", _("Own use"), "grid", rows[0].energy_mwh, "down"),
        ]
    quality = energy.quality_of(meter)
    caption = _("Energy of %(name)s, %(span)s") % {"name": meter.name, "span": span.title}
    counted = meter.registers.select_related("meter").first()
    unit = "kWh" if counted is None else unit_of(counted)
    chart = chart_of("energy", span, rows, quality, now=timezone.now(), caption=caption, unit=unit)
    return span, with_ranges(chart, span, visit.request.GET)


def tiles_of(energy: SharedEnergy) -> Sequence[dict[str, Any]]:
    """The figures of a span: production, self-consumption, self-sufficiency, grid."""
    language = get_language() or "de"

    def kwh(mwh: int) -> str:
        return formats.number(Decimal(mwh).scaleb(-6), 1, language)

    def part(of: int, whole: int) -> str:
        if not whole:
            return formats.NOTHING
        return formats.number(Decimal(of) * 100 / Decimal(whole), 0, language)

    production, consumption = int(energy.production_mwh.sum()), int(energy.consumption_mwh.sum())
    solar = int(energy.solar_mwh.sum())
    bought = consumption - solar
    exported = energy.surplus_mwh if energy.grid_out_mwh is None else energy.grid_out_mwh
    tiles = [
        {
            "name": _("Consumption"),
            "value": kwh(consumption),
            "unit": "kWh",
            "icon": "plug",
            "meaning": "",
            "hint": _("of which %(kwh)s kWh from the grid") % {"kwh": kwh(bought)},
        }
    ]
    if energy.plants:
        tiles = [
            {
                "name": _("Solar production"),
                "value": kwh(production),
                "unit": "kWh",
                "icon": "sun",
                "meaning": "solar",
                "hint": _("%(kwh)s kWh fed in") % {"kwh": kwh(int(exported.sum()))},
            },
            {
                "name": _("Self-consumption"),
                "value": part(solar, production),
                "unit": "%",
                "icon": "home",
                "meaning": "",
                "hint": _("of the production was used here"),
            },
            {
                "name": _("Self-sufficiency"),
                "value": part(solar, consumption),
                "unit": "%",
                "icon": "sun",
                "meaning": "solar",
                "hint": _("of the consumption came from the roof"),
            },
            *tiles,
        ]
    today = timezone.now().astimezone(ZoneInfo(energy.timezone)).date()
    due = slot_at(local_midnight(today, ZoneInfo(energy.timezone)))
    past = np.arange(energy.slots.start, energy.slots.stop) < due
    missing = int(((energy.site_quality == Quality.MISSING) & past).sum())
    if missing:
        tiles[-1]["hint"] += " · " + _("%(n)s quarter-hours without data") % {"n": missing}
    return tiles
