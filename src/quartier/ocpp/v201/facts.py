"""What the messages of OCPP 2.0.1 say, with the parts that concern nobody left out."""

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
from quartier.ocpp.samples import instant, number, samples_of, text, whole

Payload = dict[str, Any]


def _boot(payload: Payload, _answer: Payload, _findings: list[Finding]) -> Fact:
    station = payload["chargingStation"]
    return Booted(
        text(station["vendorName"]),
        text(station["model"]),
        text(station.get("serialNumber", "")),
        text(station.get("firmwareVersion", "")),
        payload["reason"],
    )


def _status(payload: Payload, _answer: Payload, _findings: list[Finding]) -> Fact:
    return StatusTold(
        instant(payload["timestamp"]),
        number(payload["evseId"]),
        number(payload["connectorId"]),
        Status(payload["connectorStatus"]),
    )


def _transaction(payload: Payload, answer: Payload, findings: list[Finding]) -> Fact:
    transaction = payload["transactionInfo"]
    evse = payload.get("evse", {})
    samples, signed = samples_of(payload.get("meterValue", ()), findings)
    state = transaction.get("chargingState")
    step = Step(payload["eventType"])
    reason = transaction.get("stoppedReason", "Local" if step is Step.ENDED else "")
    return TransactionTold(
        instant(payload["timestamp"]),
        step,
        text(transaction["transactionId"]),
        number(evse["id"]) if evse else None,
        whole(evse.get("connectorId")),
        _token(payload.get("idToken")),
        payload["triggerReason"],
        None if state is None else ChargingState(state),
        reason,
        whole(payload["seqNo"]),
        payload.get("offline", False),
        str(answer.get("idTokenInfo", {}).get("status", "Accepted")) != "Accepted",
        whole(transaction.get("remoteStartId")),
        whole(payload.get("reservationId")),
        samples,
        signed,
    )


def _meter_values(payload: Payload, _answer: Payload, findings: list[Finding]) -> Fact | None:
    samples, signed = samples_of(payload["meterValue"], findings)
    return Measured(number(payload["evseId"]), samples, signed) if samples or signed else None


def _token(told: Payload | None) -> IdToken | None:
    if told is None or told["type"] == "NoAuthorization":
        return None
    return IdToken(text(told["idToken"]), told["type"])


READERS: Mapping[str, Callable[[Payload, Payload, list[Finding]], Fact | None]] = MappingProxyType(
    {
        "BootNotification": _boot,
        "MeterValues": _meter_values,
        "StatusNotification": _status,
        "TransactionEvent": _transaction,
    }
)
"""By action: request, our answer, findings."""
