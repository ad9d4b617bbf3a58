"""The readers of badges of a gateway: how what is held to them reaches it."""

from ipaddress import ip_network
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.gateways import BadSetUp
from quartier.apps.equipment.listening import add_reader, remove_reader
from quartier.apps.equipment.models import BadgeReader, Gateway
from quartier.formats.uplink.badge_readers import FRAME_BITS, ReaderKind
from quartier.portals.shared.gate import Visit, site_page

_NAME = r"^[0-9A-Za-z][0-9A-Za-z._\-]{0,62}$"
_FIELD = r"^[A-Za-z_][A-Za-z0-9_\-]{0,31}$"
_DEVICE = r"^/dev/input/[0-9A-Za-z][0-9A-Za-z._:/\-]{0,110}$"
_NOTATIONS = {
    "hex": gettext_lazy("hexadecimal"),
    "decimal": gettext_lazy("decimal"),
    "facility_card": gettext_lazy("facility code and card number"),
    "bits": gettext_lazy("bits of the frame"),
}
_KEYS = {
    "none": gettext_lazy("no keypad"),
    "before": gettext_lazy("keys before the badge"),
    "after": gettext_lazy("keys after the badge"),
}
_WAITS = {"keys_s": 10, "repeat_s": 3}


def _network(text: str) -> None:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise ValidationError(
            _("Type a network address such as 192.168.1.30 or 192.168.1.0/24.")
        ) from None


class ReaderForm(forms.Form):
    """What every kind of reader has."""

    name = forms.RegexField(_NAME, label=gettext_lazy("Name"))
    notation = forms.ChoiceField(
        label=gettext_lazy("Notation of the numbers"), choices=[*_NOTATIONS.items()]
    )
    bits = forms.TypedChoiceField(
        label=gettext_lazy("Bits of a Wiegand frame"),
        help_text=gettext_lazy("34 for badges of four bytes, 58 for seven"),
        choices=[(one, str(one)) for one in FRAME_BITS],
        initial=34,
        coerce=int,
    )
    keys = forms.ChoiceField(label=gettext_lazy("Keypad"), choices=[*_KEYS.items()])
    is_reversed = forms.BooleanField(label=gettext_lazy("Last byte first"), required=False)


class ListeningForm(ReaderForm):
    """A controller in the network: where the gateway listens to it."""

    listen = forms.GenericIPAddressField(
        label=gettext_lazy("Address of the gateway"),
        help_text=gettext_lazy("In the network of the reader; it listens nowhere else"),
    )
    port = forms.IntegerField(
        label=gettext_lazy("TCP port"), min_value=1024, max_value=65535, initial=8090
    )
    source = forms.CharField(
        label=gettext_lazy("Address of the controller"), max_length=63, validators=[_network]
    )


class HttpForm(ListeningForm):
    """It asks a page of the gateway for each badge."""

    card_field = forms.RegexField(_FIELD, label=gettext_lazy("Field of the number"), initial="card")
    keys_field = forms.RegexField(
        _FIELD, label=gettext_lazy("Field of the keys"), required=False, initial=""
    )


class TcpForm(ListeningForm):
    """It sends a line for each badge."""

    template = forms.RegexField(
        r"^[ -~]*\{card\}[ -~]*$",
        label=gettext_lazy("Template of a line"),
        help_text=gettext_lazy("{card} is the number, {keys} the keys, {any} anything"),
        initial="{card}",
        max_length=63,
        strip=False,
    )
    accepted = forms.RegexField(
        r"^[ -~]*$",
        label=gettext_lazy("Line for an accepted badge"),
        max_length=63,
        required=False,
    )
    refused = forms.RegexField(
        r"^[ -~]*$", label=gettext_lazy("Line for a refused badge"), max_length=63, required=False
    )


class KeyboardForm(ReaderForm):
    """It types at a USB port of the gateway."""

    device = forms.RegexField(
        _DEVICE, label=gettext_lazy("Input device"), initial="/dev/input/by-id/"
    )


KINDS: dict[ReaderKind, tuple[Any, type[ReaderForm]]] = {
    ReaderKind.HTTP: (gettext_lazy("Controller that asks over HTTP"), HttpForm),
    ReaderKind.TCP: (gettext_lazy("Controller that sends lines over TCP"), TcpForm),
    ReaderKind.KEYBOARD: (gettext_lazy("Reader at a USB port"), KeyboardForm),
}


@site_page(Permission.EQUIP)
def gateway_readers(visit: Visit, name: str) -> HttpResponseBase:
    """The readers of the gateway; a form for each kind of new one."""
    gateway = get_object_or_404(
        visit.scope.queryset(Gateway).select_related("site"), site=visit.site, name=name
    )
    filled: ReaderForm | None = None
    refused = ""
    if visit.request.method == "POST":
        try:
            filled = _act(visit, gateway)
        except BadSetUp as problem:
            refused = str(problem)
        else:
            if filled is None:
                return redirect("site-gateway-readers", visit.site.ref, name)
    rows: list[Any] = list(
        visit.scope.queryset(BadgeReader).filter(gateway=gateway).order_by("name")
    )
    for row in rows:
        row.kind_name = KINDS[ReaderKind(row.kind)][0]
        row.told = row.settings
        row.notation_name = _NOTATIONS[row.told.notation]
    posted = visit.request.POST.get("kind", "")
    context = {
        "gateway": gateway,
        "readers": rows,
        "kinds": [
            (kind.value, text, _form(kind, filled, visit, refused), kind.value == posted)
            for kind, (text, _form_class) in KINDS.items()
        ],
        "refused": refused,
    }
    return visit.page("operator/gateway_readers.html", "equipment", context)


def _form(kind: ReaderKind, filled: ReaderForm | None, visit: Visit, refused: str) -> ReaderForm:
    form = KINDS[kind][1]
    prefix = f"id_{kind.value}_%s"
    if visit.request.POST.get("kind") == kind.value and (filled or refused):
        return form(visit.request.POST, auto_id=prefix)
    return form(auto_id=prefix)


def _act(visit: Visit, gateway: Gateway) -> ReaderForm | None:
    """Do what was asked; the form where it has faults. Raises :class:`BadSetUp`."""
    posted = visit.request.POST
    if "remove" in posted:
        rows = visit.scope.queryset(BadgeReader).select_related("gateway__site")
        row = get_object_or_404(rows, gateway=gateway, name=posted["remove"])
        remove_reader(row, at=timezone.now(), actor=visit.by)
        return None
    kinds = {one.value: one for one in ReaderKind}
    kind = kinds.get(posted.get("kind", ""))
    if kind is None:
        raise BadSetUp("choose how the reader reaches the gateway")
    form = KINDS[kind][1](posted)
    if not form.is_valid():
        return form
    parameters = {key: value for key, value in form.cleaned_data.items() if key != "name"}
    name = form.cleaned_data["name"]
    add_reader(gateway, name, kind, parameters | _WAITS, at=timezone.now(), actor=visit.by)
    messages.success(visit.request, _("Added."))
    return None
