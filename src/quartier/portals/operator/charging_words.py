"""What stations say, in words for people."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from quartier.apps.charging.folding import fact_in
from quartier.apps.charging.models import ChargingMessage
from quartier.core.charging.facts import (
    REGISTER,
    Booted,
    Measured,
    Sample,
    StatusTold,
    TransactionTold,
)
from quartier.portals.shared import formats

STATUSES: Mapping[str, str | Promise] = {
    "Available": pgettext_lazy("charging station", "free"),
    "Occupied": pgettext_lazy("charging station", "occupied"),
    "Reserved": pgettext_lazy("charging station", "reserved"),
    "Unavailable": pgettext_lazy("charging station", "out of service"),
    "Faulted": pgettext_lazy("charging station", "fault"),
}
STATES: Mapping[str, str | Promise] = {
    "Charging": gettext_lazy("charges"),
    "EVConnected": gettext_lazy("car is connected"),
    "SuspendedEV": gettext_lazy("car takes nothing"),
    "SuspendedEVSE": gettext_lazy("held back by the station"),
    "Idle": gettext_lazy("no car"),
}
STAGES: Mapping[str, str | Promise] = {
    "running": pgettext_lazy("charging session", "running"),
    "ended": pgettext_lazy("charging session", "ended"),
    "abandoned": pgettext_lazy("charging session", "never ended"),
    "refused": pgettext_lazy("charging session", "refused"),
}
REASONS: Mapping[str, str | Promise] = {
    "Local": gettext_lazy("ended at the station"),
    "Remote": gettext_lazy("ended from afar"),
    "EVDisconnected": gettext_lazy("car unplugged"),
    "DeAuthorized": gettext_lazy("badge not accepted"),
    "PowerLoss": gettext_lazy("power failure"),
    "Reboot": gettext_lazy("the station started anew"),
    "SoftReset": gettext_lazy("the station started anew"),
    "HardReset": gettext_lazy("the station started anew"),
    "ImmediateReset": gettext_lazy("the station started anew"),
    "EmergencyStop": gettext_lazy("emergency stop"),
    "Timeout": gettext_lazy("no car came"),
    "StoppedByEV": gettext_lazy("ended by the car"),
    "UnlockCommand": gettext_lazy("unlocked from afar"),
}
"""OCPP 2.0.1, ReasonEnumType, with those of 1.6; others are shown as they are."""
_STEPS: Mapping[str, str | Promise] = {
    "Started": gettext_lazy("Charging began"),
    "Updated": gettext_lazy("Charging goes on"),
    "Ended": gettext_lazy("Charging ended"),
}
_ACTIONS: Mapping[str, str | Promise] = {
    "Authorize": gettext_lazy("Badge held to the station"),
    "BootNotification": gettext_lazy("Station started"),
    "MeterValues": gettext_lazy("Meter values"),
    "StatusNotification": gettext_lazy("Status"),
    "FirmwareStatusNotification": gettext_lazy("Firmware"),
    "DiagnosticsStatusNotification": gettext_lazy("Diagnostics"),
    "LogStatusNotification": gettext_lazy("Diagnostics"),
    "SecurityEventNotification": gettext_lazy("Security event"),
    "DataTransfer": gettext_lazy("Message of the maker"),
    "NotifyReport": gettext_lazy("Settings of the station"),
    "NotifyEvent": gettext_lazy("Event"),
}


def word(words: Mapping[str, str | Promise], key: str) -> str:
    """The word for ``key``; what has none is shown as the station says it."""
    return str(words.get(key, key))


def told(message: ChargingMessage) -> tuple[str, str]:
    """What a message is, and what it says, in one line each."""
    try:
        fact = fact_in(message)
    except (ValueError, KeyError):
        return message.action, ""
    title = word(_ACTIONS, message.action)
    if isinstance(fact, Booted):
        about = (fact.vendor, fact.model, fact.serial, fact.firmware)
        return title, " · ".join(part for part in about if part)
    if isinstance(fact, StatusTold):
        parts = [_evse(fact.evse_id), word(STATUSES, fact.status)]
        parts += [word(STATES, fact.state)] if fact.state else []
        return title, ", ".join([*parts, *([fact.error] if fact.error else [])])
    if isinstance(fact, TransactionTold):
        parts = [_("no. %(number)s") % {"number": fact.transaction_id}]
        parts += [_evse(fact.evse_id)] if fact.evse_id is not None else []
        parts += [fact.token.text] if fact.token else []
        parts += [_("refused")] if fact.is_refused else []
        parts += _registers(fact.samples)
        parts += [word(REASONS, fact.stopped)] if fact.stopped else []
        return word(_STEPS, fact.step), " · ".join(parts)
    if isinstance(fact, Measured):
        return title, " · ".join([_evse(fact.evse_id), *_registers(fact.samples)])
    return title, ""


def _evse(number: int) -> str:
    if not number:
        return _("whole station")
    return _("charging point %(number)s") % {"number": number}


def _registers(samples: tuple[Sample, ...]) -> list[str]:
    """The last register among them, as a meter shows it."""
    found = [one for one in samples if one.measurand == REGISTER and not one.phase]
    if not found:
        return []
    language = get_language() or "de"
    return [f"{formats.number(found[-1].value / 1000, 3, language)}\N{NO-BREAK SPACE}kWh"]


def findings_for(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Stored findings, those first that stop a bill."""
    order = {"error": 0, "warning": 1}
    return sorted(rows, key=lambda one: order.get(one["severity"], 2))
