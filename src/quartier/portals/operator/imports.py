"""Received files: what was noticed in them, what waits for a meter, and new ones."""

from django.http import HttpResponseBase

from quartier.apps.access.permissions import Permission
from quartier.apps.intake.models import IntakeFile, Quarantine
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import paged


@site_page(Permission.IMPORT)
def imports(visit: Visit) -> HttpResponseBase:
    """The files of the site, the newest first."""
    rows = IntakeFile.objects.filter(site=visit.site).prefetch_related("findings")
    waiting = Quarantine.objects.filter(site=visit.site, released_at=None).select_related("file")
    context = {"page": paged(visit.request, rows), "waiting": waiting[:50]}
    return visit.page("operator/imports.html", "imports", context)
