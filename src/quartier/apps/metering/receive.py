"""What gateways send: kept as it came, each value once, then turned into quarter-hours.

Nothing that came is lost: what no register can take yet waits (``Unplaced``), and is looked at
again with every later batch of its gateway.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from django.db import connection, transaction

from quartier.apps.equipment import switching
from quartier.apps.equipment.models import Gateway
from quartier.apps.equipment.reports import keep_findings
from quartier.apps.metering import momentary, powers
from quartier.apps.metering.blocks import lock_site
from quartier.apps.metering.conversion import IncomingReading
from quartier.apps.metering.conversion import receive as receive_readings
from quartier.apps.metering.models import GatewayBuffer, Unplaced, UnplacedValue
from quartier.apps.metering.places import Place, Places
from quartier.apps.metering.powers import Power
from quartier.core.kernel.findings import Finding, error, warning
from quartier.core.kernel.quality import Quality
from quartier.formats.uplink.batch import Batch, Kind, Measurement
from quartier.formats.uplink.signature import MOST_SKEW_SECONDS

MOST_RETRIED = 50_000
"""Values that waited and are placed with one batch; the rest follow with the next."""

_SKEW = timedelta(seconds=MOST_SKEW_SECONDS)
_CLOCK_OFF = timedelta(seconds=30)
_STEP = Decimal("0.001")
_MOST = Decimal(10) ** 12
_ROWS = 1000
_PLACEABLE = (Unplaced.Reason.METER, Unplaced.Reason.REGISTER, Unplaced.Reason.DEVICE)
_WHY = {
    Unplaced.Reason.METER: "The site has no such meter; its values wait.",
    Unplaced.Reason.REGISTER: "The meter has no register with this OBIS code; its values wait.",
    Unplaced.Reason.DEVICE: "The meter has no device with that serial; its values wait.",
    Unplaced.Reason.CLOCK: "Values were read in the future; they are kept apart.",
    Unplaced.Reason.VALUE: "Values are larger than any register shows; they are kept apart.",
}
_REMEDY = {
    Unplaced.Reason.METER: "Add the meter, or correct its reference.",
    Unplaced.Reason.REGISTER: "Add the register to the meter.",
    Unplaced.Reason.DEVICE: "Enter the exchange of the meter, or correct its serial or address.",
    Unplaced.Reason.CLOCK: "Set the clock of the gateway.",
    Unplaced.Reason.VALUE: "Check driver and model of the meter.",
}


class BufferConflict(ValueError):
    """The buffer is another gateway's: two gateways run on copies of one disk."""


@dataclass
class Accepted:
    """What became of a batch. ``kept``: up to which number of its buffer all is stored once the
    transaction around it has ended."""

    kept: int
    stored: int = 0
    known: int = 0
    waiting: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass
class _Sorted:
    readings: list[IncomingReading] = field(default_factory=list)
    powers: list[Power] = field(default_factory=list)
    waiting: dict[tuple[Place, str], list[Measurement]] = field(default_factory=dict)


def receive_batch(gateway: Gateway, batch: Batch, *, received_at: datetime) -> Accepted:
    """Store ``batch`` and bring the quarter-hours up to date, all or nothing.

    Repeated, reordered and partial batches give the same: a reading is known by register, instant
    and gateway. A value keeps three decimals. Where a lock refuses a change the reading is kept
    and a finding says so. Raises :class:`BufferConflict`.
    """
    accepted = Accepted(kept=batch.last)
    with transaction.atomic():
        _commit_to_disk()
        lock_site(gateway.site_id)
        noticed = list(_mark(gateway, batch, received_at))
        places = Places.of(gateway.site_id)
        got = _Sorted()
        noticed += momentary.keep(places, batch, at=received_at)
        noticed += switching.keep(gateway, batch, at=received_at)
        for column in batch.columns:
            if column.kind in (Kind.MOMENTARY, Kind.SWITCH):
                continue
            place = Place(column.meter, column.obis, column.kind.value, column.serial)
            _sort(gateway, places, place, column.measurements, received_at, got)
        for place, measurements in _placeable_now(gateway, places):
            _sort(gateway, places, place, measurements, received_at, got)
        received = receive_readings(
            gateway.site, got.readings, received_at=received_at, actor=f"gateway {gateway.name}"
        )
        accepted.stored, accepted.known = received.stored, received.known
        powers.keep(gateway.site_id, got.powers, at=received_at)
        accepted.waiting = _keep_waiting(gateway, got, received_at)
        noticed += received.findings
        keep_findings(gateway, noticed, at=received_at)
    accepted.findings = [*_of_clock(batch, received_at), *noticed, *_of_waiting(got)]
    return accepted


