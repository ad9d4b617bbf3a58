"""Two drawings on one scale of a day: what flowed at the grid entry, and when an appliance ran."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from quartier.apps.equipment.running import Run
from quartier.apps.metering.powers import MISSING_W
from quartier.core.kernel.obis import Obis
from quartier.core.metering.momentary import power_of

WIDTH, BAR, CURVE = 1440, 20, 120
_STEP_MIN = 5


@dataclass(frozen=True, slots=True)
class GridPicture:
    """The drawing, and the highest powers fed in and drawn."""

    svg: SafeString
    most_fed_in_kw: Decimal
    most_drawn_kw: Decimal


def run_picture(runs: Iterable[Run], begins: datetime, ends: datetime) -> SafeString:
    """A bar of the day with a stretch for each run; by the sun in its color."""
    seconds = (ends - begins).total_seconds()
    stretches = []
    for run in runs:
        left = (run.from_at - begins).total_seconds() / seconds * WIDTH
        width = (run.to_at - run.from_at).total_seconds() / seconds * WIDTH
        kind = "sun" if run.reason == "surplus" else "other"
        stretches.append((kind, f"{left:.1f}", f"{max(width, 2):.1f}", str(BAR)))
    return format_html(
        '<svg class="dayline" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="ground" width="{}" height="{}"/>{}</svg>',
        WIDTH,
        BAR,
        WIDTH,
        BAR,
        format_html_join("", '<rect class="{}" x="{}" width="{}" height="{}"/>', stretches),
    )


def grid_picture(columns: Mapping[tuple[int, str], Any], factor: Decimal) -> GridPicture | None:
    """``columns`` are powers a minute by meter and OBIS code, as :func:`powers.read` gives them,
    before ``factor``. Shown is the mean of five minutes, fed in above the line and drawn below it;
    None where nothing was read."""
    grid_w = _net(columns, factor)
    if grid_w is None:
        return None
    steps = -(-len(grid_w) // _STEP_MIN)
    padded = np.full(steps * _STEP_MIN, np.nan)
    padded[: len(grid_w)] = grid_w
    rows = padded.reshape(steps, _STEP_MIN)
    counts = (~np.isnan(rows)).sum(axis=1)
    means = np.divide(np.nansum(rows, axis=1), counts, out=np.zeros(steps), where=counts > 0)
    fed, drawn = np.maximum(-means, 0), np.maximum(means, 0)
    scale = CURVE / max(float(fed.max() + drawn.max()), 1.0)
    middle = fed.max() * scale
    width = WIDTH / steps
    bars = []
    for kind, values in (("fed", fed), ("drawn", drawn)):
        for at, value in enumerate(values):
            height = value * scale
            if height < 0.05:
                continue
            top = middle - height if kind == "fed" else middle
            bars.append((kind, f"{at * width:.1f}", f"{top:.1f}", f"{width:.1f}", f"{height:.1f}"))
    svg = format_html(
        '<svg class="dayline curve" viewBox="0 0 {} {}" preserveAspectRatio="none" '
        'aria-hidden="true">{}<line x1="0" x2="{}" y1="{}" y2="{}"/></svg>',
        WIDTH,
        CURVE,
        format_html_join("", '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>', bars),
        WIDTH,
        f"{middle:.1f}",
        f"{middle:.1f}",
    )
    return GridPicture(svg, _kw(fed.max()), _kw(drawn.max()))


def _kw(power_w: Any) -> Decimal:
    return Decimal(round(float(power_w))).scaleb(-3)


def _net(columns: Mapping[tuple[int, str], Any], factor: Decimal) -> Any:
    """W a minute, drawn when positive; NaN where nothing was read. None where nothing was at all.

    What a code counts for, :func:`power_of` says of one watt."""
    net = None
    codes = {Obis.parse(code) for _meter, code in columns}
    for (_meter, code), values in columns.items():
        obis = Obis.parse(code)
        if obis.quantity != 16 and any(one.quantity == 16 for one in codes):
            continue
        sign = power_of({obis: Decimal(1)}, factor=factor)
        if sign is None:
            continue
        one = np.where(values == MISSING_W, np.nan, values * float(sign))
        net = one if net is None else net + one
    return net
