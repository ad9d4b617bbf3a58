"""Charging profiles of OCPP 1.6 (3.13, SmartCharging): what a station takes without us, and what it
may take for the next minutes."""

from datetime import datetime, timedelta
from typing import Any

DEFAULT_ID, LIMIT_ID = 1, 2
_MARGIN_S = 10
"""A limit has begun when it arrives, though clocks differ by seconds."""


def fallback(amperes: int, phases: int) -> dict[str, Any]:
    """``SetChargingProfile`` for whatever nobody steers, kept by the station."""
    return {
        "connectorId": 0,
        "csChargingProfiles": {
            "chargingProfileId": DEFAULT_ID,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": _schedule(amperes, phases),
        },
    }


def limit(
    amperes: int, phases: int, transaction: int, hold_s: int, now: datetime
) -> dict[str, Any]:
    """``SetChargingProfile`` for ``hold_s`` of a transaction; then the fallback counts again."""
    starts_at = now - timedelta(seconds=_MARGIN_S)
    schedule = _schedule(amperes, phases) | {
        "duration": hold_s + _MARGIN_S,
        "startSchedule": starts_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": LIMIT_ID,
            "transactionId": transaction,
            "stackLevel": 1,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": schedule,
        },
    }


def _schedule(amperes: int, phases: int) -> dict[str, Any]:
    period = {"startPeriod": 0, "limit": amperes, "numberPhases": phases}
    return {"chargingRateUnit": "A", "chargingSchedulePeriod": [period]}