def _commit_to_disk() -> None:
    """The transaction is on the disk when it ends, whatever PostgreSQL is set to: its gateway
    forgets what is acknowledged. SQLite is opened so (``config.env``)."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT set_config('synchronous_commit', 'on', true)"
                " WHERE current_setting('synchronous_commit') = 'off'"
            )


def source_of(gateway: Gateway) -> str:
    """The source of a reading that ``gateway`` sent."""
    return f"gateway {gateway.name}"


def _mark(gateway: Gateway, batch: Batch, at: datetime) -> Iterable[Finding]:
    ahead_ms = (batch.sent_at - at) // timedelta(milliseconds=1)
    Gateway.objects.filter(pk=gateway.pk).update(clock_ahead_ms=ahead_ms)
    row = GatewayBuffer.objects.filter(buffer_id=batch.buffer_id).first()
    if row is None:
        row = GatewayBuffer(gateway=gateway, buffer_id=batch.buffer_id, last=0)
    elif row.gateway_id != gateway.pk:
        raise BufferConflict(
            "another gateway sends from a copy of this buffer; delete it and pair the gateway again"
        )
    if batch.first > row.last + 1:
        yield warning(
            "gateway.gap",
            f"{batch.first - row.last - 1} measurements before number {batch.first} never came: "
            "the gateway had no room to keep them.",
            remedy="Estimate the quarter-hours that are missing.",
        )
    row.last, row.at = max(row.last, batch.last), at
    row.save()


def _sort(
    gateway: Gateway,
    places: Places,
    place: Place,
    measurements: Iterable[Measurement],
    at: datetime,
    got: _Sorted,
) -> None:
    found = places.find(place)
    limit = powers.LIMIT_W if place.kind == Kind.POWER else _MOST
    for one in measurements:
        reason = found.reason
        if one.measured_at > at + _SKEW:
            reason = Unplaced.Reason.CLOCK
        elif abs(one.value) >= limit:
            reason = Unplaced.Reason.VALUE
        value = one.value if reason else one.value.quantize(_STEP, ROUND_HALF_EVEN)
        if reason:
            got.waiting.setdefault((place, reason), []).append(one)
        elif place.kind == Kind.POWER:
            got.powers.append(Power(found.meter_id, place.obis, one.measured_at, round(one.value)))
        else:
            got.readings.append(
                IncomingReading(
                    found.register_id,
                    one.measured_at,
                    value,
                    source_of(gateway),
                    one.quality,
                    place.serial,
                )
            )


def _placeable_now(gateway: Gateway, places: Places) -> Iterable[tuple[Place, list[Measurement]]]:
    """What waited and has a place by now; it waits no more."""
    left = MOST_RETRIED
    for row in Unplaced.objects.filter(gateway=gateway, reason__in=_PLACEABLE):
        place = Place(row.meter, row.obis, row.kind, row.serial)
        if places.find(place).reason or left <= 0:
            continue
        values = list(row.values.order_by("measured_at", "value")[:left])
        left -= len(values)
        yield (
            place,
            [Measurement(v.measured_at, Decimal(v.value), Quality(v.quality)) for v in values],
        )
        if left > 0:
            row.delete()
        else:
            last = values[-1]
            row.values.filter(measured_at__lt=last.measured_at).delete()


def _keep_waiting(gateway: Gateway, got: _Sorted, at: datetime) -> int:
    for (place, reason), measurements in got.waiting.items():
        row, _ = Unplaced.objects.get_or_create(
            gateway=gateway,
            meter=place.meter,
            obis=place.obis,
            kind=place.kind,
            serial=place.serial,
            reason=reason,
            defaults={"site_id": gateway.site_id, "since": at},
        )
        UnplacedValue.objects.bulk_create(
            [
                UnplacedValue(
                    unplaced=row,
                    measured_at=one.measured_at,
                    value=str(one.value),
                    quality=int(one.quality),
                    received_at=at,
                )
                for one in measurements
            ],
            batch_size=_ROWS,
            ignore_conflicts=True,
        )
    return sum(map(len, got.waiting.values()))


def _of_clock(batch: Batch, at: datetime) -> Iterable[Finding]:
    off = batch.sent_at - at
    if abs(off) > _CLOCK_OFF:
        side = "ahead" if off > timedelta(0) else "behind"
        yield warning(
            "gateway.clock",
            f"The clock of the gateway is {abs(off) // timedelta(seconds=1)} s {side}.",
            remedy="Set it by NTP.",
        )


def _of_waiting(got: _Sorted) -> Iterable[Finding]:
    for place, reason in got.waiting:
        why = Unplaced.Reason(reason)
        yield error(
            f"gateway.no_{why.value}" if why in _PLACEABLE else f"gateway.bad_{why.value}",
            _WHY[why],
            where=f"{place.meter} {place.obis}",
            remedy=_REMEDY[why],
        )
