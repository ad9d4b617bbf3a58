"""Lock dates: before them no quarter-hour of a medium changes any more."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.models import Meter
from quartier.apps.metering.models import Lock
from quartier.apps.metering.operations import BadEdit, set_lock
from quartier.portals.shared import formats
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.picked import day_of
from quartier.portals.shared.printable import printable
from quartier.portals.shared.span import BadSpan
from quartier.portals.shared.words import word_of

_REASON_LENGTH = 500


@site_page(Permission.VIEW)
def locks(visit: Visit) -> HttpResponseBase:
    """The lock date of each medium; who administers the site may move it."""
    request = visit.request
    own = {
        lock.medium: lock.lock_date for lock in visit.scope.queryset(Lock).filter(site=visit.site)
    }
    meters = visit.scope.queryset(Meter).filter(site=visit.site).order_by()
    media = sorted({*meters.values_list("medium", flat=True).distinct(), *own})
    refused = ""
    medium = request.POST.get("medium", "")
    if request.method == "POST":
        if not visit.may(Permission.ADMINISTER):
            raise PermissionDenied
        try:
            day = _asked(visit, medium, media, own.get(medium))
            set_lock(
                visit.site,
                medium,
                day,
                actor=visit.by,
                at=timezone.now(),
                reason=" ".join(request.POST.get("reason", "").split()),
            )
        except (BadSpan, BadEdit) as problem:
            refused = str(problem)
        else:
            messages.success(
                request, _("Nothing before %(day)s changes any more.") % {"day": formats.day(day)}
            )
            return redirect("site-locks", visit.site.ref)
    rows: list[dict[str, Any]] = [
        {
            "medium": one,
            "title": word_of(one),
            "lock_date": own.get(one),
            "typed": request.POST.get("lock_date", "")[:40] if one == medium else own.get(one),
            "reason": request.POST.get("reason", "")[:_REASON_LENGTH] if one == medium else "",
            "refused": refused if one == medium else "",
        }
        for one in media
    ]
    context = {"rows": rows, "refused": refused if medium not in media else ""}
    return visit.page("operator/locks.html", "quality", context)


def _asked(visit: Visit, medium: str, media: list[str], now_locked: date | None) -> date:
    """The new lock date of the form. Raises :class:`BadSpan`, in words."""
    if medium not in media:
        raise BadSpan(_("This site has no meter of that kind; choose one of the list."))
    text, reason = visit.request.POST.get("lock_date", ""), visit.request.POST.get("reason", "")
    if not text:
        raise BadSpan(_("Give the first day that may still change."))
    day = day_of(text[:40])
    today = timezone.now().astimezone(ZoneInfo(visit.site.timezone)).date()
    if day > today:
        raise BadSpan(
            _("%(day)s is in the future; choose days up to today, %(today)s.")
            % {"day": formats.day(day), "today": formats.day(today)}
        )
    if len(reason) > _REASON_LENGTH:
        raise BadSpan(_("The reason is too long; at most 500 characters."))
    try:
        printable(reason)
    except ValidationError as problem:
        raise BadSpan(str(problem.message)) from None
    if now_locked is not None and day < now_locked and not reason.strip():
        raise BadSpan(_("Moving the lock back opens what was closed; give a reason."))
    return day
