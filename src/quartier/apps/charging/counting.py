"""From sessions to the quarter-hours of a meter: what a station charged counts for a billing point
like any consumption, by the solar share and the tariff of the moment it flowed (rules.md e.1).

A quarter-hour without a session is 0 only while the station is known to have told everything. One
in which a session lies that is not sound is missing, until a person has decided: so a bill stops.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

import numpy as np
from django.db import transaction
from django.db.models import Q, QuerySet

from quartier.apps.audit.operations import record
from quartier.apps.charging.mapping import record_of
from quartier.apps.charging.models import (
    ChargingMessage,
    ChargingSession,
    ChargingStation,
    Decision,
    Folded,
    StationMeter,
)
from quartier.apps.contracts.protection import refuse_billed
from quartier.apps.equipment.models import Assignment, Meter, Register
from quartier.apps.equipment.registers import implied_registers
from quartier.apps.metering import store
from quartier.apps.sites.models import BillingPoint
from quartier.core.charging.session import Stage
from quartier.core.kernel.period import local_midnight, slot_at, slot_starts_at, timezone_of
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH, Energies, Qualities, Series

SOURCE = "charging"
MARGIN = timedelta(minutes=15)
"""So long after a quarter-hour it is counted, and after a station has connected again: what it
kept meanwhile comes first."""
MOST_SLOTS = 4 * 24 * 400
"""Written at once; the next run goes on."""


class CannotCount(ValueError):
    """The station cannot count for that billing point; the text says why."""


@dataclass
class Counted:
    """What a run did: stations whose quarter-hours were written."""

    stations: list[int] = field(default_factory=list)


def count_for(
    station: ChargingStation, point: BillingPoint, starts_date: date, *, at: datetime, actor: str
) -> Meter:
    """From ``starts_date`` on what is charged at ``station`` counts for ``point``: its meter, which
    is made with the first. Raises :class:`CannotCount`, and ``Billed`` where an invoice rests on
    what that would change."""
    if point.site_id != station.site_id:
        raise CannotCount("it is a billing point of another site")
    refuse_billed([point.pk], starts_date, f"Counting {station.name}")
    first_slot = slot_at(local_midnight(starts_date, timezone_of(station.site.timezone)))
    with transaction.atomic():
        counting = StationMeter.objects.select_for_update().filter(station=station).first()
        if counting is None:
            meter = Meter.objects.create(
                site=station.site,
                ref=_free_ref(station),
                name=station.name,
                source=Meter.Source.SESSIONS,
            )
            Register.objects.bulk_create(implied_registers(meter))
            counting = StationMeter.objects.create(
                station=station, meter=meter, first_slot=first_slot, counted_slot=first_slot
            )
        last = Assignment.objects.filter(meter=counting.meter).order_by("-starts_date").first()
        if last is not None and last.starts_date >= starts_date:
            raise CannotCount(
                f"it counts for another billing point from {last.starts_date} on; "
                "choose a later date"
            )
        if last is not None and last.billing_point_id is not None:
            refuse_billed([last.billing_point_id], starts_date, f"Counting {station.name}")
        Assignment.objects.create(
            meter=counting.meter, billing_point=point, starts_date=starts_date
        )
        record(
            "station.count",
            actor,
            at=at,
            organisation_id=station.site.organisation_id,
            site_id=station.site_id,
            subject=station.identity,
            data={"billing_point": point.ref, "from": str(starts_date)},
        )
    return counting.meter


def decide(
    session: ChargingSession,
    decision: Decision,
    reason: str,
    *,
    at: datetime,
    actor: str,
    station: ChargingStation,
) -> None:
    """Whether the energy of a session that is not sound counts, and why; again takes it back.
    Raises :class:`CannotCount`."""
    if session.is_sound:
        raise CannotCount("nothing is wrong with the session; it counts")
    if not reason.strip():
        raise CannotCount("say why, for whoever asks later")
    if decision is Decision.COUNTED and not session.energies_wh:
        raise CannotCount("its energy is not known, so it cannot count; leave it out")
    with transaction.atomic():
        ChargingSession.objects.filter(
            site_id=session.site_id,
            station_id=session.station_id,
            transaction_id=session.transaction_id,
        ).update(
            decision=decision,
            decided_by=actor[:150],
            decided_at=at,
            decision_reason=reason.strip()[:200],
        )
        changed_since(session.station_id, session.begun_at)
        record(
            "session.decide",
            actor,
            at=at,
            organisation_id=station.site.organisation_id,
            site_id=session.site_id,
            subject=station.identity,
            data={
                "transaction": session.transaction_id,
                "decision": decision.value,
                "energy_wh": session.energy_wh,
                "reason": reason.strip()[:200],
            },
        )


def changed_since(station_id: int, since: datetime) -> None:
    """What was counted of a station from ``since`` on is counted anew."""
    slot = slot_at(since)
    StationMeter.objects.filter(station_id=station_id).filter(
        Q(dirty_slot=None) | Q(dirty_slot__gt=slot)
    ).update(dirty_slot=slot)


def count_waiting(now: datetime) -> Counted:
    """Write what has come of all stations that count for somebody."""
    done = Counted()
    due = slot_at(now - MARGIN)
    rows = StationMeter.objects.filter(Q(dirty_slot__isnull=False) | Q(counted_slot__lt=due))
    for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
        if count(pk, now):
            done.stations.append(pk)
    return done


def count(pk: int, now: datetime) -> bool:
    """Write the quarter-hours of one station's meter; whether there were any to look at."""
    with transaction.atomic():
        row = (
            StationMeter.objects.select_for_update(of=("self",))
            .select_related("station", "meter")
            .get(pk=pk)
        )
        limit = _known_until(row, now)
        dirty = row.counted_slot if row.dirty_slot is None else row.dirty_slot
        first = max(min(row.counted_slot, dirty), row.first_slot)
        limit = min(max(limit, row.counted_slot), first + MOST_SLOTS)
        if first >= limit:
            StationMeter.objects.filter(pk=pk).update(dirty_slot=None)
            return False
        locked = _write(row, first, limit, now)
        StationMeter.objects.filter(pk=pk).update(
            dirty_slot=None if limit >= row.counted_slot else limit,
            counted_slot=max(limit, row.counted_slot),
            locked_slot=row.locked_slot if locked is None else locked,
        )
    return True


