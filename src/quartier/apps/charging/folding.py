"""From the messages of stations to sessions, statuses and registers.

Each station is read on from its last message; two workers never read the same one at a time. What
has been read may be read again, and what comes late counts: the rows depend on which messages there
are, not on how they were cut into readings.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from quartier.apps.charging.counting import changed_since
from quartier.apps.charging.mapping import (
    fields_of,
    quarter_of,
    record_of,
    status_of,
    written_quarter,
    written_record,
)
from quartier.apps.charging.models import (
    ChargingMessage,
    ChargingSession,
    ChargingStation,
    Connector,
    EvseQuarter,
    Folded,
    StatusChange,
)
from quartier.core.charging.facts import Booted, Fact, Measured, StatusTold, TransactionTold
from quartier.core.charging.record import Quarter, Record, joined, registers_of
from quartier.core.charging.session import Session, Stage, session_of
from quartier.ocpp.facts import fact_of
from quartier.ocpp.versions import Version

MOST_AT_ONCE = 2_000
"""Messages of one station in one transaction."""
_MOST_AFTER = 500
"""Sessions that are made again when something comes that is older than they."""
_BEFORE = 20
"""Statuses before the begin that are looked at for the plug."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = ("site_id", "station_id", "transaction_id")
_FIELDS = [
    one.name
    for one in ChargingSession._meta.get_fields()
    if one.concrete and one.name not in (*_KEY, "pk") and not one.name.startswith("deci")
]
_log = logging.getLogger(__name__)

Place = tuple[int, int]
"""The site and the station."""
_Stands = tuple[int, datetime, str]
"""At which EVSE a session is, since when, and how far."""


@dataclass
class Folding:
    """What a run did. ``failed`` are stations whose messages could not be read; they wait."""

    messages: int = 0
    stations: int = 0
    failed: list[int] = field(default_factory=list)


@dataclass
class _News:
    """What the messages of one station say."""

    records: dict[str, Record] = field(default_factory=dict)
    statuses: list[StatusChange] = field(default_factory=list)
    measured: dict[int, Mapping[int, Quarter]] = field(default_factory=dict)
    booted: tuple[Booted, datetime] | None = None


def fold_waiting() -> Folding:
    """Read the messages of all stations that nobody has read; one query finds these."""
    done = Folding()
    folded = Folded.objects.filter(site_id=OuterRef("site_id"), station_id=OuterRef("pk"))
    unread = ChargingMessage.objects.filter(
        site_id=OuterRef("site_id"),
        station_id=OuterRef("pk"),
        number__gt=OuterRef("folded"),
    )
    waiting = ChargingStation.objects.annotate(
        folded=Coalesce(Subquery(folded.values("number")[:1]), 0)
    ).filter(Exists(unread))
    for site_id, station_id in waiting.order_by("pk").values_list("site_id", "pk"):
        done.stations += 1
        try:
            while count := fold(site_id, station_id):
                done.messages += count
                if count < MOST_AT_ONCE:
                    break
        except Exception:  # noqa: BLE001 - one station keeps no other from its sessions
            _log.exception("the messages of station %s cannot be read", station_id)
            done.failed.append(station_id)
    return done


def fold(site_id: int, station_id: int) -> int:
    """Read on at a station, at most ``MOST_AT_ONCE`` messages; how many that were."""
    place = {"site_id": site_id, "station_id": station_id}
    with transaction.atomic():
        Folded.objects.get_or_create(**place, defaults={"number": 0, "until": _NEVER})
        cursor = Folded.objects.select_for_update().get(**place)
        messages = list(
            ChargingMessage.objects.filter(**place, number__gt=cursor.number).order_by("number")[
                :MOST_AT_ONCE
            ]
        )
        if not messages:
            return 0
        until = max(cursor.until, *(one.received_at for one in messages))
        _store((site_id, station_id), _news(messages))
        Folded.objects.filter(**place).update(number=messages[-1].number, until=until)
    return len(messages)


def fact_in(message: ChargingMessage) -> Fact | None:
    """What a message says; None where that is nothing about charging, or cannot be read."""
    asked, answer = msgspec.json.decode(message.asked), msgspec.json.decode(message.answer)
    fact, _ = fact_of(Version(message.version), message.action, asked, answer)
    return fact


