"""Billing points and who holds them; a move in three steps."""

from datetime import date, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from quartier.apps.access.permissions import Permission
from quartier.apps.billing.models import Invoice
from quartier.apps.contracts.models import Occupancy
from quartier.apps.contracts.operations import Refused, move, undo_move
from quartier.apps.contracts.protection import Billed
from quartier.apps.contracts.queries import holder_on
from quartier.apps.equipment.models import Assignment
from quartier.apps.parties.models import Party
from quartier.apps.parties.operations import Refused as PartyRefused
from quartier.apps.parties.operations import add_party
from quartier.apps.sites.models import BillingPoint
from quartier.portals.operator.charts import point_chart
from quartier.portals.shared.charts import chart_csv
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.lists import csv_response
from quartier.portals.shared.printable import printable
from quartier.portals.shared.sentences.reader import read
from quartier.portals.shared.words import word_of


def today_at(visit: Visit) -> date:
    """Today on the clocks of the site."""
    return timezone.now().astimezone(ZoneInfo(visit.site.timezone)).date()


def points_of(visit: Visit) -> list[Any]:
    """The site's billing points, with their holder today and the next one: two queries."""
    chains: dict[int, list[Occupancy]] = {}
    rows = visit.scope.queryset(Occupancy).filter(billing_point__site=visit.site)
    for row in rows.select_related("party").order_by("starts_date"):
        chains.setdefault(row.billing_point_id, []).append(row)
    today = today_at(visit)
    points: list[Any] = list(
        visit.scope.queryset(BillingPoint)
        .filter(site=visit.site)
        .select_related("building")
        .order_by("building__name", "building__ref", "position", "ref")
    )
    for point in points:
        chain = chains.get(point.pk, [])
        begun = [one for one in chain if one.starts_date <= today]
        point.holder = begun[-1] if begun else None
        point.next = chain[len(begun)] if len(begun) < len(chain) else None
    return points


@site_page(Permission.MONEY)
def places(visit: Visit) -> HttpResponseBase:
    """The list of billing points."""
    points = points_of(visit)
    query = visit.request.GET.get("q", "").strip()
    if query:
        points = [
            one
            for one in points
            if query.lower()
            in f"{one.name} {one.ref} {one.holder.party.name if one.holder else ''}".lower()
        ]
    if visit.request.GET.get("format") == "csv":
        head = [_("Reference"), _("Billing point"), _("Building"), _("Held by"), _("Since")]
        rows = (
            (
                one.ref,
                one.name,
                one.building.name,
                one.holder.party.name if one.holder else "",
                one.holder.starts_date if one.holder else "",
            )
            for one in points
        )
        return csv_response(f"{visit.site.ref}-billing-points", head, rows)
    vacant = sum(1 for one in points if one.holder and one.holder.is_vacant)
    context = {"points": points, "query": query, "vacant": vacant}
    return visit.page("operator/places.html", "places", context)


class PlaceForm(forms.ModelForm):  # type: ignore[type-arg]  # not generic when it runs
    """The common edits of a billing point."""

    class Meta:
        model = BillingPoint
        fields = ("name", "kind", "self_consumption_priority", "is_active", "is_billed")
        labels = {
            "name": gettext_lazy("Name"),
            "kind": gettext_lazy("Kind"),
            "self_consumption_priority": gettext_lazy("Self-consumption priority"),
            "is_active": gettext_lazy("Consumption is counted"),
            "is_billed": gettext_lazy("Is billed"),
        }
        help_texts = {
            "name": gettext_lazy("A place, never a person."),
            "self_consumption_priority": gettext_lazy("A larger number gets solar energy first."),
        }

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        kinds = cast(forms.ChoiceField, self.fields["kind"])
        kinds.choices = [(value, word_of(value)) for value in BillingPoint.Kind.values]


def _point(visit: Visit, point_ref: str) -> BillingPoint:
    rows = visit.scope.queryset(BillingPoint).select_related("building", "site")
    return get_object_or_404(rows, site=visit.site, ref=point_ref)


def chain_of(visit: Visit, point: BillingPoint) -> list[Any]:
    """Who held the billing point, the latest first, each with the end of its stay."""
    rows: list[Any] = list(
        visit.scope.queryset(Occupancy)
        .filter(billing_point=point)
        .select_related("party")
        .order_by("starts_date")
    )
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        row.until = following.starts_date if following else None
    return rows[::-1]


@site_page(Permission.MONEY)
def place(visit: Visit, point_ref: str) -> HttpResponseBase:
    """One billing point: its energy, who held it, its meters and invoices."""
    point = _point(visit, point_ref)
    form = None
    if visit.may(Permission.ADMINISTER):
        form = PlaceForm(visit.request.POST or None, instance=point)
        if visit.request.method == "POST" and form.is_valid():
            form.save()
            messages.success(visit.request, _("Saved."))
            return redirect("site-place", visit.site.ref, point.ref)
    span, chart = point_chart(visit, point)
    if visit.request.GET.get("format") == "csv":
        last = span.to_date - timedelta(days=1)
        return chart_csv(f"{visit.site.ref}-{point.ref}-{span.from_date}-{last}", chart)
    context = {
        "point": point,
        "chart": chart,
        "occupancies": chain_of(visit, point),
        "assignments": Assignment.objects.filter(billing_point=point).select_related("meter"),
        "invoices": visit.scope.queryset(Invoice)
        .filter(billing_point=point)
        .select_related("party")[:12],
        "form": form,
    }
    return visit.page("operator/place.html", "places", context)


