"""One device exchanged for another, in the meter room: what both show, a review, done."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from quartier.apps.access.permissions import Permission
from quartier.apps.equipment.gateways import MBUS, BadSetUp, How, drivers, is_unverified
from quartier.apps.equipment.models import Connection, Device, Meter, Register
from quartier.apps.intake.exchange import (
    Counted,
    Counter,
    Exchange,
    Outcome,
    counters_of,
    exchange,
)
from quartier.apps.intake.exchange_check import BadExchange, last_readings
from quartier.apps.intake.exchange_undo import last_exchange, undo_exchange
from quartier.apps.metering.by_hand import instant_of, local_text
from quartier.apps.metering.operations import BadEdit
from quartier.portals.shared import formats
from quartier.portals.shared.gate import Visit, site_page
from quartier.portals.shared.printable import printable
from quartier.portals.shared.sentences.reader import read
from quartier.portals.shared.templatetags.quartier import language
from quartier.portals.shared.units import unit_of
from quartier.portals.shared.words import word_of

_KILO = Decimal(1000)
_MOST_REGISTERS = 4


class ExchangeForm(forms.Form):
    """When, what the old device showed, and what the new one is."""

    at = forms.CharField(label=gettext_lazy("When"), max_length=40)
    serial = forms.CharField(
        label=gettext_lazy("Number of the new device"), max_length=40, validators=[printable]
    )
    factor = forms.DecimalField(
        label=gettext_lazy("Factor (CT/VT)"),
        initial=1,
        min_value=Decimal("0.000001"),
        max_digits=12,
        decimal_places=6,
        help_text=gettext_lazy("1 for a direct meter; 40 for transformers 200/5 A"),
    )
    digits = forms.IntegerField(
        label=gettext_lazy("Digits before the point"),
        required=False,
        min_value=1,
        max_value=12,
        help_text=gettext_lazy("Needed to see that the counter began anew at 0"),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        registers: list[Register],
        old: Device | None,
        is_read: bool,
        connection: Connection | None,
        is_needed: bool,
    ) -> None:
        super().__init__(data)
        self.registers = registers
        order = ["at"]
        if is_read and old is None:
            order.append("old_serial")
            self.fields["old_serial"] = forms.CharField(
                label=_("Number of the old device"), max_length=40, validators=[printable]
            )
        for register in registers:
            named = {"what": word_of(register.direction), "unit": unit_of(register)}
            if is_read or old is not None:
                order.append(f"final-{register.pk}")
                self.fields[f"final-{register.pk}"] = _counter(
                    _("Final reading, %(what)s (%(unit)s)") % named, is_needed
                )
            start = _counter(_("Start reading, %(what)s (%(unit)s)") % named, is_needed)
            start.initial = 0
            self.fields[f"start-{register.pk}"] = start
        order += ["serial", *(f"start-{one.pk}" for one in registers), "factor", "digits"]
        if connection is not None:
            _add_connection(self, connection)
            order += ["model", "address"]
        self.order_fields(order)


def _counter(label: str, is_needed: bool) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        required=is_needed,
        min_value=0,
        max_digits=15,
        decimal_places=6,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "any", "min": "0"}),
    )


def _add_connection(form: ExchangeForm, connection: Connection) -> None:
    readable = [one for one in drivers() if one.is_meter]
    choices = [(f"{MBUS}/", "M-Bus")]
    choices += [
        (f"{one.head.key}/{model.name}", f"{one.head.family} · {read(model.name)}")
        for one in readable
        if one.head.key != MBUS
        for model in one.head.models
    ]
    now = f"{connection.driver}/{connection.model}"
    if now not in dict(choices):
        choices.insert(0, (now, " · ".join(filter(None, (connection.driver, connection.model)))))
    form.fields["model"] = forms.ChoiceField(
        label=_("Model"),
        choices=choices,
        initial=now,
        help_text=_("A driver that is not verified waits for a comparison with the display."),
    )
    form.fields["address"] = forms.CharField(
        label=_("Address on the bus"), max_length=16, initial=connection.address
    )


@site_page(Permission.EQUIP)
def exchange_page(visit: Visit, meter_ref: str) -> HttpResponseBase:
    """Ask, show what will happen, do it."""
    rows: QuerySet[Meter] = visit.scope.queryset(Meter).select_related("site")
    meter = get_object_or_404(rows, site=visit.site, ref=meter_ref)
    now, posted = timezone.now(), visit.request.POST
    step = posted.get("step", "")
    refused, outcome = "", None
    if step == "undo":
        try:
            undo_exchange(meter, at=now, actor=visit.by)
        except (BadExchange, BadSetUp) as problem:
            refused = read(problem)
        else:
            text = _("%(name)s: the exchange is taken back.")
            messages.success(visit.request, text % {"name": meter.name})
            return redirect("site-meter", visit.site.ref, meter.ref)
    registers = counters_of(meter)[:_MOST_REGISTERS]
    old = Device.objects.filter(meter=meter, removed_at=None).first()
    known = last_readings(meter, registers, old, now)
    connection = (
        Connection.objects.filter(meter=meter, bus__isnull=False).select_related("bus").first()
    )
    form = ExchangeForm(
        posted if step in ("review", "commit", "back") else None,
        registers=registers,
        old=old,
        is_read=any(one.last for one in known.values()),
        connection=connection,
        is_needed=meter.source == Meter.Source.REGISTER,
    )
    tz = ZoneInfo(visit.site.timezone)
    form.fields["at"].initial = local_text(now, tz)
    form.fields["at"].help_text = _("On the clock of the site, like 2026-03-01 14:15")
    if step in ("review", "commit") and form.is_valid():
        try:
            asked = _asked(form, connection, tz)
            seen = posted.get("seen", "") if step == "commit" else ""
            outcome = exchange(meter, asked, at=now, actor=visit.by, seen=seen)
        except (BadExchange, BadSetUp, BadEdit) as problem:
            refused = read(problem)
        else:
            if outcome.is_kept:
                return _done(visit, meter, outcome)
            if step == "commit":
                refused = _("Nothing was changed: something else stands here since. Look again.")
    context = {
        "meter": meter,
        "form": form,
        "old": old,
        "is_virtual": meter.source == Meter.Source.VIRTUAL,
        "refused": refused,
        "last_exchange": None if outcome else last_exchange(meter),
        "outcome": outcome,
        "billed": ", ".join(map(read, outcome.billed)) if outcome else "",
        "lines": [_line(visit, one) for one in outcome.counted] if outcome else [],
        "known": [_known(visit, one, known[one.pk].last) for one in registers],
        "is_unverified": outcome is not None
        and connection is not None
        and is_unverified(form.cleaned_data["model"].partition("/")[0], connection.settings),
        "model": dict(getattr(form.fields.get("model"), "choices", ())).get(
            form.cleaned_data.get("model") if outcome else None, ""
        ),
    }
    return visit.page("operator/exchange.html", "equipment", context)


def _asked(form: ExchangeForm, connection: Connection | None, tz: ZoneInfo) -> Exchange:
    """What was typed. Raises ``BadEdit`` for a time that never was, or was twice."""
    typed = form.cleaned_data
    how = None
    if connection is not None:
        driver, _slash, model = typed["model"].partition("/")
        is_same = (driver, model) == (connection.driver, connection.model)
        kept = dict(connection.settings) if driver == connection.driver else {}
        how = How(driver, model, connection.plan, kept)
        if is_same:
            how = How(driver, model, connection.plan, dict(connection.settings))
    return Exchange(
        at=instant_of(typed["at"], tz),
        serial=typed["serial"].strip(),
        counters=tuple(
            Counter(one, _units(typed.get(f"final-{one.pk}")), _units(typed[f"start-{one.pk}"]))
            for one in form.registers
        ),
        factor=typed["factor"],
        digits=typed["digits"],
        old_serial=typed.get("old_serial", "").strip(),
        how=how,
        address=typed.get("address", "").strip().upper(),
    )


def _units(shown: Decimal | None) -> Decimal | None:
    """What a display shows in kWh or m3, in the register's unit."""
    return None if shown is None else shown * _KILO