def _news(messages: Iterable[ChargingMessage]) -> _News:
    news = _News()
    for message in messages:
        fact = fact_in(message)
        if isinstance(fact, TransactionTold):
            record = news.records.get(fact.transaction_id, Record())
            news.records[fact.transaction_id] = record.with_told(fact, message.received_at)
        elif isinstance(fact, StatusTold):
            news.statuses.append(_status_row(message, fact))
        elif isinstance(fact, Measured):
            known = news.measured.get(fact.evse_id, {})
            news.measured[fact.evse_id] = joined(known, registers_of(fact.samples))
        elif isinstance(fact, Booted):
            news.booted = fact, message.received_at
    return news


def _status_row(message: ChargingMessage, told: StatusTold) -> StatusChange:
    return StatusChange(
        site_id=message.site_id,
        station_id=message.station_id,
        number=message.number,
        evse_id=told.evse_id,
        connector_id=told.connector_id,
        at=told.at or message.received_at,
        status=told.status.value,
        state=told.state.value if told.state else "",
        error=told.error,
    )


def _store(place: Place, news: _News) -> None:
    site_id, station_id = place
    here = {"site_id": site_id, "station_id": station_id}
    StatusChange.objects.bulk_create(news.statuses, ignore_conflicts=True)
    _store_connectors(place, news.statuses)
    if news.booted is not None:
        told, booted_at = news.booted
        ChargingStation.objects.filter(pk=station_id).update(
            vendor=told.vendor,
            model=told.model,
            serial=told.serial,
            firmware=told.firmware,
            booted_at=booted_at,
        )
    for evse_id, quarters in news.measured.items():
        _store_quarters(place, evse_id, quarters)
    sessions = ChargingSession.objects.filter(**here)
    rows = {row.transaction_id: row for row in sessions.filter(transaction_id__in=news.records)}
    for transaction_id, record in news.records.items():
        row = rows.get(transaction_id)
        if row is None:
            row = rows[transaction_id] = ChargingSession(**here, transaction_id=transaction_id)
            row.record = written_record(record)
        else:
            row.record = written_record(record_of(row).joined(record))
    stood = {key: _place_of(row) for key, row in rows.items() if row.begun_at is not None}
    changed = _reckon(rows.values())
    # Others at these EVSEs may begin, run or be plugged in otherwise by what was told now.
    for evse_id, first_at in _since(news, rows, stood, sessions).items():
        changed += _reckon(_around(sessions.filter(evse_id=evse_id), first_at))
    if changed:
        changed_since(station_id, min(changed))


def _since(
    news: _News,
    rows: Mapping[str, ChargingSession],
    stood: Mapping[str, _Stands],
    sessions: QuerySet[ChargingSession],
) -> Mapping[int, datetime]:
    """From when on something is new of an EVSE that may concern others than ``rows``: these only
    where they stand elsewhere than ``stood`` says, or where others have begun after them."""
    found = [(one.evse_id, one.at) for one in news.statuses]
    for evse_id, quarters in news.measured.items():
        found += [(evse_id, one.first.at) for one in quarters.values()]
    last = sessions.filter(evse_id__in={row.evse_id for row in rows.values()})
    last_at = dict(last.order_by().values_list("evse_id").annotate(Max("begun_at")))
    for key, row in rows.items():
        old, new = stood.get(key), _place_of(row)
        if old != new or row.begun_at < last_at[row.evse_id]:
            found += [place[:2] for place in (old, new) if place is not None]
    since: dict[int, datetime] = {}
    for evse_id, at in found:
        since[evse_id] = min(at, since.get(evse_id, at))
    return since


def _place_of(row: ChargingSession) -> _Stands:
    return row.evse_id, row.begun_at, row.stage


def _around(sessions: QuerySet[ChargingSession], since: datetime) -> list[ChargingSession]:
    """Those that what is new since then may concern: the last that began before, for it is the one
    that the next begin ends, and those after it. Live there are one or two."""
    before = sessions.filter(begun_at__lt=since).exclude(stage=Stage.REFUSED)
    last_at = before.order_by("-begun_at").values_list("begun_at", flat=True).first()
    return list(sessions.filter(begun_at__gte=last_at or since).order_by("begun_at")[:_MOST_AFTER])


