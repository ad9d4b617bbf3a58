"""Who may open a page. Every page of a site goes through here, and reads rows through the scope."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from quartier.apps.access.permissions import Permission
from quartier.apps.access.scope import Scope
from quartier.apps.alarms.handling import untaken
from quartier.apps.alarms.models import Alarm
from quartier.apps.parties.models import User
from quartier.apps.sites.models import Site

Page = Callable[..., HttpResponseBase]

NAVIGATION: tuple[tuple[str, str, str | Promise, str, Permission], ...] = (
    ("overview", "site", _("Overview"), "layout-dashboard", Permission.VIEW),
    ("energy", "site-energy", _("Energy"), "chart-bar", Permission.VIEW),
    ("equipment", "site-equipment", _("Equipment"), "cpu", Permission.VIEW),
    ("appliances", "site-appliances", _("Appliances"), "sun", Permission.VIEW),
    ("charging", "site-charging", _("Charging"), "plug", Permission.VIEW),
    ("alarms", "site-alarms", _("Alarms"), "bell", Permission.VIEW),
    ("quality", "site-quality", _("Data quality"), "circle-check", Permission.VIEW),
    ("places", "site-places", _("People and places"), "users", Permission.MONEY),
    ("prices", "site-prices", _("Prices"), "coin", Permission.MONEY),
    ("billing", "site-billing", _("Billing"), "receipt", Permission.MONEY),
    ("invoices", "site-invoices", _("Invoices"), "file-invoice", Permission.MONEY),
    ("imports", "site-imports", _("Imports"), "upload", Permission.IMPORT),
    ("notes", "site-notes", _("Notes and issues"), "note", Permission.VIEW),
)
_SWITCHER_LIMIT = 30


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody opens a page of a site."""

    request: HttpRequest
    scope: Scope
    site: Site

    @property
    def by(self) -> str:
        """Who does it, for the trail."""
        return str(self.request.user.get_username())

    @property
    def user(self) -> User:
        """Who opens it; pages of a site are for the signed-in."""
        assert isinstance(self.request.user, User)
        return self.request.user

    def may(self, permission: Permission) -> bool:
        """Whether the visitor may do that here."""
        return self.scope.can(permission, self.site)

    def page(
        self, template: str, section: str, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        """The page within the frame."""
        return render(
            self.request,
            template,
            {**frame_of(self.scope, self.site), "section": section, **context},
            status=status,
        )


def site_page(permission: Permission) -> Callable[[Page], Page]:
    """The view of a site that asks for ``permission``.

    A site outside the scope does not exist (404); one inside it that the role does not allow is
    refused (403). The view gets a :class:`Visit`.
    """

    def decorate(view: Page) -> Page:
        @wraps(view)
        @login_required
        def page(request: HttpRequest, ref: str, **more: Any) -> HttpResponseBase:
            scope = Scope.of(request.user)
            site = get_object_or_404(scope.sites().select_related("organisation"), ref=ref)
            if not scope.can(permission, site):
                raise PermissionDenied
            return view(Visit(request, scope, site), **more)

        return page

    return decorate


def frame_of(scope: Scope, site: Site | None = None) -> dict[str, Any]:
    """What the frame needs: navigation of the site, the sites to switch to, what is allowed."""
    navigation: list[dict[str, Any]] = [
        {"key": "sites", "url": reverse("sites"), "title": _("Sites"), "icon": "building-community"}
    ]
    if scope.is_operator or scope.roles:
        title = _("Alarms")
        navigation.append(
            {"key": "alarms", "url": reverse("alarms"), "title": title, "icon": "bell"}
        )
    if site is not None:
        navigation = [
            {"key": key, "url": reverse(name, args=[site.ref]), "title": title, "icon": icon}
            for key, name, title, icon, permission in NAVIGATION
            if scope.can(permission, site)
        ]
    for entry in navigation:
        if entry["key"] == "alarms":
            entry["count"] = _alarms_to_take(scope, site)
    can = {} if site is None else {one.value: scope.can(one, site) for one in Permission}
    return {
        "site": site,
        "frame_nav": navigation,
        "frame_sites": scope.sites().order_by("name")[:_SWITCHER_LIMIT],
        "can": can,
    }


def _alarms_to_take(scope: Scope, site: Site | None) -> int:
    """How many alarms of the site, or of all, wait for somebody."""
    rows = untaken(scope.queryset(Alarm), timezone.now())
    return (rows if site is None else rows.filter(site=site)).count()
