"""Undo of what somebody just took away or added: offered once, on the page of the equipment."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.removing import InUse, Removable, remove, restore, take_back
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.sentences.reader import read

_KEPT_S = 3600
_LONGEST = 200_000
"""A larger snapshot is not offered: a session is no store."""


def _key(visit: Visit) -> str:
    return f"equipment-undo-{visit.site.pk}"


def offer_added(visit: Visit, meter_ids: list[int]) -> None:
    """Offer to take the meters away again that were just added."""
    _offer(visit, {"added": meter_ids, "count": len(meter_ids)})


def take_away(visit: Visit, row: Removable) -> None:
    """Remove ``row`` and offer to put it back. Raises :class:`InUse`."""
    name = row.name
    kept = remove([row], at=timezone.now(), actor=visit.by)
    if len(kept) <= _LONGEST:
        _offer(visit, {"removed": kept, "name": name})
    messages.success(visit.request, _("%(name)s is removed.") % {"name": name})


def offered(visit: Visit) -> dict[str, Any] | None:
    """What can be undone now."""
    kept: dict[str, Any] | None = visit.request.session.get(_key(visit))
    if kept is None or timezone.now().timestamp() - kept["at"] > _KEPT_S:
        return None
    return kept


@require_POST
@site_page(Permission.EQUIP)
def undo(visit: Visit) -> HttpResponseBase:
    """Put back what was removed, or take away what was added."""
    kept = offered(visit)
    if kept is None:
        messages.error(visit.request, _("There is nothing to undo any more."))
        return redirect("site-equipment", visit.site.ref)
    at = timezone.now()
    try:
        if "removed" in kept:
            restore(visit.site, kept["removed"], at=at, actor=visit.by)
        else:
            take_back(visit.site, kept["added"], at=at, actor=visit.by)
    except InUse as problem:
        messages.error(visit.request, read(problem))
    else:
        messages.success(visit.request, _("Undone."))
    del visit.request.session[_key(visit)]
    return redirect("site-equipment", visit.site.ref)


def _offer(visit: Visit, what: dict[str, Any]) -> None:
    visit.request.session[_key(visit)] = {**what, "at": timezone.now().timestamp()}
