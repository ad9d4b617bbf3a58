"""What people and files do to readings and intervals: receive, edit, lock."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.metering.blocks import lock_site
from quartier.apps.metering.conversion import IncomingReading, Received, convert, deltas_of, receive
from quartier.apps.metering.fills import OF_A_PERSON, as_bounds, gaps_under, subject_of
from quartier.apps.metering.models import Lock
from quartier.apps.metering.store import Written
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import (
    SLOTS_PER_UTC_DAY,
    local_midnight,
    slot_at,
    slot_starts_at,
    utc,
)
from quartier.core.kernel.quality import Quality
from quartier.core.metering.estimation import WEEKS, estimate
from quartier.core.metering.intervals import Series

__all__ = [
    "BadEdit",
    "IncomingReading",
    "Received",
    "convert_readings",
    "edit_intervals",
    "fill_gaps",
    "receive_readings",
    "set_lock",
]

receive_readings = receive
convert_readings = convert


class BadEdit(ValueError):
    """An edit lacks what makes it traceable."""


def edit_intervals(
    site: Site,
    series: Sequence[Series],
    *,
    method: str,
    reason: str,
    actor: str,
    at: datetime,
) -> Written:
    """Put a person's values in place of stored ones, or where there are none.

    Every edit has a quality (corrected, estimated, substituted or manual), a method, a reason
    and a user; replaced values stay in a revision (rules.md f.3, editing), and the trail of the
    site names the edit and the gaps that it filled. Raises :class:`BadEdit` and what
    ``store.write`` raises.
    """
    for name, value in (("a method", method), ("a reason", reason), ("a user", actor)):
        if not value.strip():
            raise BadEdit(f"an edit needs {name}")
    qualities = {Quality(code) for one in series for code in set(one.quality.tolist())}
    wrong = qualities - OF_A_PERSON - {Quality.MISSING}
    if wrong:
        raise BadEdit(
            f"an edited interval is not {min(wrong).word}; give it one of: "
            f"{', '.join(sorted(quality.word for quality in OF_A_PERSON))}"
        )
    with transaction.atomic():
        lock_site(site.pk)
        filled = [gaps_under(site.pk, one.register_id, [one]) for one in series]
        written = store.write(
            site.pk,
            series,
            source="edit",
            known_at=at,
            method=method,
            reason=reason,
            actor=actor,
        )
        for one, gaps in zip(series, filled, strict=True) if written.changed else ():
            _note(
                site,
                "intervals.edit",
                f"register {one.register_id}",
                actor=actor,
                at=at,
                data={
                    "from": slot_starts_at(one.slots.start).isoformat(),
                    "to": slot_starts_at(one.slots.stop).isoformat(),
                    "total": str(one.energy_wh[one.quality != 0].sum()),
                    "filled": as_bounds(gaps),
                    "method": method,
                    "reason": reason,
                },
            )
    return written


def fill_gaps(
    site: Site,
    register: Register,
    slots: range,
    *,
    actor: str,
    reason: str,
    at: datetime,
) -> tuple[Written, list[Finding]]:
    """Estimate the missing quarter-hours of ``register`` in ``slots`` (rules.md f.3).

    Readings on the quarter-hour grid around a gap, of one device, give its energy; the methods
    are those of ``core.metering.estimation``. What is later than ``at`` has not happened and is
    left alone. Known values stay. Each filled gap is in the
    trail with its method; the findings name the gaps that no method fills. Raises
    :class:`BadEdit` and what ``store.write`` raises.
    """
    for name, value in (("a reason", reason), ("a user", actor)):
        if not value.strip():
            raise BadEdit(f"an estimate needs {name}")
    slots = range(slots.start, min(slots.stop, slot_at(at)))
    if not slots:
        raise BadEdit("what has not happened yet cannot be estimated")
    with transaction.atomic():
        lock_site(site.pk)
        # Weeks before the range give the values of a week in it.
        first = max(slots.start - WEEKS * 7 * SLOTS_PER_UTC_DAY, 0)
        series = store.read(site.pk, [register.pk], first, slots.stop).series(register.pk)
        filled, estimates, findings = estimate(
            series,
            ZoneInfo(site.timezone),
            deltas=deltas_of(site, register, first, slots.stop),
            where=str(register),
        )
        inside = [e for e in estimates if e.end_slot > slots.start]
        parts = [
            Series(
                register.pk,
                e.first_slot,
                filled.energy_wh[e.first_slot - first : e.end_slot - first],
                filled.quality[e.first_slot - first : e.end_slot - first],
            )
            for e in inside
        ]
        written = store.write(
            site.pk,
            parts,
            source="estimation",
            known_at=at,
            method="estimation",
            reason=reason,
            actor=actor,
            fill_only=True,
        )
        for one in inside:
            _note(
                site,
                "intervals.estimate",
                subject_of(register),
                actor=actor,
                at=at,
                data={
                    "from": slot_starts_at(one.first_slot).isoformat(),
                    "to": slot_starts_at(one.end_slot).isoformat(),
                    "method": one.method,
                    "reason": reason,
                },
            )
    since = slot_starts_at(slots.start)
    return written, [f for f in findings if f.until is None or f.until > since]


def set_lock(
    site: Site, medium: str, lock_date: date, *, actor: str, at: datetime, reason: str = ""
) -> Lock:
    """Refuse changes to intervals of ``medium`` before the local ``lock_date`` (system.md 11).

    Moving a lock back opens what was frozen and so needs a reason. Raises :class:`BadEdit`.
    """
    first_open_slot = slot_at(local_midnight(lock_date, ZoneInfo(site.timezone)))
    with transaction.atomic():
        lock_site(site.pk)
        old = Lock.objects.filter(site=site, medium=medium).first()
        if old and lock_date < old.lock_date and not reason.strip():
            raise BadEdit(f"moving the lock of {medium} back from {old.lock_date} needs a reason")
        lock, _ = Lock.objects.update_or_create(
            site=site,
            medium=medium,
            defaults={"lock_date": lock_date, "first_open_slot": first_open_slot},
        )
        before = str(old.lock_date) if old else None
        _note(
            site,
            "intervals.lock",
            medium,
            actor=actor,
            at=at,
            data={"from": before, "to": str(lock_date), "reason": reason},
        )
    return lock


def _note(
    site: Site, action: str, subject: str, *, actor: str, at: datetime, data: dict[str, Any]
) -> None:
    Event.objects.create(
        at=utc(at),
        organisation_id=site.organisation_id,
        site_id=site.pk,
        actor=actor,
        action=action,
        subject=subject,
        data=data,
    )
