"""The report of an inspection: issued, listed, printed, and told from a changed file."""

import hashlib
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.documents.commissioning import (
    MOST_REMARK,
    CannotIssue,
    Open,
    Signature,
    issue,
    left_open,
)
from quartier.apps.documents.files import file_name
from quartier.apps.documents.models import InspectionReport
from quartier.apps.documents.sealing import is_intact
from quartier.portals.operator.inspection import about
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.sentences.reader import read

_MOST_SHOWN = 100


@site_page(Permission.EQUIP)
def report(visit: Visit) -> HttpResponseBase:
    """What is left open, each with a remark to write, and who answers for it."""
    context = about(visit)
    posted = visit.request.POST
    open_ones = left_open(context["inspection"])
    refused = ""
    if visit.request.method == "POST":
        try:
            made = issue(
                visit.site,
                context["inspection"],
                _signature(visit, open_ones),
                is_sun_off=context["is_sun_off"],
                say=read,
            )
        except CannotIssue as problem:
            refused = str(problem)
        else:
            messages.success(
                visit.request, _("Report %(number)s is issued.") % {"number": made.number}
            )
            return redirect("site-inspection-reports", visit.site.ref)
    rows = [
        {
            "key": f"remark-{number}",
            "field": field,
            "open": same[0],
            "same": same,
            "typed": posted.get(field, ""),
        }
        for number, (field, same) in enumerate(_by_field(open_ones).items(), 1)
    ]
    more = {
        "open": rows,
        "refused": refused,
        "installer": posted.get("installer", visit.user.name),
        "company": posted.get("company", ""),
        "note": posted.get("note", ""),
        "most": MOST_REMARK,
    }
    return visit.page("operator/inspection_report.html", "equipment", {**context, **more})


def _signature(visit: Visit, open_ones: tuple[Open, ...]) -> Signature:
    posted = visit.request.POST
    return Signature(
        installer=posted.get("installer", ""),
        company=posted.get("company", ""),
        language=(get_language() or "de")[:2],
        by=visit.by,
        remarks={
            one.key: posted.get(field, "")
            for field, same in _by_field(open_ones).items()
            for one in same
        },
        note=posted.get("note", ""),
    )


def _by_field(open_ones: tuple[Open, ...]) -> dict[str, list[Open]]:
    """What is left open by the field of its remark: what is the same of several meters is
    explained once."""
    by_message: dict[str, list[Open]] = {}
    for one in open_ones:
        by_message.setdefault(one.message, []).append(one)
    return {
        f"remark {same[0].key}"
        if len(same) == 1
        else f"remark {hashlib.sha256(message.encode()).hexdigest()[:12]}": same
        for message, same in by_message.items()
    }


@site_page(Permission.VIEW)
def reports(visit: Visit) -> HttpResponseBase:
    """The reports of the site, each with whether its seal fits; a file to compare with them."""
    found: list[Any] = list(
        visit.scope.queryset(InspectionReport).filter(site=visit.site)[:_MOST_SHOWN]
    )
    for row in found:
        row.intact = is_intact(row)
    context: dict[str, Any] = {"reports": found, "most": _MOST_SHOWN}
    file = visit.request.FILES.get("file")
    if visit.request.method == "POST" and file is not None:
        context |= _compared(visit, file)
    return visit.page("operator/inspection_reports.html", "equipment", context)


def _compared(visit: Visit, file: "UploadedFile[Any]") -> dict[str, Any]:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    rows = visit.scope.queryset(InspectionReport).filter(site=visit.site)
    row = rows.filter(sha256=digest.hexdigest()).first()
    return {"is_compared": True, "same": row if row is not None and is_intact(row) else None}


@site_page(Permission.VIEW)
def report_pdf(visit: Visit, number: int) -> HttpResponseBase:
    """The PDF as it was issued."""
    rows = visit.scope.queryset(InspectionReport).filter(site=visit.site)
    row = get_object_or_404(rows, number=number)
    if not is_intact(row):
        messages.error(
            visit.request, _("This report was changed in the database; it is not shown.")
        )
        return redirect(reverse("site-inspection-reports", args=[visit.site.ref]))
    answer = HttpResponse(bytes(row.pdf), content_type="application/pdf")
    name = file_name(f"{visit.site.ref}-inspection-{row.number}")
    answer.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return answer
