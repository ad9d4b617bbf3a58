"""Looking at sites: what is wrong becomes alarms, and alarms become notices."""

import logging
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from quartier.apps.alarms import gather
from quartier.apps.alarms.models import Alarm, SiteWatch
from quartier.apps.alarms.notices import Told, tell
from quartier.apps.alarms.rules import rules_of
from quartier.apps.contracts.models import Solution
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Severity
from quartier.core.metering.alarm_course import (
    AGAIN_WITHIN,
    CALM,
    Course,
    Event,
    end,
    flaps_after,
    follow,
)
from quartier.core.metering.alarms import DayState, Kind, Rules, Verdict, judge_day, judge_now
from quartier.core.metering.virtual import BadRule

DAY_EVERY = timedelta(hours=1)
"""How often the quarter-hours of the last whole day are looked at: they may come late."""
SAME_LOOK = timedelta(hours=1)
"""A look that is newer by no more was made by another worker meanwhile; one that is newer by more,
by a clock that was wrong."""
_LOG = logging.getLogger(__name__)
OF_DAYS = frozenset({Kind.IMPLAUSIBLE, Kind.RESIDUAL})


@dataclass
class Watched:
    """What came of a look: alarms that were opened and that ended, and how many sites were
    looked at and how many are quiet. ``failed`` names the sites that could not be looked at."""

    sites: int = 0
    quiet: int = 0
    failed: list[str] = field(default_factory=list)
    opened: list[Alarm] = field(default_factory=list)
    ended: list[Alarm] = field(default_factory=list)


def is_quiet(site: Site, today: date) -> bool:
    """Whether nobody is alarmed of the site yet: it is planned, or its day has not come.

    Its day is ``starts_date``; where that is open, that of its first solution.
    """
    if site.starts_date is not None:
        return site.starts_date > today
    return not Solution.objects.filter(site=site, starts_date__lte=today).exists()


def watch_all(now: datetime) -> Watched:
    """Look at every site, each in a transaction of its own. One that cannot be looked at stops no
    other; it is logged and named."""
    done = Watched()
    for pk, ref in list(Site.objects.order_by("pk").values_list("pk", "ref")):
        try:
            watch_site(pk, now, done)
        except Exception:  # noqa: BLE001  (one site's fault stops no other; logged in full)
            _LOG.exception("no alarms for site %s: it could not be looked at", ref)
            done.failed.append(ref)
    return done


def watch_site(site_id: int, now: datetime, done: Watched | None = None) -> Watched:
    """Look at one site. Another worker that looks at it now is waited for; a look that is older
    than the last one changes nothing."""
    done = done or Watched()
    SiteWatch.objects.get_or_create(site_id=site_id)
    with transaction.atomic():
        watch = (
            SiteWatch.objects.select_for_update(of=("self",))
            .select_related("site__organisation")
            .get(site_id=site_id)
        )
        if watch.checked_at is not None and now <= watch.checked_at <= now + SAME_LOOK:
            return done
        done.sites += 1
        _look(watch, now, done)
        watch.checked_at = now
        watch.save()
    return done


def _look(watch: SiteWatch, now: datetime, done: Watched) -> None:
    site = watch.site
    standing = {
        (Kind(row.kind), row.subject): row for row in Alarm.objects.filter(site=site, ended_at=None)
    }
    verdicts: list[Verdict] = []
    looked_at = frozenset(Kind)
    if is_quiet(site, now.astimezone(ZoneInfo(site.timezone)).date()):
        done.quiet += 1
    else:
        rules = rules_of(site.organisation, site)
        settling = frozenset(
            row.subject
            for (kind, _), row in standing.items()
            if kind is Kind.SILENT_GATEWAY
            and (row.calm_since is None or now - row.calm_since < CALM)
        )
        gateways = gather.gateways_of(site, settling, now)
        verdicts += judge_now(gateways, gather.meters_of(site, now), rules, now)
        last_at = watch.day_checked_at
        is_due = last_at is None or not last_at <= now < last_at + DAY_EVERY
        day = _day(site, now, rules) if is_due else None
        if day is not None:
            verdicts += judge_day(day, rules)
        else:
            looked_at -= {kind for kind in OF_DAYS if rules[kind].is_watched}
        if is_due:
            watch.day_checked_at = now
    told = _follow_all(site, standing, verdicts, looked_at, now, done)
    tell(site, told, now)


def _day(site: Site, now: datetime, rules: Rules) -> DayState | None:
    """The last whole day; None where a virtual meter cannot be computed: the data quality of the
    site says which."""
    try:
        return gather.day_of(site, now, rules)
    except BadRule as problem:
        _LOG.warning("site %s: no alarms of whole days: %s", site.ref, problem)
        return None


def _follow_all(
    site: Site,
    standing: dict[tuple[Kind, str], Alarm],
    verdicts: list[Verdict],
    looked_at: frozenset[Kind],
    now: datetime,
    done: Watched,
) -> list[Told]:
    told: list[Told] = []
    new: list[Verdict] = []
    for verdict in verdicts:
        row = standing.pop((verdict.kind, verdict.subject), None)
        course, event = follow(_course(row) if row else None, verdict, now)
        if row is None and course is not None:
            new.append(verdict)
        elif row is not None and course is not None:
            _write(row, course, verdict)
            if event is not None:
                told.append(Told(row, event))
            if event is Event.ENDED:
                done.ended.append(row)
    for (kind, _), row in standing.items():
        if kind in looked_at:  # its rule, its meter or its gateway is gone
            course, event = end(_course(row), now)
            _write(row, course, None)
            told.append(Told(row, event))
            done.ended.append(row)
    if new:
        told += _open(site, new, now, done)
    return told


def _open(site: Site, verdicts: list[Verdict], now: datetime, done: Watched) -> list[Told]:
    names = gather.names_of(site)
    recent = Alarm.objects.filter(site=site, ended_at__gte=now - AGAIN_WITHIN)
    last = {(row.kind, row.subject): row for row in recent.order_by("ended_at")}
    told = []
    for verdict in verdicts:
        before = last.get((verdict.kind.value, verdict.subject))
        flaps = flaps_after(_course(before) if before else None, now)
        course, event = follow(None, verdict, now, flaps=flaps)
        assert course is not None
        assert event is not None
        is_meter = verdict.kind not in (Kind.SILENT_GATEWAY, Kind.CLOCK, Kind.RESIDUAL)
        row = Alarm(
            site=site,
            kind=verdict.kind.value,
            subject=verdict.subject,
            name=names.get(verdict.subject, verdict.subject) if is_meter else verdict.subject,
        )
        _write(row, course, verdict)
        done.opened.append(row)
        told.append(Told(row, event))
    return told


def _course(row: Alarm) -> Course:
    return Course(
        Severity(row.severity),
        row.opened_at,
        row.last_seen_at,
        row.calm_since,
        row.flaps,
        row.snoozed_until,
        row.ended_at,
    )


def _write(row: Alarm, course: Course, verdict: Verdict | None) -> None:
    """``row`` as ``course`` has it, with what ``verdict`` says of it now; saved if it differs."""
    before = (_course(row), row.code, row.values) if row.pk else None
    row.severity = course.severity.value
    row.opened_at, row.last_seen_at = course.opened_at, course.last_seen_at
    row.calm_since, row.flaps = course.calm_since, course.flaps
    row.snoozed_until, row.ended_at = course.snoozed_until, course.ended_at
    if verdict is not None and verdict.code:
        row.code, row.values = verdict.code, dict(verdict.values)
        if row.pk is None:
            row.since = verdict.since or course.opened_at
    if before != (_course(row), row.code, row.values):
        row.save()
