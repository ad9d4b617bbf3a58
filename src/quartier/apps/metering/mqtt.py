"""From messages of cloud gateways to readings: each is looked at once, by its source's mapping, and
goes the way of every gateway's batch."""

from collections import defaultdict
from datetime import datetime, timedelta

from django.db import transaction

from quartier.apps.equipment.models import Gateway, MqttMessage, MqttSource
from quartier.apps.equipment.publishing import read_by_bus, remember_readers
from quartier.apps.metering.models import GatewayBuffer
from quartier.apps.metering.receive import receive_batch
from quartier.formats.mqtt_mapping import BadMapping, BadMessage, Told, read_mapping, translate
from quartier.formats.uplink.batch import Batch, Column, Kind, Measurement

MOST_AT_ONCE = 2_000
KEPT = timedelta(days=90)
_LONGEST = 300


def read_waiting(*, at: datetime) -> int:
    """Look at what has come of all sources, and forget what is older than ``KEPT``; how many
    messages that were."""
    MqttMessage.objects.filter(received_at__lt=at - KEPT, read_at__isnull=False).delete()
    waiting = MqttSource.objects.filter(messages__read_at=None).distinct()
    return sum(read_source(source, at=at) for source in waiting.select_related("gateway__site"))


def read_source(source: MqttSource, *, at: datetime) -> int:
    """The oldest messages of ``source`` that nobody has looked at, all or none; how many.

    What has no meter yet waits as for every gateway; a message that cannot be understood says why,
    and is looked at again when the mapping changes (:func:`look_again`).
    """
    with transaction.atomic():
        rows = list(
            MqttMessage.objects.select_for_update()
            .filter(source=source, read_at=None)
            .order_by("id")[:MOST_AT_ONCE]
        )
        if not rows:
            return 0
        understood: list[tuple[MqttMessage, list[Told]]] = []
        for row in rows:
            row.read_at = at
            if row.problem:  # the field server said so
                continue
            try:
                mapping = read_mapping(source.mapping)
                found = translate(mapping, row.topic, bytes(row.payload), row.received_at)
                understood.append((row, found))
            except (BadMapping, BadMessage) as problem:
                row.problem = str(problem)[:_LONGEST]
        told = _of_no_bus(source, understood)
        if told:
            remember_readers(source, {one.meter for one in told}, at=at)
        _receive(source, rows, told, at)
        MqttMessage.objects.bulk_update(rows, ["read_at", "problem"], batch_size=500)
        Gateway.objects.filter(pk=source.pk).update(seen_at=rows[-1].received_at)
    return len(rows)


def look_again(source: MqttSource) -> int:
    """Messages that could not be understood are looked at again; how many that are."""
    rows = MqttMessage.objects.filter(source=source, read_at__isnull=False).exclude(problem="")
    return rows.update(read_at=None, problem="")


def _of_no_bus(source: MqttSource, understood: list[tuple[MqttMessage, list[Told]]]) -> list[Told]:
    """What is told of meters that are read over no bus; of the others the message says so."""
    busy = read_by_bus(source, {one.meter for _, found in understood for one in found})
    told = []
    for row, found in understood:
        both = sorted({one.meter for one in found} & busy)
        if both:
            row.problem = f"the meter {both[0]} is read over a bus too; take it off that first"
        else:
            told += found
    return told


def _receive(source: MqttSource, rows: list[MqttMessage], told: list[Told], at: datetime) -> None:
    columns: dict[tuple[str, str, Kind], dict[datetime, Measurement]] = defaultdict(dict)
    for one in told:
        kind = Kind.POWER if one.unit == "W" else Kind.REGISTER
        place = columns[one.meter, str(one.obis), kind]
        place[one.at] = Measurement(one.at, one.value)
    if not columns:
        return
    buffer_id = f"{source.pk:032x}"
    buffer = GatewayBuffer.objects.filter(buffer_id=buffer_id).first()
    last = buffer.last if buffer else 0  # numbered as if a gateway sent it
    batch = Batch(
        source.gateway.name,
        buffer_id,
        last + 1,
        last + len(rows),
        at,
        tuple(
            Column(meter, obis, kind, tuple(place[when] for when in sorted(place)))
            for (meter, obis, kind), place in columns.items()
        ),
    )
    receive_batch(source.gateway, batch, received_at=at)