def _done(visit: Visit, meter: Meter, outcome: Outcome) -> HttpResponseBase:
    text = (
        _("%(name)s: %(new)s is installed.")
        if outcome.old is None
        else _("%(name)s: %(old)s was exchanged for %(new)s.")
    )
    named = {
        "name": meter.name,
        "old": outcome.old.serial if outcome.old else "",
        "new": outcome.new.serial,
    }
    messages.success(visit.request, text % named)
    if outcome.billed:
        messages.warning(
            visit.request,
            _("Issued invoices rest on the old values: %(numbers)s. Credit and bill them again.")
            % {"numbers": ", ".join(map(read, outcome.billed))},
        )
    return redirect("site-meter", visit.site.ref, meter.ref)


def _line(visit: Visit, one: Counted) -> dict[str, Any]:
    return {
        **_known(visit, one.register, one.last),
        "final": _shown(one.counter.final),
        "start": _shown(one.counter.start),
        "gap": _shown(one.gap_wh),
        "later": one.later,
        "before_wh": one.before_wh,
        "after_wh": one.after_wh,
        "changed": one.changed,
    }


def _known(visit: Visit, register: Register, last: Any) -> dict[str, Any]:
    return {
        "register": register,
        "unit": unit_of(register),
        "last": _shown(last.value) if last else "",
        "last_at": _moment(visit, last.read_at) if last else "",
    }


def _shown(value: Decimal | None) -> str:
    return "" if value is None else formats.number(value / _KILO, 3, language())


def _moment(visit: Visit, at: datetime) -> str:
    return formats.moment(at, visit.site.timezone)
