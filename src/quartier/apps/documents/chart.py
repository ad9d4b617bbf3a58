"""The chart of the period's energy as numbers that the template only has to draw."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from quartier.apps.documents import numbers
from quartier.core.invoicing.document import Energy, EnergyBar

_STEPS = (1, 2, 5)
_LINES = 4
_SHORT_DAYS = 45


def chart_of(energy: Energy, texts: dict[str, Any], language: str) -> dict[str, Any]:
    """Bars as fractions of the axis, its lines with their labels, and a text that says it all.

    Empty ``bars`` where there is no energy at all: nothing is drawn then.
    """
    words = texts["energy"]
    top_wh, step_wh = _axis(max((bar.solar_wh + bar.grid_wh for bar in energy.bars), default=0))
    months, unit = words["months"], _unit(energy.bars)
    is_short = unit == "by_day" and len(energy.bars) <= _SHORT_DAYS
    return {
        "unit": words[unit],
        "lines": [
            {"at": at / top_wh, "label": numbers.trimmed(Decimal(at).scaleb(-3), 0, language)}
            for at in range(0, top_wh + 1, step_wh)
        ]
        if top_wh
        else [],
        "bars": [
            {
                "solar": bar.solar_wh / top_wh,
                "grid": bar.grid_wh / top_wh,
                "estimated": bar.estimated,
                "label": _label(bar, number, is_short, months),
            }
            for number, bar in enumerate(energy.bars)
        ]
        if top_wh
        else [],
        "has_estimates": any(bar.estimated for bar in energy.bars),
    }


def _axis(highest_wh: int) -> tuple[int, int]:
    """The top of the axis and the distance of its lines: 1, 2 or 5 times a power of ten."""
    if highest_wh <= 0:
        return 0, 1
    power = 1
    while True:
        for factor in _STEPS:
            step = factor * power
            if step * _LINES >= highest_wh:
                return -(-highest_wh // step) * step, step
        power *= 10


def _unit(bars: tuple[EnergyBar, ...]) -> str:
    longest = max(((bar.to_date - bar.from_date).days for bar in bars), default=1)
    if longest <= 1:
        return "by_day"
    return "by_week" if longest <= 7 else "by_month"


def _label(bar: EnergyBar, number: int, is_short: bool, months: list[str]) -> str:
    """The month below the bar that holds its first day; below few days, every seventh date."""
    first, last = bar.from_date, bar.to_date - timedelta(days=1)
    if is_short:
        return f"{first.day}.{first.month}." if first.day % 7 == 1 else ""
    if first.day == 1 or (number == 0 and last.month == first.month):
        return months[first.month - 1]
    return months[last.month - 1] if last.month != first.month else ""
