"""What is watched from which limits on, and who is told: for all sites, and for one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from quartier.apps.access.permissions import Permission
from quartier.apps.access.scope import Scope
from quartier.apps.alarms.models import Recipient, Severity
from quartier.apps.alarms.recipients import BadRecipient, add_recipient, remove_recipient
from quartier.apps.alarms.rules import drop_rule, own_kinds, rules_of, set_rule
from quartier.apps.alarms.texts import kind_word, limit_word
from quartier.apps.parties.models import Language, Organisation, User
from quartier.apps.sites.models import Site
from quartier.core.metering.alarms import LIMITS, Kind, Rule
from quartier.portals.shared.gate import Visit, frame_of, site_page
from quartier.portals.shared.words import word_of

_MOST_USERS = 500


class RuleForm(forms.Form):
    """Whether a kind is watched, and its limits."""

    is_watched = forms.BooleanField(label=gettext_lazy("Watch"), required=False)

    def __init__(self, rule: Rule, data: Any = None) -> None:
        super().__init__(data, prefix=rule.kind.value)
        self.kind = rule.kind
        self.title = kind_word(rule.kind, _language())
        self.fields["is_watched"].initial = rule.is_watched
        for limit, value in zip(LIMITS[rule.kind], rule.limits, strict=True):
            self.fields[limit.name] = forms.IntegerField(
                label=limit_word(limit.name, _language()),
                min_value=limit.least,
                max_value=limit.most,
                initial=value,
            )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        first, second = found.get("warning_per_mille"), found.get("error_per_mille")
        if first is not None and second is not None and first > second:
            self.add_error("warning_per_mille", _("The warning must not be above the error."))
        return found

    def rule(self) -> Rule:
        """What was entered."""
        limits = tuple(self.cleaned_data[limit.name] for limit in LIMITS[self.kind])
        return Rule(self.kind, self.cleaned_data["is_watched"], limits)


class RecipientForm(forms.Form):
    """Who is told, and of what."""

    who = forms.ChoiceField(label=gettext_lazy("Who"))
    address = forms.EmailField(
        label=gettext_lazy("E-mail address, of somebody else"), max_length=254, required=False
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language of the address"), choices=Language.choices
    )
    kind = forms.ChoiceField(label=gettext_lazy("Of what"), required=False)
    least_severity = forms.ChoiceField(
        label=gettext_lazy("From which severity on"),
        choices=[
            (Severity.WARNING.value, gettext_lazy("Warnings and errors")),
            (Severity.ERROR.value, gettext_lazy("Errors only")),
        ],
    )

    def __init__(self, organisation: Organisation, scope: Scope, data: Any = None) -> None:
        super().__init__(data)
        self.organisation = organisation
        users = scope.queryset(User).filter(is_active=True).order_by("email")[:_MOST_USERS]
        self.users = {f"user-{user.pk}": user for user in users}
        roles = [(f"role-{role.value}", word_of(role.value)) for role in Recipient.Role]
        who: Any = self.fields["who"]
        who.choices = [
            *roles,
            ("address", _("An e-mail address")),
            *((key, user.email) for key, user in self.users.items()),
        ]
        kind: Any = self.fields["kind"]
        kind.choices = [("", _("Of everything")), *_kinds()]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("who") == "address" and not found.get("address") and not self.errors:
            self.add_error("address", _("Enter the address."))
        return found

    def recipient(self, site: Site | None) -> Recipient:
        """What was entered, not stored yet."""
        who = self.cleaned_data["who"]
        row = Recipient(
            organisation=self.organisation,
            site=site,
            kind=self.cleaned_data["kind"],
            least_severity=self.cleaned_data["least_severity"],
        )
        if who == "address":
            row.address, row.language = self.cleaned_data["address"], self.cleaned_data["language"]
        elif who.startswith("role-"):
            row.role = who.removeprefix("role-")
        else:
            row.user = self.users[who]
        return row


@login_required
def alarm_settings(request: HttpRequest) -> HttpResponseBase:
    """For all sites; an operator's alone."""
    scope = Scope.of(request.user)
    if not scope.is_operator or not isinstance(request.user, User):
        raise PermissionDenied
    return _page(request, scope, request.user.organisation, None)


@site_page(Permission.ADMINISTER)
def site_alarm_settings(visit: Visit) -> HttpResponseBase:
    """For one site."""
    return _page(visit.request, visit.scope, visit.site.organisation, visit.site)


def _page(
    request: HttpRequest, scope: Scope, organisation: Organisation, site: Site | None
) -> HttpResponse:
    rules = rules_of(organisation, site)
    form, bound = RecipientForm(organisation, scope), None
    if request.method == "POST":
        form, bound, is_done = _take(request, scope, organisation, site, rules)
        if is_done:
            messages.success(request, _("Saved."))
            return redirect(request.path)
    own = own_kinds(organisation, site)
    forms_of_rules: list[Any] = []
    for kind, rule in rules.items():
        one: Any = bound if bound is not None and bound.kind is kind else RuleForm(rule)
        one.is_own = kind in own
        forms_of_rules.append(one)
    rows = scope.queryset(Recipient).select_related("user", "site").order_by("site", "id")
    shown: list[Any] = list(rows.filter(site=site))
    for_all: list[Any] = [] if site is None else list(rows.filter(site=None))
    for row in (*shown, *for_all):
        row.who = row.address or (str(row.user.email) if row.user else word_of(row.role))
        row.of = kind_word(row.kind, _language()) if row.kind else _("Of everything")
    context = {
        **frame_of(scope, site),
        "section": "alarms",
        "rules": forms_of_rules,
        "recipients": shown,
        "for_all": for_all,
        "form": form,
    }
    return render(request, "operator/alarm_settings.html", context)


def _take(
    request: HttpRequest,
    scope: Scope,
    organisation: Organisation,
    site: Site | None,
    rules: dict[Kind, Rule],
) -> tuple[RecipientForm, RuleForm | None, bool]:
    """What was sent; the forms to show again, and whether it is stored."""
    now, by = timezone.now(), str(request.user.get_username())
    form = RecipientForm(organisation, scope)
    action, name = request.POST.get("action", ""), request.POST.get("kind", "")
    if action in ("rule", "drop") and name in {kind.value for kind in Kind}:
        kind = Kind(name)
        if action == "drop":
            drop_rule(organisation, site, kind, at=now, actor=by)
            return form, None, True
        bound = RuleForm(rules[kind], request.POST)
        if bound.is_valid():
            set_rule(organisation, site, bound.rule(), at=now, actor=by)
        return form, bound, bound.is_valid()
    if action == "add":
        form = RecipientForm(organisation, scope, request.POST)
        if form.is_valid():
            try:
                add_recipient(form.recipient(site), at=now, actor=by)
            except BadRecipient:
                form.add_error("who", _("This recipient is entered already."))
        return form, None, form.is_valid()
    if action == "remove":
        key = request.POST.get("recipient", "")[:18]
        row = get_object_or_404(
            scope.queryset(Recipient), site=site, pk=int(key) if key.isdecimal() else 0
        )
        remove_recipient(row, at=now, actor=by)
        return form, None, True
    raise PermissionDenied


def _kinds() -> list[tuple[str, str]]:
    return [(kind.value, kind_word(kind, _language())) for kind in Kind]


def _language() -> str:
    return (get_language() or "de")[:2]