def _known_until(row: StationMeter, now: datetime) -> int:
    """The first quarter-hour of which the station may still tell something."""
    station = row.station
    place = {"site_id": station.site_id, "station_id": station.pk}
    folded = Folded.objects.filter(**place).first()
    if folded is None:
        return row.first_slot
    until = folded.until
    unread = ChargingMessage.objects.filter(**place, number__gt=folded.number)
    has_settled = station.connected_at is None or now - station.connected_at >= MARGIN
    if not has_settled:
        return row.counted_slot
    if station.seen_at is not None and not unread.exists():
        until = max(until, station.seen_at)
    limit = slot_at(min(until, now) - MARGIN)
    running = ChargingSession.objects.filter(**place, stage=Stage.RUNNING).exclude(
        decision=Decision.LEFT_OUT
    )
    for session in running.only("begun_at", "record"):
        limit = min(limit, _told_until(session))
    return limit


def _told_until(session: ChargingSession) -> int:
    """The quarter-hour of the last register of a session that runs: it is not over, unless that
    register lies on its begin."""
    points = record_of(session).points()
    return slot_at(points[-1].at if points else session.begun_at)


def _write(row: StationMeter, first: int, limit: int, now: datetime) -> int | None:
    """Write ``[first, limit)``; the first slot that could not be, because it is locked."""
    energy_wh = np.zeros(limit - first, np.int64)
    quality = np.full(limit - first, int(Quality.MEASURED), np.uint8)
    for session in _sessions(row.station, first, limit):
        if session.stage == Stage.REFUSED or session.decision == Decision.LEFT_OUT:
            continue
        if session.is_sound or session.decision == Decision.COUNTED:
            _add(session, first, energy_wh, quality)
            if session.stage == Stage.RUNNING:  # it began before what was counted already
                quality[max(_told_until(session) - first, 0) :] = 0
        else:
            begin = max(slot_at(session.begun_at), first)
            end = limit if session.ended_at is None else slot_at(session.ended_at) + 1
            quality[max(begin - first, 0) : max(min(end, limit) - first, 0)] = 0
    (register,) = Register.objects.filter(meter=row.meter)
    site_id = row.station.site_id
    locked = None
    write = partial(store.write, source=SOURCE, known_at=now, reason=f"sessions of {row.station}")
    erase = partial(store.erase, source=SOURCE, known_at=now, reason=f"sessions of {row.station}")
    while first < limit:
        known = quality != int(Quality.MISSING)
        series = Series(register.pk, first, np.where(known, energy_wh, MISSING_WH), quality)
        holes = np.flatnonzero(~known) + first
        try:
            with transaction.atomic():
                write(site_id, [series])
                erase(site_id, register.pk, holes)
        except store.Locked as problem:
            locked = first
            cut = min(problem.first_open_slot, limit) - first
            energy_wh, quality = energy_wh[cut:], quality[cut:]
            first += cut
        else:
            break
    return locked


def _add(session: ChargingSession, first: int, energy_wh: Energies, quality: Qualities) -> None:
    """Add what of ``session`` lies in the quarter-hours from ``first`` on."""
    begin, length = session.first_slot, len(session.energies_wh)
    start, end = max(begin, first), min(begin + length, first + len(energy_wh))
    if start >= end:
        return
    here, there = slice(start - first, end - first), slice(start - begin, end - begin)
    energy_wh[here] += np.array(session.energies_wh[there], np.int64)
    told = np.array(session.qualities[there], np.uint8)
    is_worse = (quality[here] == int(Quality.MEASURED)) & (told != int(Quality.MEASURED))
    quality[here] = np.where(is_worse, told, quality[here])


def _sessions(station: ChargingStation, first: int, limit: int) -> QuerySet[ChargingSession]:
    """Those that may touch the quarter-hours ``[first, limit)``."""
    since = slot_starts_at(first)
    return ChargingSession.objects.filter(
        Q(ended_at=None) | Q(ended_at__gte=since - MARGIN),
        site_id=station.site_id,
        station_id=station.pk,
        begun_at__lt=slot_starts_at(limit) + MARGIN,
    ).defer("record")


def _free_ref(station: ChargingStation) -> str:
    """A ref for its meter that no meter of the site has."""
    taken = set(Meter.objects.filter(site=station.site).values_list("ref", flat=True))
    return next(ref for n in range(1, len(taken) + 2) if (ref := f"charging-{n}") not in taken)
