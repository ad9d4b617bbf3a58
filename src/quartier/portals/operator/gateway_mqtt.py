"""A gateway that publishes itself: its broker, its mapping, and how its messages are understood."""

from pathlib import Path
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

import quartier.formats.mqtt_mapping as room
from quartier.apps.access.permissions import Permission
from quartier.apps.equipment import publishing
from quartier.apps.equipment.gateways import BadSetUp
from quartier.apps.equipment.models import Gateway, MqttMessage, MqttSource
from quartier.apps.metering.mqtt import look_again
from quartier.formats.mqtt_mapping import BadMapping, BadMessage, read_mapping, translate
from quartier.formats.mqtt_mapping.mapping import MOST_BYTES
from quartier.portals.shared.gate import Visit, site_page

SHOWN = 20
_LONGEST_SHOWN = 400
PRESETS = {
    one.stem: one.read_text("utf-8")
    for one in sorted(Path(room.__path__[0], "presets").glob("*.json"))
}
NAMES = {
    "number": gettext_lazy("One number a topic"),
    "fields": gettext_lazy("JSON with fields"),
    "teltonika": gettext_lazy("Teltonika RUT (check with the first message)"),
}


class SourceForm(forms.Form):
    """Where it publishes, and what its messages mean."""

    host = forms.CharField(label=gettext_lazy("Broker"), max_length=253)
    port = forms.IntegerField(
        label=gettext_lazy("Port"), min_value=1, max_value=65535, initial=8883
    )
    is_tls = forms.BooleanField(label=gettext_lazy("Encrypted (TLS)"), required=False, initial=True)
    username = forms.CharField(label=gettext_lazy("User"), max_length=200, required=False)
    password = forms.CharField(
        label=gettext_lazy("Password"),
        help_text=gettext_lazy("Left empty, the one that is kept stays"),
        max_length=200,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    is_enabled = forms.BooleanField(label=gettext_lazy("Listen"), required=False, initial=True)
    ca = forms.CharField(
        label=gettext_lazy("Certificate of the authority (PEM)"),
        help_text=gettext_lazy("Only where the system does not know it"),
        max_length=20_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono"}),
    )
    mapping = forms.CharField(
        label=gettext_lazy("Mapping"),
        max_length=MOST_BYTES,
        widget=forms.Textarea(attrs={"rows": 14, "class": "mono", "spellcheck": "false"}),
    )


@site_page(Permission.EQUIP)
def gateway_mqtt(visit: Visit, name: str) -> HttpResponseBase:
    """The source of a gateway; a form, and its last messages."""
    gateway = get_object_or_404(
        visit.scope.queryset(Gateway).select_related("site"), site=visit.site, name=name
    )
    source = visit.scope.queryset(MqttSource).filter(gateway=gateway).first()
    if source is not None:
        source.gateway = gateway
    posted = visit.request.POST if visit.request.method == "POST" else None
    action = posted.get("action", "") if posted is not None else ""
    if action in ("remove", "again") and source is not None:
        return _act(visit, source, action)
    form = SourceForm(posted, initial=_initial(source, visit.request.GET.get("preset", "")))
    refused = ""
    if posted is not None and form.is_valid():
        if action not in ("save", "try"):
            raise PermissionDenied
        try:
            if action == "save":
                publishing.save(gateway, form.cleaned_data, at=timezone.now(), actor=visit.by)
                messages.success(visit.request, _("Saved. It is followed within seconds."))
                return redirect(visit.request.path)
            read_mapping(form.cleaned_data["mapping"])
        except (BadSetUp, BadMapping) as problem:
            refused = str(problem)
    mapping = form.data.get("mapping", "") if posted is not None else ""
    context = {
        "gateway": gateway,
        "source": source,
        "form": form,
        "refused": refused,
        "presets": NAMES.items(),
        "tried": action == "try" and not refused,
        "messages_shown": _shown(visit, source, mapping or (source.mapping if source else "")),
    }
    return visit.page("operator/gateway_mqtt.html", "equipment", context)


def _act(visit: Visit, source: MqttSource, action: str) -> HttpResponseBase:
    if action == "remove":
        publishing.remove(source, at=timezone.now(), actor=visit.by)
        messages.success(visit.request, _("It is listened to no more."))
        return redirect("site-gateway", visit.site.ref, source.gateway.name)
    count = look_again(source)
    said = ngettext("%(count)s message is read again.", "%(count)s messages are read again.", count)
    messages.success(visit.request, said % {"count": count})
    return redirect(visit.request.path)


def _initial(source: MqttSource | None, preset: str) -> dict[str, Any]:
    if source is None:
        return {"mapping": PRESETS.get(preset, PRESETS["fields"])}
    kept = {name: getattr(source, name) for name in publishing.FIELDS if name != "password"}
    return kept | ({"mapping": PRESETS[preset]} if preset in PRESETS else {})


def _shown(visit: Visit, source: MqttSource | None, mapping: str) -> list[Any]:
    """The last messages, each with what ``mapping`` makes of it."""
    if source is None:
        return []
    rows: list[Any] = list(visit.scope.queryset(MqttMessage).filter(source=source)[:SHOWN])
    try:
        wanted = read_mapping(mapping)
    except BadMapping:
        wanted = None
    for row in rows:
        text = bytes(row.payload).decode("utf-8", "replace")[:_LONGEST_SHOWN]
        row.text = "".join(one if one.isprintable() else " " for one in text)
        row.said, row.wrong = [], row.problem
        if wanted is None:
            continue
        try:
            row.said = translate(wanted, row.topic, bytes(row.payload), row.received_at)
            row.wrong = ""
        except BadMessage as problem:
            row.wrong = str(problem)
    return rows
