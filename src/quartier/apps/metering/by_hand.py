"""A quarter-hour, or a run of them, set to a value by a person.

The value has the quality *manual*; what it replaces stays in a revision, and the trail says who
set it, when and why (rules.md f.3, editing). ``undoing`` is the way back, from what filled a gap
too.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from quartier.apps.equipment.models import Register
from quartier.apps.metering.operations import BadEdit, edit_intervals
from quartier.apps.metering.store import Written
from quartier.apps.sites.models import Site
from quartier.core.kernel.energy import INTERVAL_LIMIT_WH
from quartier.core.kernel.period import on_grid, slot_at, timezone_of, utc
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series

METHOD = "by hand"
REASON_LENGTH = 500
LONGEST = timedelta(days=366)
FIRST_YEAR = 1970


def slots_by_hand(site: Site, starts_at: datetime, ends_at: datetime, at: datetime) -> range:
    """The slots of ``[starts_at, ends_at)``, if a person may set them at ``at``.

    Raises :class:`BadEdit`, in the local time of the site.
    """
    tz = timezone_of(site.timezone)

    def local(instant: datetime) -> str:
        return local_text(instant, tz)

    for instant in (starts_at, ends_at):
        if not on_grid(instant):
            raise BadEdit(
                f"{local(instant)} is not the bound of a quarter-hour; give minutes 00, 15, 30 "
                "or 45"
            )
        if utc(instant).year < FIRST_YEAR:
            raise BadEdit(f"{local(instant)} is before {FIRST_YEAR}; mend the date")
    if ends_at <= starts_at:
        raise BadEdit(
            f"the end {local(ends_at)} is not after the start {local(starts_at)}; give the end "
            "of the last quarter-hour"
        )
    if ends_at > at:
        raise BadEdit(
            f"the quarter-hours until {local(ends_at)} are not over yet; set those of the past"
        )
    if ends_at - starts_at > LONGEST:
        raise BadEdit(
            f"{(ends_at - starts_at).days} days are too many for one value; set at most "
            f"{LONGEST.days} days at once"
        )
    return range(slot_at(starts_at), slot_at(ends_at))


def local_text(instant: datetime, tz: ZoneInfo) -> str:
    """``2026-03-01 14:15`` on the clocks of ``tz``; with its offset from UTC where they show that
    time twice (``2025-10-26 02:30+01:00``), as :func:`instant_of` reads it."""
    here = instant.astimezone(tz)
    offset = ""
    if here.replace(fold=0).utcoffset() != here.replace(fold=1).utcoffset():
        offset = here.isoformat(timespec="minutes")[-6:]
    return f"{here:%Y-%m-%d %H:%M}{offset}"


def write_by_hand(
    site: Site,
    register: Register,
    slots: range,
    energy_wh: int,
    *,
    reason: str,
    actor: str,
    at: datetime,
) -> Written:
    """Give each of ``slots`` the value ``energy_wh`` (litres where the register counts water).

    Raises :class:`BadEdit` and what ``store.write`` raises.
    """
    if energy_wh < 0:
        raise BadEdit(
            "the value is negative; a register counts one direction, what flows the other way is "
            "counted by the meter's other register"
        )
    if energy_wh > INTERVAL_LIMIT_WH:
        raise BadEdit(
            f"the value is too much for one quarter-hour; the most is {INTERVAL_LIMIT_WH} "
            f"{'Wh' if register.unit == Register.Unit.WH else 'litres'}"
        )
    reason = " ".join(reason.split())
    if len(reason) > REASON_LENGTH or not reason.isprintable():
        raise BadEdit(f"a reason is plain text of at most {REASON_LENGTH} characters; shorten it")
    series = Series(
        register.pk,
        slots.start,
        np.full(len(slots), energy_wh, np.int64),
        np.full(len(slots), int(Quality.MANUAL), np.uint8),
    )
    return edit_intervals(site, [series], method=METHOD, reason=reason, actor=actor, at=at)


def instant_of(text: str, tz: ZoneInfo) -> datetime:
    """The instant of a local time such as ``2026-03-01T14:15``, in UTC; with an offset
    (``2025-10-26T02:30+01:00``) that offset counts.

    Raises :class:`BadEdit` where the text is no time, and where the clock change makes the local
    time one that never was or was twice.
    """
    try:
        local = datetime.fromisoformat(text.strip())
        if local.tzinfo is not None:
            return utc(utc(local).astimezone(tz))  # refuses what the site's clock can not show
        first, second = (utc(local.replace(tzinfo=tz, fold=fold)) for fold in (0, 1))
    except (ValueError, OverflowError):
        raise BadEdit(f"{text!r} is not a time; write 2026-03-01T14:15") from None
    if first == second:
        return first
    if first.astimezone(tz).replace(tzinfo=None) != local:
        raise BadEdit(f"{text} was skipped by the clock change; no quarter-hour began then")
    offsets = " or ".join(
        f"{one.astimezone(tz).isoformat(timespec='minutes')}" for one in (first, second)
    )
    raise BadEdit(f"{text} was there twice because of the clock change; write {offsets}")
