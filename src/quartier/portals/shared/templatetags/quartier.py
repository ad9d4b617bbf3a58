"""What templates need: icons, and numbers, units and dates as people read them."""

import re
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.template.context import RequestContext
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from quartier.portals.shared import formats
from quartier.portals.shared.words import quality_word, unit_word, word_of

register = template.Library()
ICONS = Path(__file__).resolve().parent.parent / "icons"


def language() -> str:
    return get_language() or "de"


@cache
def _drawing(name: str) -> str:
    text = (ICONS / f"{name}.svg").read_text()
    inner = text.split(">", 1)[1].rsplit("</svg>", 1)[0]
    return re.sub(
        r"\s+", " ", inner.replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "")
    )


@register.simple_tag
def icon(name: str, meaning: str = "", label: str = "") -> SafeString:
    """The outlined icon ``name``; hidden from screen readers unless it has a label."""
    says = format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
        'stroke-linecap="round" stroke-linejoin="round" {}>{}</svg>',
        meaning,
        mark_safe(says),  # noqa: S308  (escaped above)
        mark_safe(_drawing(name)),  # noqa: S308  (a file of this package)
    )


@register.filter
def number(value: Decimal | int | None, digits: int = 0) -> str:
    """A number in the reader's format; a dash where there is none."""
    return formats.NOTHING if value is None else formats.number(value, digits, language())


@register.filter
def kwh(energy_wh: int | None, digits: int = 1) -> str:
    """Wh as kWh with its unit."""
    return formats.NOTHING if energy_wh is None else formats.energy(energy_wh, language(), digits)


@register.filter
def kwh_number(energy_wh: int | None, digits: int = 1) -> str:
    """Wh as a number of kWh, for tables whose head names the unit."""
    if energy_wh is None:
        return formats.NOTHING
    return formats.number(Decimal(energy_wh).scaleb(-3), digits, language())


@register.filter
def percent(share: Decimal | float | None, digits: int = 0) -> str:
    """A share of one in percent."""
    if share is None:
        return formats.NOTHING
    return formats.with_unit(Decimal(str(share)) * 100, "%", digits, language())


@register.filter
def quantity(value: Decimal, unit: str) -> str:
    """An invoice's quantity: energy with three decimals, counts with as many as they have."""
    shown = {"kWh": 3, "kW": 3, "m3": 3}
    names = {
        "m3": "m³",
        "day": _("days"),
        "month": _("months"),
        "year": _("years"),
        "billing_point": "×",
    }
    digits = shown.get(unit, max(0, -int(value.normalize().as_tuple().exponent)))
    return formats.with_unit(value, names.get(unit, unit), digits, language())


@register.filter
def per_unit(unit: str) -> str:
    """What a price is for, in words."""
    return unit_word(unit)


@register.filter
def money(amount: Decimal | None, currency: str = "CHF") -> str:
    """An amount with its currency."""
    return formats.NOTHING if amount is None else formats.money(amount, currency, language())


@register.filter
def amount(value: Decimal | None) -> str:
    """An amount with two decimals, for tables whose head names the currency."""
    return formats.NOTHING if value is None else formats.number(value, 2, language())


@register.filter
def price(value: Decimal) -> str:
    """A price with all its decimals."""
    return formats.price(Decimal(value), language())


@register.filter
def day(value: date | str | None) -> str:
    """dd.mm.yyyy."""
    if isinstance(value, str):
        value = date.fromisoformat(value) if value else None
    return formats.NOTHING if value is None else formats.day(value)


@register.filter
def last_day(to_date: date) -> str:
    """The last day of a half-open range, dd.mm.yyyy."""
    return formats.day(date.fromordinal(to_date.toordinal() - 1))


@register.filter
def day_before(to_date: date) -> date:
    """The last day of a half-open range, for forms."""
    return date.fromordinal(to_date.toordinal() - 1)


@register.filter
def errors_first(findings: list[dict[str, str]]) -> list[dict[str, str]]:
    """Findings as a run keeps them, what stops it before the rest."""
    return sorted(findings, key=lambda one: one["severity"] != "error")


@register.filter
def moment(value: datetime | None, timezone: str = "Europe/Zurich") -> str:
    """dd.mm.yyyy hh:mm on local clocks."""
    return formats.NOTHING if value is None else formats.moment(value, timezone)


@register.filter
def word(code: Any) -> str:
    """A code of the database in the reader's language."""
    return word_of(str(code))


@register.filter
def quality(code: int) -> str:
    """The quality of an interval in the reader's language."""
    return quality_word(int(code))


@register.filter
def at(mapping: dict[Any, Any], key: Any) -> Any:
    """``mapping[key]``; None if it has none."""
    return mapping.get(key)


@register.simple_tag(takes_context=True)
def with_query(context: RequestContext, **changes: Any) -> str:
    """This page's query string with ``changes``; an empty value takes its key away."""
    query = context["request"].GET.copy()
    for key, value in changes.items():
        if value in ("", None):
            query.pop(key, None)
        else:
            query[key] = str(value)
    return f"?{query.urlencode()}"


@register.inclusion_tag("shared/parts/sort.html", takes_context=True)
def column(context: RequestContext, key: str, title: str, kind: str = "") -> dict[str, Any]:
    """The head of a sortable column; the order is in the URL."""
    now = context.get("sort", "")
    state = "ascending" if now == key else "descending" if now == f"-{key}" else ""
    following = f"-{key}" if now == key else key
    return {
        "title": title,
        "kind": kind,
        "state": state,
        "link": with_query(context, sort=following, page=""),
    }
