"""How an alarm goes on from one look to the next: opened once, ended only after a calm time.

A condition that comes and goes is one alarm: each time it returns before the alarm has ended, the
calm time that it needs doubles, so that a flapping meter is told of less and less often.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from quartier.core.kernel.findings import Severity
from quartier.core.metering.alarms import State, Verdict

CALM = timedelta(minutes=30)
LONGEST_CALM = timedelta(hours=24)
AGAIN_WITHIN = timedelta(hours=24)
"""Who alarms again within this time of the last end flaps."""


class Event(StrEnum):
    """What is told."""

    OPENED = "opened"
    WORSE = "worse"
    REMINDED = "reminded"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Course:
    """An alarm that has been opened; times are aware, ``ended_at`` None while it is open."""

    severity: Severity
    opened_at: datetime
    last_seen_at: datetime
    calm_since: datetime | None = None
    flaps: int = 0
    snoozed_until: datetime | None = None
    ended_at: datetime | None = None


def calm_time(flaps: int) -> timedelta:
    """How long a condition must be gone after it returned ``flaps`` times."""
    doubled: int = 2 ** min(flaps, 10)
    return min(CALM * doubled, LONGEST_CALM)


def flaps_after(last: Course | None, now: datetime) -> int:
    """With how many returns a new alarm begins after ``last``, the one that ended before it."""
    if last is None or last.ended_at is None or now - last.ended_at > AGAIN_WITHIN:
        return 0
    return last.flaps + 1


def follow(
    course: Course | None, verdict: Verdict, now: datetime, *, flaps: int = 0
) -> tuple[Course | None, Event | None]:
    """The alarm after ``verdict``, and what is to be told; ``flaps`` is that of a new one.

    What is unknown changes nothing, but calm time begins anew after it.
    """
    if course is None:
        if verdict.state is not State.BAD:
            return None, None
        return Course(verdict.severity, now, now, flaps=flaps), Event.OPENED
    assert course.ended_at is None, "an alarm that has ended stays so"
    if verdict.state is State.UNKNOWN:
        return replace(course, calm_since=None), None
    if verdict.state is State.GOOD:
        since = course.calm_since or now
        if now - since >= calm_time(course.flaps):
            return end(replace(course, calm_since=since), now)
        return replace(course, calm_since=since), None
    event = None
    if course.severity is not Severity.ERROR and verdict.severity is Severity.ERROR:
        event = Event.WORSE
    elif course.snoozed_until is not None and now >= course.snoozed_until:
        event = Event.REMINDED
    is_over = course.snoozed_until is not None and now >= course.snoozed_until
    return (
        replace(
            course,
            severity=verdict.severity if event is Event.WORSE else course.severity,
            last_seen_at=now,
            calm_since=None,
            flaps=course.flaps + (course.calm_since is not None),
            snoozed_until=None if is_over else course.snoozed_until,
        ),
        event,
    )


def end(course: Course, now: datetime) -> tuple[Course, Event]:
    """The alarm has ended, for it is calm, or nobody watches for it any more."""
    return replace(course, ended_at=now), Event.ENDED
