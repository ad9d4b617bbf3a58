"""The shared energy of a site as series of a chart, over a span."""

import dataclasses
from datetime import date, timedelta
from typing import Any

import numpy as np
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from quartier.apps.equipment.models import Meter
from quartier.apps.metering.models import IntervalBlock
from quartier.apps.sharing.energy import SharedEnergy, shared_energy
from quartier.apps.sites.models import BillingPoint, Site
from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY, Dates, date_of_day_number
from quartier.portals.shared.charts import Series
from quartier.portals.shared.span import LONGEST_DAYS, Span

MOST_VALUES = 12_000_000
"""Quarter-hours times billing points of one page: at some 50 bytes each (measured, see
``tests/portals/test_range.py``) 600 MB, a year of 340 billing points."""
_MONTH_DAYS = 31


def days_at_once(site: Site) -> int:
    """The most days whose quarter-hours of all billing points are held in memory together, at
    least a month; two queries."""
    points = BillingPoint.objects.filter(site=site).count()
    meters = Meter.objects.filter(site=site, is_enabled=True).count()
    a_day = max(points, meters, 1) * SLOTS_PER_UTC_DAY
    return min(LONGEST_DAYS, max(_MONTH_DAYS, MOST_VALUES // a_day))


def energy_in(site: Site, span: Span) -> tuple[SharedEnergy, tuple[Finding, ...]]:
    """The shared energy over ``span``; days after today are there and empty, and nothing is
    found missing in them, nor in the day that is not over."""
    today = timezone.now().astimezone(span.tz).date()
    end = min(span.to_date, today + timedelta(days=1))
    if end <= span.from_date:
        energy, _none = shared_energy(site, Dates(span.from_date, span.to_date))
        return energy, ()
    energy, findings = shared_energy(site, Dates(span.from_date, end), due_before=today)
    more = len(span.slots) - len(energy.slots)
    if not more:
        return energy, findings
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(energy):
        value = getattr(energy, field.name)
        if isinstance(value, np.ndarray) and value.shape[-1:] == (len(energy.slots),):
            if field.name == "has_meter":
                continue
            changes[field.name] = np.pad(value, [(0, 0)] * (value.ndim - 1) + [(0, more)])
    return dataclasses.replace(energy, **changes), findings


def latest_day(site: Site) -> date:
    """The last local day with a stored value; yesterday where there is none."""
    last = IntervalBlock.objects.filter(site_id=site.pk).aggregate(last=Max("day"))["last"]
    if last is None:
        return timezone.now().date() - timedelta(days=1)
    return date_of_day_number(last)


def site_series(energy: SharedEnergy) -> list[Series]:
    """What was used by origin upwards; stored and fed in downwards."""
    solar, used = energy.solar_mwh.sum(axis=0), energy.used_mwh.sum(axis=0)
    consumption = energy.consumption_mwh.sum(axis=0)
    surplus = energy.surplus_mwh.sum(axis=0)
    has_battery = energy.charge_mwh is not None
    direct = np.minimum(used, solar) if has_battery else solar
    rows = []
    if energy.plants:
        rows.append(Series("solar", _("Solar, used here"), "solar", direct))
    if has_battery:
        rows.append(Series("battery", _("From the battery"), "battery", solar - direct))
    rows.append(Series("grid", _("Bought from the grid"), "grid", consumption - solar))
    if energy.charge_mwh is not None:
        rows.append(Series("charge", _("Into the battery"), "battery", energy.charge_mwh, "down"))
    if energy.plants:
        out = surplus if energy.grid_out_mwh is None else energy.grid_out_mwh
        rows.append(Series("exported", _("Solar, fed in"), "solar", out, "down"))
    return rows


def point_series(energy: SharedEnergy, point_id: int) -> list[Series]:
    """What a billing point used, by origin."""
    row = energy.row(point_id)
    solar, all_of_it = energy.solar_mwh[row], energy.consumption_mwh[row]
    grid = Series("grid", _("Bought from the grid"), "grid", all_of_it - solar)
    if not energy.plants:
        return [grid]
    return [Series("solar", _("Solar"), "solar", solar), grid]
