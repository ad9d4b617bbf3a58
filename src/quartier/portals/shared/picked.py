"""The range that a person picks: two local days, both included, or an honest refusal.

``first`` and ``last`` come from the form and include both days; ``from`` and ``to`` are the same
for links, the second exclusive; ``range`` and ``at`` name a day, week, month, quarter or year.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils.translation import gettext as _

from quartier.portals.shared import formats
from quartier.portals.shared.span import CUSTOM, KINDS, LONGEST_DAYS, BadSpan, Span, custom, span_of

LONGEST_YEARS = 5
FIRST_YEAR = 1970
NAMES = ("range", "at", "from", "to", "first", "last")
_DAY = timedelta(days=1)
_SHOWN_TEXT = 30


@dataclass(frozen=True, slots=True)
class Pick:
    """What the form shows: the two days as typed, what is wrong with them, and short cuts."""

    first: str
    last: str
    fault: str
    is_open: bool
    today: str
    keep: list[tuple[str, str]] = field(default_factory=list)
    presets: list[dict[str, str]] = field(default_factory=list)


def span_in_query(
    query: Mapping[str, str],
    tz: ZoneInfo,
    latest: date,
    kind: str,
    today: date,
    most_days: int = LONGEST_DAYS,
) -> tuple[Span, str]:
    """The span that ``query`` names, and why not where it names none that can be shown, also one
    of more than ``most_days``: then it is the ``kind`` that contains ``latest``."""
    try:
        span = _span(query, tz, latest, kind, today)
    except BadSpan as problem:
        return span_of(kind, latest, tz), str(problem)
    if (span.to_date - span.from_date).days <= most_days:
        return span, ""
    fault = _(
        "%(first)s to %(last)s is too much at once for a site of this size; choose at most "
        "%(n)d days."
    ) % {
        "first": formats.day(span.from_date),
        "last": formats.day(span.to_date - _DAY),
        "n": most_days,
    }
    return span_of(kind, latest, tz), fault


def _span(query: Mapping[str, str], tz: ZoneInfo, latest: date, kind: str, today: date) -> Span:
    if query.get("first") or query.get("last"):
        first, last = _days(query.get("first", ""), query.get("last", ""))
        if last > today:
            raise BadSpan(
                _("%(day)s is in the future; choose days up to today, %(today)s.")
                % {"day": formats.day(last), "today": formats.day(today)}
            )
        return custom(first, last + _DAY, tz)
    if query.get("from") or query.get("to"):
        end = day_of(query.get("to", ""))
        first, last = _days(query.get("from", ""), str(end - _DAY))
        return custom(first, last + _DAY, tz)
    day = day_of(query["at"]) if query.get("at") else latest
    wanted = query.get("range") or kind
    if wanted not in KINDS:
        raise BadSpan(
            _("“%(text)s” is no range; choose day, week, month, quarter or year.")
            % {"text": _short(wanted)}
        )
    return span_of(wanted, day, tz)


def day_of(text: str) -> date:
    """The day that a form's field or a link names. Raises :class:`BadSpan`, in words."""
    if not text:
        raise BadSpan(_("Give both days, the first and the last."))
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadSpan(
            _("“%(text)s” is no day; write it like 2026-03-31.") % {"text": _short(text)}
        ) from None
    if not FIRST_YEAR <= day.year <= 2200:
        raise BadSpan(
            _("%(day)s is not between %(first)d and 2200; mend the year.")
            % {"day": formats.day(day), "first": FIRST_YEAR}
        )
    return day


def _short(text: str) -> str:
    return " ".join(text.split())[:_SHOWN_TEXT]


def _days(first_text: str, last_text: str) -> tuple[date, date]:
    first, last = day_of(first_text), day_of(last_text)
    if last < first:
        raise BadSpan(
            _("The first day %(first)s is after the last day %(last)s; swap them.")
            % {"first": formats.day(first), "last": formats.day(last)}
        )
    if last >= _years_after(first):
        raise BadSpan(
            _("%(first)s to %(last)s is more than %(n)d years; choose a shorter range.")
            % {"first": formats.day(first), "last": formats.day(last), "n": LONGEST_YEARS}
        )
    return first, last


def _years_after(day: date) -> date:
    year = day.year + LONGEST_YEARS
    return day.replace(year=year) if (day.month, day.day) != (2, 29) else date(year, 3, 1)


def pick_of(span: Span, fault: str, query: QueryDict, today: date, path: str = "") -> Pick:
    """The form for ``span``; it and its short cuts keep the rest of the query."""
    rest = [
        (name, value)
        for name, values in query.lists()
        if name not in (*NAMES, "format", "page")
        for value in values
    ]

    def link(first: date) -> str:
        changed = query.copy()
        for name in (*NAMES, "format", "page"):
            changed.pop(name, None)
        changed["first"], changed["last"] = str(first), str(today)
        return f"{path}?{changed.urlencode()}"

    presets = [
        {"title": title, "link": link(first)}
        for title, first in (
            (_("Last 7 days"), today - 6 * _DAY),
            (_("Last 30 days"), today - 29 * _DAY),
            (_("This year so far"), today.replace(month=1, day=1)),
            (_("Last 12 months"), today - 365 * _DAY),
        )
    ]
    return Pick(
        query.get("first", "") if fault else str(span.from_date),
        query.get("last", "") if fault else str(span.to_date - _DAY),
        fault,
        bool(fault) or span.kind == CUSTOM,
        str(today),
        rest,
        presets,
    )
