"""What each meter of a gateway showed last: kept for inspection, one row a meter, overwritten."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from quartier.apps.metering.models import Momentary
from quartier.apps.metering.places import Place, Places
from quartier.core.kernel.findings import Finding, warning
from quartier.core.kernel.obis import NotObis, Obis
from quartier.core.kernel.period import utc
from quartier.core.metering.momentary import is_momentary
from quartier.formats.uplink.batch import Batch, Column, Kind
from quartier.formats.uplink.signature import MOST_SKEW_SECONDS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MOST_MS = MOST_SKEW_SECONDS * 1000

Told = tuple[str, int]
"""A value as text and its instant, in milliseconds since 1970."""


def keep(places: Places, batch: Batch, *, at: datetime) -> list[Finding]:
    """Keep the last value of each meter and code of ``batch`` that is later than the one there is;
    what of it belongs nowhere is a finding. Two queries, none where there is nothing to keep."""
    now_ms = (utc(at) - _EPOCH) // _MILLISECOND
    new: dict[int, dict[str, Told]] = defaultdict(dict)
    findings: dict[str, Finding] = {}
    for column in batch.columns:
        if column.kind in (Kind.REGISTER, Kind.SWITCH) or not column.measurements:
            continue
        code = _code(column)
        place = Place(column.meter, column.obis, column.kind.value, column.serial)
        meter_id = places.find(place).meter_id
        if code is None or not meter_id:
            if column.kind is Kind.MOMENTARY:
                findings[f"{column.meter} {column.obis}"] = _unknown(column)
            continue
        last = column.measurements[-1]
        at_ms = (utc(last.measured_at) - _EPOCH) // _MILLISECOND
        if at_ms > now_ms + _MOST_MS:
            findings[f"{column.meter} {column.obis}"] = _in_future(column)
            continue
        told = (f"{last.value:f}", at_ms)
        if at_ms >= new[meter_id].get(code, told)[1]:
            new[meter_id][code] = told
    _store(new)
    return list(findings.values())


def values_of(row: Momentary, *, since: datetime) -> dict[Obis, Decimal]:
    """What ``row`` shows, as far as it was read at ``since`` or later."""
    return {
        Obis.parse(code): Decimal(value)
        for code, (value, at_ms) in row.shown.items()
        if _EPOCH + at_ms * _MILLISECOND >= since
    }


def last_at(row: Momentary) -> datetime | None:
    """When the last value of ``row`` was read."""
    times = [at_ms for _, at_ms in row.shown.values()]
    return _EPOCH + max(times) * _MILLISECOND if times else None


def _store(new: dict[int, dict[str, Told]]) -> None:
    if not any(new.values()):
        return
    rows = {row.meter_id: row for row in Momentary.objects.filter(meter__in=new)}
    for meter_id, told in new.items():
        row = rows.setdefault(meter_id, Momentary(meter_id=meter_id, shown={}))
        for code, (value, at_ms) in told.items():
            if at_ms >= row.shown.get(code, ("", at_ms))[1]:
                row.shown[code] = [value, at_ms]
    Momentary.objects.bulk_create(
        rows.values(), update_conflicts=True, unique_fields=["meter"], update_fields=["shown"]
    )


def _code(column: Column) -> str | None:
    """The code in its full form, where an inspection looks at it."""
    try:
        code = Obis.parse(column.obis)
    except NotObis:
        return None
    return str(code) if is_momentary(code) else None


def _unknown(column: Column) -> Finding:
    return warning(
        "gateway.unknown_momentary",
        "A meter or an OBIS code of an inspection is not known; its values were not taken.",
        where=f"{column.meter} {column.obis}",
        remedy="Add the meter, or correct its reference or its driver.",
    )


def _in_future(column: Column) -> Finding:
    return warning(
        "gateway.momentary_in_future",
        "What the meter shows now has a time in the future; it was not taken.",
        where=f"{column.meter} {column.obis}",
        remedy="Set the clock of the gateway.",
    )