def _store_connectors(place: Place, changes: Iterable[StatusChange]) -> None:
    site_id, station_id = place
    newest: dict[tuple[int, int], Connector | StatusChange] = {
        (row.evse_id, row.connector_id): row
        for row in Connector.objects.filter(site_id=site_id, station_id=station_id)
    }
    changed = set()
    for one in changes:
        key = one.evse_id, one.connector_id
        if key not in newest or (newest[key].at, newest[key].number) < (one.at, one.number):
            newest[key] = one
            changed.add(key)
    about = ("at", "number", "status", "state", "error")
    Connector.objects.bulk_create(
        [
            Connector(
                site_id=site_id,
                station_id=station_id,
                evse_id=key[0],
                connector_id=key[1],
                **{name: getattr(newest[key], name) for name in about},
            )
            for key in sorted(changed)
        ],
        update_conflicts=True,
        unique_fields=["site_id", "station_id", "evse_id", "connector_id"],
        update_fields=about,
    )


def _store_quarters(place: Place, evse_id: int, quarters: Mapping[int, Quarter]) -> None:
    site_id, station_id = place
    key = {"site_id": site_id, "station_id": station_id, "evse_id": evse_id}
    stored = EvseQuarter.objects.filter(**key, slot__in=quarters)
    known = {row.slot: quarter_of(row) for row in stored}
    EvseQuarter.objects.bulk_create(
        [
            EvseQuarter(
                **key,
                slot=slot,
                registers=written_quarter(
                    known[slot].with_other(quarter) if slot in known else quarter
                ),
            )
            for slot, quarter in quarters.items()
        ],
        update_conflicts=True,
        unique_fields=["site_id", "station_id", "evse_id", "slot"],
        update_fields=["registers"],
    )


def _reckon(rows: Iterable[ChargingSession]) -> list[datetime]:
    """Make sessions of records, and store them; since when each is other than it was, for who
    counts it.

    A first look tells where and when each is, and so what of its EVSE concerns it.
    """
    looked = [(row, record_of(row), _counts_as(row)) for row in rows]
    stands = [(row.evse_id, row.begun_at, row.stage) for row, *_ in looked]
    for row, record, _ in looked:
        put(row, session_of(record))
    if stands != [_place_of(row) for row, *_ in looked]:
        _save([row for row, *_ in looked])
    changed = []
    for row, record, before in looked:
        put(row, _whole(row, record))
        if before != _counts_as(row):
            changed += [at for at in (before[0], row.begun_at) if at is not None]
    _save([row for row, *_ in looked])
    return changed


def _counts_as(row: ChargingSession) -> tuple[Any, ...]:
    """What of a session ``counting.py`` rests on."""
    told = row.energies_wh, row.qualities, row.stage, row.is_sound, row.ended_at
    return (row.begun_at, row.first_slot, *told)


def put(row: ChargingSession, session: Session) -> None:
    """Let ``row`` say what ``session`` is."""
    for name, value in fields_of(session).items():
        setattr(row, name, value)


def _save(rows: Sequence[ChargingSession]) -> None:
    ChargingSession.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=_KEY, update_fields=_FIELDS
    )


def _whole(row: ChargingSession, record: Record) -> Session:
    """The session with all that its EVSE told; in five queries."""
    here: dict[str, Any] = {
        "site_id": row.site_id,
        "station_id": row.station_id,
        "evse_id": row.evse_id,
    }
    others = ChargingSession.objects.filter(**here).exclude(stage=Stage.REFUSED)
    previous = others.filter(begun_at__lt=row.begun_at).order_by("-begun_at").first()
    after = others.filter(begun_at__gt=row.begun_at).order_by("begun_at")
    next_begun_at = after.values_list("begun_at", flat=True).first()
    changes = StatusChange.objects.filter(**here)
    before = list(changes.filter(at__lte=row.begun_at).order_by("-at", "-number")[:_BEFORE])
    since = changes.filter(at__gt=row.begun_at).order_by("at", "number")
    if next_begun_at is not None:
        since = since.filter(at__lte=next_begun_at)
    slots = row.first_slot, row.first_slot + len(row.energies_wh)
    quarters = EvseQuarter.objects.filter(**here, slot__range=slots)
    return session_of(
        record,
        statuses=[status_of(one) for one in (*reversed(before), *since)],
        measured=[quarter_of(one) for one in quarters],
        previous_at=record_of(previous).last_at if previous else None,
        next_begun_at=next_begun_at,
    )
