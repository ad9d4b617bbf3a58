"""Received files: what was noticed in them, what waits for a meter, and new ones.

The preview is the import itself, undone: what it shows is what will happen.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quartier.apps.access.permissions import Permission
from quartier.apps.intake.models import IntakeFile, Quarantine
from quartier.apps.intake.operations import import_load_curves, import_readings, import_sdat
from quartier.apps.intake.report import Report
from quartier.apps.intake.sources import NoSuchPath, Source, sources
from quartier.core.kernel.period import slot_starts_at
from quartier.formats.load_curve import shipped_profiles
from quartier.portals.operator import uploads
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import paged
from quartier.portals.shared.sentences.reader import read
from quartier.portals.shared.templatetags.sentences import grouped
from quartier.portals.shared.words import word_of

_SHOWN = 50
_FINDINGS_SHOWN = 30


@site_page(Permission.IMPORT)
def imports(visit: Visit) -> HttpResponseBase:
    """The files of the site, the newest first."""
    rows = IntakeFile.objects.filter(site=visit.site).prefetch_related("findings")
    waiting = Quarantine.objects.filter(site=visit.site, released_at=None).select_related("file")
    count = waiting.count()
    context = {
        "page": paged(visit.request, rows),
        "waiting": waiting[:_SHOWN],
        "waiting_count": count,
        "waiting_left": max(0, count - _SHOWN),
    }
    return visit.page("operator/imports.html", "imports", context)


class ManyFiles(forms.ClearableFileInput):
    """An input for several files."""

    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files; the form keeps them all."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        single = super().clean
        return [single(one, initial) for one in data or [None]]


class ImportForm(forms.Form):
    """What the files are, and how to read them."""

    files = FilesField(  # type: ignore[assignment]  # a field, by the name of its input
        label=gettext_lazy("Files"),
        help_text=gettext_lazy("XML, CSV, XLSX, or a ZIP of them."),
        required=True,
    )
    kind = forms.ChoiceField(label=gettext_lazy("Kind"))
    profile = forms.ChoiceField(
        label=gettext_lazy("Profile of the load curve"),
        required=False,
        help_text=gettext_lazy("How its table is to be read."),
    )
    meter = forms.CharField(
        label=gettext_lazy("Meter"),
        required=False,
        max_length=63,
        help_text=gettext_lazy("Only for a file that names none: its reference."),
    )
    create_meters = forms.BooleanField(
        label=gettext_lazy("Create meters that are not known yet"), required=False
    )
    overwrite = forms.BooleanField(
        label=gettext_lazy("Replace known values of load curves"), required=False
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        kind: Any = self.fields["kind"]
        kind.choices = [(kind, word_of(kind)) for kind in IntakeFile.Kind.values]
        fits = [("", _("The one that fits"))]
        profile: Any = self.fields["profile"]
        profile.choices = [*fits, *((name, name) for name in shipped_profiles())]


def _findings(report: Report) -> dict[str, Any]:
    """What the preview shows of them, those that say the same as one, and how many are left."""
    groups = grouped(report.findings)
    return {"shown": groups[:_FINDINGS_SHOWN], "left": max(0, len(groups) - _FINDINGS_SHOWN)}


def _run(visit: Visit, token: str, options: dict[str, Any]) -> Report:
    """Import the kept files. Raises NoSuchPath where they are gone."""
    files = _named(token)
    common = {"by": visit.by, "at": timezone.now(), "create_meters": options["create_meters"]}
    if options["kind"] == IntakeFile.Kind.SDAT:
        return import_sdat(visit.site, files, **common)
    if options["kind"] == IntakeFile.Kind.READINGS:
        return import_readings(visit.site, files, meter=options["meter"], **common)
    profile = shipped_profiles().get(options["profile"])
    report, _previews = import_load_curves(
        visit.site,
        files,
        profile=profile,
        meter=options["meter"],
        overwrite=options["overwrite"],
        **common,
    )
    return report


def _named(token: str) -> Iterator[Source]:
    """The kept files by the name they came with, without the folder they wait in."""
    for path in uploads.paths(token):
        for source in sources([path]):
            yield replace(source, name=source.name.removeprefix(f"{path.parent}/"))


def _preview(visit: Visit, token: str, options: dict[str, Any]) -> Report:
    """What the import would do: done in a transaction that is undone."""
    with transaction.atomic():
        report = _run(visit, token, options)
        transaction.set_rollback(True)
    return report


@site_page(Permission.IMPORT)
def new_import(visit: Visit) -> HttpResponseBase:
    """Choose files, look at what they would do, import them."""
    request = visit.request
    step = request.POST.get("step", "")
    key = f"import-{visit.site.pk}"
    kept = request.session.get(key)
    report = None
    form = ImportForm(initial={"kind": IntakeFile.Kind.SDAT})
    if step == "preview":
        form = ImportForm(request.POST, request.FILES)
        if form.is_valid():
            kept = _keep(visit, form, key)
    elif step == "cancel" and kept:
        uploads.drop(kept["token"])
        del request.session[key]
        return redirect("site-imports", visit.site.ref)
    elif step == "commit" and kept and uploads.paths(kept["token"]):
        report = _run(visit, kept["token"], kept["options"])
        uploads.drop(kept["token"])
        del request.session[key]
        _say(visit, report)
        return redirect("site-imports", visit.site.ref)
    if step == "preview" and kept and form.is_valid():
        try:
            report = _preview(visit, kept["token"], kept["options"])
        except NoSuchPath as error:
            form.add_error(None, read(error))
    context = {
        "form": form,
        "report": report,
        "rows": _rows(report) if report else (),
        "findings": _findings(report) if report else {},
        "can_import": report and report.count("imported") + report.count("quarantined"),
    }
    return visit.page("operator/import.html", "imports", context)


def _keep(visit: Visit, form: ImportForm, key: str) -> dict[str, Any] | None:
    files = form.cleaned_data["files"]
    try:
        token = uploads.keep(files, timezone.now().timestamp())
    except uploads.TooMuch:
        form.add_error("files", _("The files are too large for a browser. Use the command line."))
        return None
    options = {name: form.cleaned_data[name] for name in form.fields if name != "files"}
    kept = {"token": token, "options": options}
    visit.request.session[key] = kept
    return kept


def _say(visit: Visit, report: Report) -> None:
    rejected = report.count("rejected")
    text = _("%(n)d files were read, %(bad)d were rejected.") % {
        "n": len(report.files) - rejected,
        "bad": rejected,
    }
    (messages.error if rejected else messages.success)(visit.request, text)


def _rows(report: Report) -> list[dict[str, Any]]:
    return [
        {
            "meter": one.meter,
            "direction": one.direction,
            "from": slot_starts_at(one.first_slot),
            "to": slot_starts_at(one.end_slot),
            "new": one.new,
            "unchanged": one.unchanged,
            "revised": one.revised,
            "kept": one.kept,
        }
        for one in report.meters.values()
    ]
