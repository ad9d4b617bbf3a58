"""Notes and issues; an open issue stops the billing of its site (system.md 5.1)."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from quartier.apps.access.permissions import Permission
from quartier.apps.audit.operations import record
from quartier.apps.sites.models import Note
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import paged
from quartier.portals.shared.words import word_of


class NoteForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    """A note, or an issue to be addressed."""

    class Meta:
        model = Note
        fields = ("text", "kind", "category", "visibility")
        labels = {
            "text": gettext_lazy("Text"),
            "kind": gettext_lazy("Kind"),
            "category": gettext_lazy("Category"),
            "visibility": gettext_lazy("Visibility"),
        }
        widgets = {"text": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for name in ("kind", "category", "visibility"):
            field: Any = self.fields[name]
            field.choices = [(value, word_of(value)) for value, _label in field.choices if value]
        self.fields["kind"].help_text = _("An open issue stops the billing of this site.")


@site_page(Permission.VIEW)
def notes(visit: Visit) -> HttpResponseBase:
    """The notes of the site, open issues first; a form for a new one."""
    form = NoteForm(visit.request.POST or None)
    if visit.request.method == "POST" and form.is_valid():
        note = form.save(commit=False)
        note.site, note.created_by = visit.site, visit.user
        if not visit.may(Permission.ADMINISTER):
            note.visibility = Note.Visibility.PUBLIC
        note.save()
        _record(visit, "note.add", note)
        messages.success(visit.request, _("Added."))
        return redirect("site-notes", visit.site.ref)
    rows = visit.scope.queryset(Note).filter(site=visit.site).select_related("created_by")
    issues = [one for one in rows if one.kind == Note.Kind.ISSUE and one.resolved_at is None]
    rest = [one for one in rows if one not in issues]
    context = {"form": form, "issues": issues, "page": paged(visit.request, rest)}
    return visit.page("operator/notes.html", "notes", context)


@require_POST
@site_page(Permission.VIEW)
def resolve(visit: Visit, pk: int) -> HttpResponseBase:
    """Close an issue; asked again, open it again (undo)."""
    note = get_object_or_404(
        visit.scope.queryset(Note), site=visit.site, pk=pk, kind=Note.Kind.ISSUE
    )
    reopen = "reopen" in visit.request.POST
    note.resolved_at = None if reopen else timezone.now()
    note.resolved_by = None if reopen else visit.user
    note.save(update_fields=("resolved_at", "resolved_by"))
    _record(visit, "note.reopen" if reopen else "note.resolve", note)
    messages.success(visit.request, _("Opened again.") if reopen else _("Resolved."))
    return redirect("site-notes", visit.site.ref)


def _record(visit: Visit, action: str, note: Note) -> None:
    record(
        action,
        visit.by,
        at=timezone.now(),
        organisation_id=visit.site.organisation_id,
        site_id=visit.site.pk,
        subject=str(note.pk),
    )
