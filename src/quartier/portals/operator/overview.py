"""The start page of a site: what needs somebody today, then how the building is doing."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.alarms.handling import untaken
from quartier.apps.alarms.models import Alarm
from quartier.apps.alarms.texts import kind_word, sentence
from quartier.apps.billing.models import BillingRun, Invoice
from quartier.apps.billing.revenue import solar_revenue
from quartier.apps.contracts.models import Community
from quartier.apps.equipment.models import Battery, Meter, Plant
from quartier.apps.sites.models import BillingPoint, Note
from quartier.portals.operator.charts import energy_of, tiles_of
from quartier.portals.operator.energy import shown
from quartier.portals.shared import formats
from quartier.portals.shared.charts import chart_csv
from quartier.portals.shared.gate import Visit, site_page


def _today(visit: Visit) -> list[dict[str, Any]]:
    """Findings: alarms that nobody has taken, open issues, the last run if it was refused."""
    rows = _alarms(visit)
    notes = reverse("site-notes", args=[visit.site.ref])
    issues = visit.scope.queryset(Note).filter(
        site=visit.site, kind=Note.Kind.ISSUE, resolved_at=None
    )
    rows.extend(
        {
            "severity": "warning",
            "message": note.text,
            "where": _("Open issue, stops billing"),
            "since": formats.day(note.created_at.date()),
            "link": notes,
            "action": _("Resolve"),
        }
        for note in issues[:5]
    )
    last = visit.scope.queryset(BillingRun).filter(site=visit.site).first()
    if last is not None and last.state == BillingRun.State.REFUSED:
        rows.append(
            {
                "severity": "error",
                "message": ngettext(
                    "The last billing run was refused: %(n)d finding.",
                    "The last billing run was refused: %(n)d findings.",
                    len(last.findings),
                )
                % {"n": len(last.findings)},
                "where": f"{formats.day(last.from_date)}–{formats.day(last.to_date)}",
                "link": reverse("site-run", args=[visit.site.ref, last.pk]),
                "action": _("Look"),
            }
        )
    return rows


def _alarms(visit: Visit) -> list[dict[str, Any]]:
    language = (get_language() or "de")[:2]
    link = reverse("site-alarms", args=[visit.site.ref])
    mine = visit.scope.queryset(Alarm).filter(site=visit.site)
    return [
        {
            "severity": row.severity,
            "message": sentence(row.code, row.values, row.since, visit.site.timezone, language),
            "where": f"{kind_word(row.kind, language)} {row.name}".strip(),
            "since": formats.moment(row.opened_at, visit.site.timezone),
            "link": link,
            "action": _("Look"),
        }
        for row in untaken(mine, timezone.now()).order_by("severity", "-opened_at")[:5]
    ]


def _revenue(visit: Visit) -> list[dict[str, Any]]:
    """What the roof earned in the last billed period, for who may see money."""
    found = solar_revenue(visit.site) if visit.may(Permission.MONEY) else None
    if found is None or found.dates.to_date is None:
        return []
    last = found.dates.to_date - timedelta(days=1)
    return [
        {
            "name": _("Solar energy sold"),
            "value": formats.money(found.amount, visit.site.currency, get_language() or "de"),
            "unit": "",
            "icon": "coin",
            "meaning": "solar",
            "hint": f"{formats.day(found.dates.from_date)}–{formats.day(last)}",
        }
    ]


@site_page(Permission.VIEW)
def overview(visit: Visit) -> HttpResponseBase:
    """One site."""
    _span, shared, chart, findings = energy_of(visit)
    if visit.request.GET.get("format") == "csv":
        return chart_csv(f"{visit.site.ref}-site", chart)
    site = visit.site
    invoices = visit.scope.queryset(Invoice).filter(site=site).select_related("party")
    context = {
        "chart": chart,
        "tiles": [*tiles_of(shared), *_revenue(visit)],
        "findings": [*_today(visit), *shown(findings)],
        "community": Community.objects.filter(site=site).order_by("starts_date").last(),
        "plants": Plant.objects.filter(site=site),
        "batteries": Battery.objects.filter(site=site),
        "counts": {
            "points": BillingPoint.objects.filter(site=site, is_active=True).count(),
            "meters": Meter.objects.filter(site=site, is_enabled=True).count(),
        },
        "invoices": invoices.order_by("-issued_date", "-number")[:6]
        if visit.may(Permission.MONEY)
        else (),
    }
    return visit.page("operator/site.html", "overview", context)
