"""What the messages of OCPP 1.6 say, in the words of 2.0.1.

Connector N is EVSE N with one connector: 1.6 lets a connector have one transaction, which is what
an EVSE is in 2.0.1 [GK].
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from quartier.core.charging.facts import (
    Booted,
    ChargingState,
    Fact,
    IdToken,
    Measured,
    Status,
    StatusTold,
    Step,
    TransactionTold,
)
from quartier.core.kernel.findings import Finding
from quartier.ocpp.samples import instant, number, register, samples_of, text, whole

_BEGIN, _END = "Transaction.Begin", "Transaction.End"
_STATUS = {
    "Available": (Status.AVAILABLE, None),
    "Preparing": (Status.OCCUPIED, None),
    "Charging": (Status.OCCUPIED, ChargingState.CHARGING),
    "SuspendedEVSE": (Status.OCCUPIED, ChargingState.SUSPENDED_EVSE),
    "SuspendedEV": (Status.OCCUPIED, ChargingState.SUSPENDED_EV),
    "Finishing": (Status.OCCUPIED, ChargingState.EV_CONNECTED),
    "Reserved": (Status.RESERVED, None),
    "Unavailable": (Status.UNAVAILABLE, None),
    "Faulted": (Status.FAULTED, None),
}
"""OCPP 1.6, 4.9: Preparing is a car or a driver without the other; Finishing is a car whose
transaction has ended."""

Payload = dict[str, Any]


def _boot(payload: Payload, _answer: Payload, _findings: list[Finding]) -> Fact:
    serial = payload.get("chargePointSerialNumber") or payload.get("chargeBoxSerialNumber", "")
    return Booted(
        text(payload["chargePointVendor"]),
        text(payload["chargePointModel"]),
        text(serial),
        text(payload.get("firmwareVersion", "")),
        "",
    )


def _status(payload: Payload, _answer: Payload, _findings: list[Finding]) -> Fact:
    status, state = _STATUS[payload["status"]]
    error = payload["errorCode"]
    told_at = payload.get("timestamp")
    return StatusTold(
        None if told_at is None else instant(told_at),
        number(payload["connectorId"]),
        1 if payload["connectorId"] else 0,
        status,
        state,
        "" if error == "NoError" else error,
    )


def _start(payload: Payload, answer: Payload, findings: list[Finding]) -> Fact:
    at = instant(payload["timestamp"])
    return TransactionTold(
        at,
        Step.STARTED,
        str(int(answer["transactionId"])),
        number(payload["connectorId"]),
        1,
        IdToken(text(payload["idTag"])),
        is_refused=_is_refused(answer),
        reservation_id=whole(payload.get("reservationId")),
        samples=register(at, payload["meterStart"], _BEGIN, findings),
    )


def _stop(payload: Payload, answer: Payload, findings: list[Finding]) -> Fact:
    at = instant(payload["timestamp"])
    samples, signed = samples_of(payload.get("transactionData", ()), findings)
    tag = payload.get("idTag")
    return TransactionTold(
        at,
        Step.ENDED,
        str(number(payload["transactionId"])),
        token=IdToken(text(tag)) if tag else None,
        stopped=payload.get("reason", "Local"),
        is_refused=_is_refused(answer),
        samples=(*samples, *register(at, payload["meterStop"], _END, findings)),
        signed=signed,
    )


def _meter_values(payload: Payload, _answer: Payload, findings: list[Finding]) -> Fact | None:
    samples, signed = samples_of(payload["meterValue"], findings)
    if not samples and not signed:
        return None
    evse_id = number(payload["connectorId"])
    if "transactionId" not in payload:
        return Measured(evse_id, samples, signed)
    return TransactionTold(
        max([one.at for one in samples] + [one.at for one in signed]),
        Step.UPDATED,
        str(number(payload["transactionId"])),
        evse_id,
        1,
        samples=samples,
        signed=signed,
    )


def _is_refused(answer: Payload) -> bool:
    return str(answer.get("idTagInfo", {}).get("status", "Accepted")) != "Accepted"


READERS: Mapping[str, Callable[[Payload, Payload, list[Finding]], Fact | None]] = MappingProxyType(
    {
        "BootNotification": _boot,
        "MeterValues": _meter_values,
        "StartTransaction": _start,
        "StatusNotification": _status,
        "StopTransaction": _stop,
    }
)
"""By action: request, our answer, findings."""
