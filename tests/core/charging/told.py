"""Facts of charging sessions, for tests."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from quartier.core.charging.facts import (
    REGISTER,
    IdToken,
    Measured,
    Sample,
    Status,
    StatusTold,
    Step,
    TransactionTold,
)
from quartier.core.charging.record import Record
from quartier.core.kernel.period import slot_at

T0 = datetime(2026, 3, 1, 10, tzinfo=UTC)
SLOT = slot_at(T0)
BADGE = IdToken("04A1B2C3")


def minute(minutes):
    return T0 + timedelta(minutes=minutes)


def register(minutes, wh, **more):
    found = {
        "measurand": REGISTER,
        "unit": "Wh",
        "context": "Sample.Periodic",
        "location": "Outlet",
        "phase": "",
    }
    return Sample(minute(minutes), value=Decimal(wh), **{**found, **more})


def begun(minutes=0, wh=None, *, token=BADGE, **more):
    samples = () if wh is None else (register(minutes, wh),)
    return TransactionTold(minute(minutes), Step.STARTED, "7", 1, 1, token, samples=samples, **more)


def told(minutes, *registers, evse_id=1, **more):
    samples = tuple(register(*one) for one in registers)
    return TransactionTold(minute(minutes), Step.UPDATED, "7", evse_id, samples=samples, **more)


def ended(minutes, wh=None, **more):
    samples = () if wh is None else (register(minutes, wh),)
    more = {"stopped": "Local", **more}
    return TransactionTold(minute(minutes), Step.ENDED, "7", samples=samples, **more)


def status(minutes, kind=Status.OCCUPIED, state=None):
    return StatusTold(minute(minutes), 1, 1, kind, state)


def aligned(minutes, wh):
    return Measured(1, (register(minutes, wh, context="Sample.Clock"),))


def record(*facts, late=timedelta(seconds=1)):
    found = Record()
    for fact in facts:
        found = found.with_told(fact, fact.at + late)
    return found
