"""Readings as rows, many at a time: no model is made of each (a year of 40 meters is 1.4 million).

The only writer of readings, which are append-only.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from quartier.apps.metering.models import Reading

_INSERT = (
    "INSERT INTO metering_reading "
    "(site_id, register_id, read_at, source, value, device_id, quality, received_at) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
)
_INSERT_MANY = (
    "INSERT INTO metering_reading "
    "(site_id, received_at, register_id, read_at, source, value, device_id, quality) "
    "SELECT %s, %s, * FROM unnest("
    "%s::bigint[], %s::timestamptz[], %s::text[], %s::numeric[], %s::bigint[], %s::smallint[])"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A reading to store; the fields are those of :class:`models.Reading`."""

    register_id: int
    read_at: datetime
    source: str
    value: Decimal
    device_id: int | None
    quality: int

    @property
    def key(self) -> tuple[int, datetime, str]:
        """What it is known by in its site."""
        return self.register_id, self.read_at, self.source


def insert(site_id: int, rows: Sequence[Row], received_at: datetime) -> None:
    """Store ``rows``, which are new."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            columns = ([getattr(row, name) for row in rows] for name in Row.__dataclass_fields__)
            cursor.execute(_INSERT_MANY, [site_id, received_at, *columns])
            return
        received = _text(received_at)
        cursor.executemany(
            _INSERT,
            [
                (
                    site_id,
                    row.register_id,
                    _text(row.read_at),
                    row.source,
                    str(row.value),
                    row.device_id,
                    row.quality,
                    received,
                )
                for row in rows
            ],
        )


def values(
    site_id: int, register_ids: Collection[int], first_at: datetime, last_at: datetime
) -> dict[tuple[int, datetime, str], Decimal]:
    """The values of the readings between two instants, both included, by :attr:`Row.key`."""
    found: Iterable[tuple[int, datetime, str, Decimal]] = (
        Reading.objects.filter(
            site_id=site_id,
            register_id__in=register_ids,
            read_at__gte=first_at,
            read_at__lte=last_at,
        )
        .order_by()
        .values_list("register_id", "read_at", "source", "value")
    )
    return {(pk, at, source): value for pk, at, source, value in found}


def _text(at: datetime) -> str:
    """As Django writes an instant, which is UTC, into SQLite."""
    return at.replace(tzinfo=None).isoformat(" ")