class MoveForm(forms.Form):
    """Who moves out and in, and when: at most two dates and one name."""

    out_date = forms.DateField(
        label=gettext_lazy("Last day of the one who leaves"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
        help_text=gettext_lazy("Empty: the newcomer follows without a vacancy."),
    )
    in_date = forms.DateField(
        label=gettext_lazy("First day of the one who comes"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        required=False,
        help_text=gettext_lazy("Empty: it stays vacant and falls to the owner."),
    )
    name = forms.CharField(
        label=gettext_lazy("Who comes"),
        max_length=70,
        required=False,
        validators=[printable],
        widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"}),
        help_text=gettext_lazy("A new name makes a new account at this address."),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        last, first, name = data.get("out_date"), data.get("in_date"), data.get("name", "").strip()
        if not (last or first):
            raise forms.ValidationError(_("Give the last day, the first day, or both."))
        if bool(first) != bool(name):
            raise forms.ValidationError(_("Give the first day and the name of who comes."))
        if last and first and first <= last:
            raise forms.ValidationError(_("The first day must come after the last day."))
        return data


def _plan(visit: Visit, point: BillingPoint, data: dict[str, Any]) -> list[dict[str, Any]]:
    """What the chain looks like afterwards around the move: from, until, who."""
    last, first = data["out_date"], data["in_date"]
    vacant_from = last + timedelta(days=1) if last else None
    begins = vacant_from or first
    before = holder_on(point, begins - timedelta(days=1))
    rows = []
    if before:
        rows.append(
            {
                "from_date": before.starts_date,
                "to_date": begins,
                "name": before.party.name,
                "is_vacant": before.is_vacant,
            }
        )
    if vacant_from and vacant_from != first:
        rows.append(
            {"from_date": vacant_from, "to_date": first, "name": _("Owner"), "is_vacant": True}
        )
    if first:
        name = data["name"].strip()
        known = _party_called(visit, name)
        rows.append({"from_date": first, "to_date": None, "name": name, "is_new": known is None})
    return rows


def _party_called(visit: Visit, name: str) -> Party | None:
    return visit.scope.queryset(Party).filter(name__iexact=name).order_by("ref").first()


def _commit(visit: Visit, point: BillingPoint, data: dict[str, Any]) -> None:
    """Record the move: one transaction. Raises Refused, Billed."""
    now, last, first = timezone.now(), data["out_date"], data["in_date"]
    with transaction.atomic():
        if last and last + timedelta(days=1) != first:
            move(point, last + timedelta(days=1), None, by=visit.by, at=now)
        if first:
            party = _party_called(visit, data["name"].strip()) or add_party(
                visit.site.organisation,
                data["name"],
                by=visit.by,
                at=now,
                language=visit.site.language,
                street=point.building.street or visit.site.street,
                house_number=point.building.house_number or visit.site.house_number,
                postcode=point.building.postcode or visit.site.postcode,
                town=point.building.town or visit.site.town,
            )
            move(point, first, party, by=visit.by, at=now)


@site_page(Permission.MOVE)
def move_page(visit: Visit, point_ref: str) -> HttpResponseBase:
    """Who and when; a review of exactly what will happen; done."""
    point = _point(visit, point_ref)
    form = MoveForm(visit.request.POST or None)
    step = visit.request.POST.get("step", "")
    plan, refused = None, ""
    if step in ("review", "commit") and form.is_valid():
        plan = _plan(visit, point, form.cleaned_data)
    if plan and step == "commit":
        try:
            _commit(visit, point, form.cleaned_data)
        except (Refused, Billed, PartyRefused) as error:
            plan, refused = None, read(error)
        else:
            messages.success(visit.request, _("The move is recorded."))
            return redirect("site-place", visit.site.ref, point.ref)
    context = {
        "point": point,
        "holder": holder_on(point, today_at(visit)),
        "form": form,
        "plan": plan,
        "refused": refused,
        "people": visit.scope.queryset(Party).order_by("name").values_list("name", flat=True)[:500],
    }
    return visit.page("operator/move.html", "places", context)


@require_POST
@site_page(Permission.MOVE)
def undo_move_page(visit: Visit, point_ref: str) -> HttpResponseBase:
    """Take back the latest move of a billing point."""
    point = _point(visit, point_ref)
    try:
        on = date.fromisoformat(visit.request.POST.get("on", ""))
        undo_move(point, on, by=visit.by, at=timezone.now())
    except ValueError:
        messages.error(visit.request, _("The address or the form has a value that cannot be read."))
    except (Refused, Billed) as error:
        messages.error(visit.request, read(error))
    else:
        messages.success(visit.request, _("The move is taken back."))
    return redirect("site-place", visit.site.ref, point.ref)
