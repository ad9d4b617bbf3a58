"""The energy of a site: any range, the whole site or one billing point."""

from datetime import timedelta

from django.http import HttpResponseBase
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.sites.models import BillingPoint
from quartier.core.kernel.findings import Finding
from quartier.portals.operator.charts import energy_of, tiles_of
from quartier.portals.shared.charts import chart_csv
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.picked import NAMES

_SHOWN_FINDINGS = 6
_NAMED = 3


def shown(findings: tuple[Finding, ...]) -> list[dict[str, str]]:
    """The findings for a page, errors first; those that say the same of several places are one."""
    grouped: dict[tuple[str, str, str, str], list[str]] = {}
    for one in findings:
        grouped.setdefault((one.severity.value, one.code, one.message, one.remedy), []).append(
            one.where
        )
    order = {"error": 0, "warning": 1, "info": 2}
    rows = sorted(grouped.items(), key=lambda item: order[item[0][0]])
    return [
        {
            "severity": severity,
            "message": message,
            "remedy": remedy,
            "where": _places(places),
        }
        for (severity, _code, message, remedy), places in rows[:_SHOWN_FINDINGS]
    ]


def _places(places: list[str]) -> str:
    named = ", ".join(places[:_NAMED])
    if len(places) <= _NAMED:
        return named
    return _("%(named)s and %(n)d more") % {"named": named, "n": len(places) - _NAMED}


@site_page(Permission.VIEW)
def energy(visit: Visit) -> HttpResponseBase:
    """The energy chart with its figures."""
    points = list(
        visit.scope.queryset(BillingPoint)
        .filter(site=visit.site, is_active=True)
        .select_related("building")
    )
    wanted = visit.request.GET.get("point", "")
    point = next((one for one in points if one.ref == wanted), None)
    span, shared, chart, findings = energy_of(visit, point)
    if visit.request.GET.get("format") == "csv":
        what = f"{visit.site.ref}-{point.ref if point else 'site'}"
        last = span.to_date - timedelta(days=1)
        return chart_csv(f"{what}-{span.from_date}-{last}", chart)
    chart.region = "energy"
    keep = {key: visit.request.GET[key] for key in NAMES if key in visit.request.GET}
    context = {
        "points": points,
        "point": point,
        "chart": chart,
        "tiles": [] if point else tiles_of(shared),
        "findings": shown(findings),
        "keep": keep,
    }
    return visit.page("operator/energy.html", "energy", context)
