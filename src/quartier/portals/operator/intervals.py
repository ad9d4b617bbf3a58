"""A stretch of quarter-hours of one register: its values and its history."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.metering.by_hand import instant_of
from quartier.apps.metering.operations import BadEdit
from quartier.core.kernel.period import on_grid, slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Intervals
from quartier.portals.operator.interval_history import history_of
from quartier.portals.operator.quality import stamp, stretch_url, until
from quartier.portals.shared import formats
from quartier.portals.shared.charts import Chart, Series, chart_of
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.span import custom, span_of
from quartier.portals.shared.units import unit_of
from quartier.portals.shared.words import quality_word, word_of

LONGEST = 366 * 100
_SHOWN = 96
_AROUND = timedelta(hours=4)
END_AT = datetime(2201, 1, 1, tzinfo=UTC)


def register_of(visit: Visit, pk: int) -> Register:
    """The register of this site; 404 for another."""
    rows = visit.scope.queryset(Register).select_related("meter")
    return get_object_or_404(rows, site=visit.site, pk=pk)


def slots_in(visit: Visit) -> range:
    """The stretch that the address names; 404 where it names none."""
    tz = ZoneInfo(visit.site.timezone)
    try:
        start = instant_of(visit.request.GET.get("start", "")[:40], tz)
        end = instant_of(visit.request.GET.get("end", "")[:40], tz)
    except BadEdit as problem:
        raise Http404(str(problem)) from None
    if not (on_grid(start) and on_grid(end) and start.year >= 1970 and start < end < END_AT):
        raise Http404("no quarter-hours")
    slots = range(slot_at(start), slot_at(end))
    if len(slots) > LONGEST:
        raise Http404("more than a year")
    return slots


def frame(visit: Visit, register: Register, slots: range) -> dict[str, Any]:
    """What each page of a stretch says at its head."""
    name = visit.site.timezone
    return {
        "register": register,
        "meter": register.meter,
        "unit": unit_of(register),
        "from": formats.moment(slot_starts_at(slots.start), name),
        "until": until(slots.stop, name),
        "length": len(slots),
        "here": stretch_url(
            visit.site.ref, register.pk, slots.start, min(slots.stop, slots.start + LONGEST)
        ),
        "query": urlencode({"start": stamp(slots.start), "end": stamp(slots.stop)}),
    }


def chart_around(
    visit: Visit, register: Register, slots: range, after: Intervals | None = None
) -> Chart:
    """The days of ``slots`` with their neighbors; ``after`` takes the place of what is stored."""
    tz = ZoneInfo(visit.site.timezone)
    first = (slot_starts_at(slots.start) - _AROUND).astimezone(tz).date()
    last = (slot_starts_at(slots.stop) + _AROUND).astimezone(tz).date()
    if first == last:
        span = span_of("day", first, tz)
    else:
        span = custom(first, last + timedelta(days=1), tz)
    read = store.read(visit.site.pk, [register.pk], span.slots.start, span.slots.stop)
    energy_wh, quality = read.energy_wh[0].copy(), read.quality[0].copy()
    if after is not None:
        at = slice(slots.start - span.slots.start, slots.stop - span.slots.start)
        energy_wh[at], quality[at] = after.energy_wh[0], after.quality[0]
    color = {"production": "solar", "battery": "battery"}.get(register.meter.mode, "grid")
    known = np.where(quality == Quality.MISSING, 0, energy_wh) * 1000
    series = [Series("value", word_of(register.direction), color, known)]
    caption = _("Energy of %(name)s, %(span)s") % {"name": register.meter.name, "span": span.title}
    return chart_of(
        "value",
        span,
        series,
        quality,
        now=timezone.now(),
        caption=caption,
        unit=unit_of(register),
        low=True,
    )


@site_page(Permission.VIEW)
def intervals(visit: Visit, pk: int) -> HttpResponseBase:
    """The values of a stretch, what can be done, and what was done."""
    register, slots = register_of(visit, pk), slots_in(visit)
    shown = range(slots.start, min(slots.stop, slots.start + _SHOWN))
    read = store.read(visit.site.pk, [register.pk], slots.start, slots.stop)
    name = visit.site.timezone
    past = max(slot_at(timezone.now()) - slots.start, 0)
    values = [
        {
            "from": formats.moment(slot_starts_at(slot), name),
            "wh": None if not code else int(wh),
            "quality": quality_word(int(code)),
            "link": stretch_url(visit.site.ref, register.pk, slot, slot + 1),
        }
        for slot, wh, code in zip(shown, read.energy_wh[0], read.quality[0], strict=False)
    ]
    history = history_of(visit, register, slots)
    context = {
        **frame(visit, register, slots),
        "chart": chart_around(visit, register, slots),
        "values": values,
        "more": max(0, len(slots) - _SHOWN),
        "gaps": int((read.quality[0, :past] == Quality.MISSING).sum()),
        "known_wh": int(read.energy_wh[read.quality != 0].sum()) if read.quality.any() else None,
        "history": history,
        "older": history.paginator.count - history.end_index(),
    }
    return visit.page("operator/intervals.html", "quality", context)
