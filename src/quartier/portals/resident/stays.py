"""What a resident sees: the places they hold or held, only over their own dates."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone

from quartier.apps.access.scope import Scope
from quartier.apps.sites.models import BillingPoint
from quartier.core.kernel.period import Dates


@dataclass(frozen=True, slots=True)
class Home:
    """A resident's place over the dates of one stay."""

    point: BillingPoint
    dates: Dates

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.point.site.timezone)

    @property
    def key(self) -> str:
        """How the URL names it."""
        return f"{self.point.pk}-{self.dates.from_date:%Y%m%d}"


@dataclass(frozen=True, slots=True)
class Resident:
    """A signed-in resident with their places, the current one first."""

    request: HttpRequest
    scope: Scope
    homes: tuple[Home, ...]

    @property
    def home(self) -> Home:
        """The place that the URL names, else the current one."""
        wanted = self.request.GET.get("home", "")
        return next((one for one in self.homes if one.key == wanted), self.homes[0])

    def page(self, template: str, section: str, context: dict[str, Any]) -> HttpResponse:
        """The page in the resident's frame."""
        more = {"section": section, "homes": self.homes, "home": self.home}
        return render(self.request, template, {**more, **context})


def resident_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page for who holds or held a billing point; everybody else is led elsewhere."""

    @wraps(view)
    @login_required
    def page(request: HttpRequest, **more: Any) -> HttpResponseBase:
        scope = Scope.of(request.user)
        if not scope.stays:
            return redirect("sites" if scope.is_operator or scope.roles else "nothing")
        return view(Resident(request, scope, homes_of(scope)), **more)

    return page


def homes_of(scope: Scope) -> tuple[Home, ...]:
    """The places of ``scope``: the current ones first, then the latest left."""
    ids = {stay.billing_point_id for stay in scope.stays}
    points = BillingPoint.objects.select_related("site__organisation", "building").in_bulk(ids)
    today = timezone.now().date()
    homes = [Home(points[stay.billing_point_id], stay.dates) for stay in scope.stays]

    def order(home: Home) -> tuple[int, int]:
        end = home.dates.to_date or date.max
        is_now = home.dates.from_date <= today < end
        return (0 if is_now else 1, -home.dates.from_date.toordinal())

    return tuple(sorted(homes, key=order))
