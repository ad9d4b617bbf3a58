"""The energy of a resident's own place, over their own dates only."""

import dataclasses
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.utils import timezone
from django.utils.translation import gettext as _

from quartier.apps.billing.so_far import SoFar, cost_so_far
from quartier.apps.sharing.energy import SharedEnergy
from quartier.core.kernel.period import Dates, local_midnight, slot_at
from quartier.core.kernel.quality import Quality
from quartier.portals.resident.stays import Home, Resident
from quartier.portals.shared.charts import Chart, chart_of, span_in, with_ranges
from quartier.portals.shared.energy import days_at_once, energy_in, latest_day, point_series
from quartier.portals.shared.span import Span, parts_of, span_of


def latest(home: Home) -> date:
    """The last local day with values that is the resident's own."""
    day = latest_day(home.point.site)
    if home.dates.to_date is not None:
        day = min(day, home.dates.to_date - timedelta(days=1))
    return max(day, home.dates.from_date)


def own(energy: SharedEnergy, home: Home) -> np.ndarray:
    """bool [t]: the quarter-hours of the own stay."""
    slots = np.arange(energy.slots.start, energy.slots.stop)
    mask = slots >= slot_at(local_midnight(home.dates.from_date, home.tz))
    if home.dates.to_date is not None:
        mask &= slots < slot_at(local_midnight(home.dates.to_date, home.tz))
    return mask


def chart(
    resident: Resident, kind: str = "month", *, low: bool = False
) -> tuple[Chart, dict[str, Any]]:
    """The chart of the span in the URL, and the figures of it."""
    home = resident.home
    most_days = days_at_once(home.point.site)
    span = span_in(resident.request, home.tz, latest(home), kind, most_days)
    common = Dates(span.from_date, span.to_date).intersection(home.dates)
    if common is None:
        span = span_in_default(home, kind)
    energy, _findings = energy_in(home.point.site, span)
    mask = own(energy, home)
    series, quality = [], np.full(len(mask), Quality.MISSING, np.uint8)
    if home.point.pk in energy.points:
        series = [
            dataclasses.replace(one, energy_mwh=np.where(mask, one.energy_mwh, 0))
            for one in point_series(energy, home.point.pk)
        ]
        quality = np.where(mask, energy.quality[energy.row(home.point.pk)], Quality.MISSING)
    caption = _("Energy of %(name)s, %(span)s") % {"name": home.point.name, "span": span.title}
    made = chart_of(
        "energy",
        span,
        series,
        quality.astype(np.uint8),
        now=timezone.now(),
        caption=caption,
        low=low,
    )
    outside = [not bool(part) for part in _touches(mask, span)]
    made.data["missing"] = [
        lost and not out for lost, out in zip(made.data["missing"], outside, strict=True)
    ]
    made.has_gaps = any(made.data["missing"])
    for row, out in zip(made.rows, outside, strict=True):
        if out:
            row["quality"] = ""
    figures = {one.id: int(one.energy_mwh.sum()) // 1000 for one in series}
    figures["total"] = sum(figures.values())
    with_ranges(made, span, resident.request.GET, most_days=most_days)
    return made, figures


def _touches(mask: np.ndarray, span: Span) -> np.ndarray:
    edges = parts_of(span).edges
    return np.add.reduceat(mask.astype(np.int64), np.asarray(edges[:-1]) - edges[0]) > 0


def span_in_default(home: Home, kind: str) -> Span:
    """The span of the latest own values, where the URL names one outside of the stay."""
    return span_of(kind, latest(home), home.tz)


def so_far(home: Home) -> SoFar | None:
    """What the running, unbilled period costs up to the latest values; None where it cannot be
    said."""
    return cost_so_far(home.point, home.dates, latest(home) + timedelta(days=1))


def share(part: int, whole: int) -> Decimal | None:
    """``part`` of ``whole``; None without a whole."""
    return Decimal(part) / Decimal(whole) if whole else None
