"""Rows to core values and back."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec

from quartier.apps.charging.models import ChargingSession, EvseQuarter, StatusChange
from quartier.core.charging.facts import ChargingState, Status, StatusTold
from quartier.core.charging.record import Quarter, Record
from quartier.core.charging.session import Session
from quartier.core.kernel.findings import Finding

_encoder = msgspec.json.Encoder(order="deterministic")
_record = msgspec.json.Decoder(Record)
_quarter = msgspec.json.Decoder(Quarter)


def written_record(record: Record) -> str:
    """The same text for the same record."""
    return _encoder.encode(msgspec.to_builtins(record, str_keys=True)).decode()


def record_of(row: ChargingSession) -> Record:
    """All that was told of the session."""
    return _record.decode(row.record)


def written_quarter(quarter: Quarter) -> str:
    """The same text for the same registers."""
    return _encoder.encode(quarter).decode()


def quarter_of(row: EvseQuarter) -> Quarter:
    """What the EVSE told."""
    return _quarter.decode(row.registers)


def status_of(row: StatusChange) -> StatusTold:
    """What the connector told."""
    return StatusTold(
        row.at,
        row.evse_id,
        row.connector_id,
        Status(row.status),
        ChargingState(row.state) if row.state else None,
        row.error,
    )


def fields_of(session: Session) -> dict[str, Any]:
    """What a row says of a session, beside its record."""
    return {
        "evse_id": session.evse_id,
        "connector_id": session.connector_id,
        "stage": session.stage.value,
        "token": session.token.text if session.token else "",
        "token_kind": session.token.kind if session.token else "",
        "begun_at": session.begun_at,
        "ended_at": session.ended_at,
        "reason": session.reason,
        "begin_wh": session.begin_wh,
        "end_wh": session.end_wh,
        "energy_wh": session.energy_wh,
        "first_slot": session.quarters.first_slot,
        "energies_wh": session.quarters.energies_wh,
        "qualities": [int(one) for one in session.quarters.qualities],
        "is_estimated": session.is_estimated,
        "plugged_in_at": session.times.plugged_in_at,
        "plugged_out_at": session.times.plugged_out_at,
        "charging_s": _seconds(session.times.charging),
        "held_s": _seconds(session.times.held),
        "idle_s": _seconds(session.times.idle),
        "is_sound": session.is_sound,
        "findings": _written(session.findings),
    }


def _written(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [
        {
            "code": one.code,
            "severity": one.severity.value,
            "message": one.message,
            "remedy": one.remedy,
        }
        for one in findings
    ]


def _seconds(length: timedelta) -> int:
    return length // timedelta(seconds=1)
