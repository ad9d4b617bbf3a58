"""docs/algorithms/charging.md: quarter-hours of a session, and what stops a bill."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from quartier.core.charging.facts import REGISTER, IdToken, Sample, Step, TransactionTold
from quartier.core.charging.quarters import quarters_of
from quartier.core.charging.record import Point, Record
from quartier.core.charging.session import session_of
from quartier.core.kernel.findings import Severity
from quartier.core.kernel.quality import Quality

_T0 = datetime(2026, 3, 1, 10, tzinfo=UTC)
_STEPS = {"begin": Step.STARTED, "refused": Step.STARTED, "told": Step.UPDATED, "end": Step.ENDED}


def _minute(text):
    return _T0 + timedelta(minutes=float(text))


def quarters(row):
    pairs = (one.split(": ") for one in row["registers"].split(", "))
    found = quarters_of([Point(_minute(at), Decimal(wh)) for at, wh in pairs])
    energies = zip(found.energies_wh, found.qualities, strict=True)
    shown = (f"{'~' if kind is Quality.ESTIMATED else ''}{wh}" for wh, kind in energies)
    assert ", ".join(shown) == row["Wh of each quarter-hour"]
    assert sum(found.energies_wh) == int(row["together"])


def _step(kind, minute, wh):
    at = _minute(minute)
    samples = ()
    if wh != "-":
        samples = (Sample(at, REGISTER, Decimal(wh), "Wh", "", "Outlet", ""),)
    token = IdToken("04A1B2C3") if _STEPS[kind] is Step.STARTED else None
    return TransactionTold(
        at,
        _STEPS[kind],
        "1",
        1,
        token=token,
        stopped="Local" if kind == "end" else "",
        is_refused=kind == "refused",
        samples=samples,
    )


def judged(row):
    record, next_begun_at = Record(), None
    for kind, minute, *wh in (one.split() for one in row["told"].split(", ")):
        if kind == "next":
            next_begun_at = _minute(minute)
        else:
            told = _step(kind, minute, *wh)
            record = record.with_told(told, told.at)
    session = session_of(record, next_begun_at=next_begun_at)
    assert session.stage == row["becomes"]
    assert session.energy_wh == int(row["Wh"])
    said = (
        "error " * (one.severity is Severity.ERROR) + one.code.removeprefix("charging.")
        for one in session.findings
    )
    assert ", ".join(said) == row["said"]
