"""The pages of alarms: what is shown to whom, and what can be done with it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from quartier.apps.alarms.models import Alarm, AlarmRule, Notice, Recipient
from quartier.apps.audit.models import Event
from quartier.apps.sites.models import Site

pytestmark = [pytest.mark.django_db, pytest.mark.db]

ALL, SITE = "/alarms/", "/sites/linde/alarms/"
SETTINGS, OF_SITE = "/alarms/settings/", "/sites/linde/alarms/settings/"
PUT_OFF = {"action": "snooze", "for": "day"}


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def alarm(site, subject="m001", kind="silent_meter", code="meter_silent", **more):
    at = timezone.now()
    times = {"since": at, "opened_at": at, "last_seen_at": at}
    named = {"subject": subject, "name": subject.upper(), "severity": "error"}
    return Alarm.objects.create(site=site, kind=kind, code=code, **{**named, **times, **more})


@pytest.fixture
def elsewhere(world):
    """A site of the organisation on which nobody but the operator works."""
    return Site.objects.create(organisation=world.site.organisation, ref="ash", name="Ash")


def test_all_quiet_says_what_is_looked_at(world):
    for url in (ALL, SITE):
        page = text(world.as_("operator").get(url))
        assert "All quiet" in page
        assert "0 gateways and 0 meters" in page


def test_who_works_on_a_site_sees_its_alarms_and_no_others(world, elsewhere):
    alarm(world.site)
    alarm(elsewhere, "m777")
    page = text(world.as_("operator").get(ALL))
    assert "M001" in page
    assert "M777" in page
    for role in ("owner", "installer"):
        for url in (ALL, "/alarms/list.csv"):
            page = text(world.as_(role).get(url))
            assert ("M001" in page, "M777" in page) == (True, False), (role, url)
    for role in ("resident", "stranger", "outsider"):
        page = text(world.as_(role).get("/alarms/list.csv"))
        assert "M001" not in page
    assert world.as_("outsider").get("/alarms/list.csv?site=linde").status_code == 403


def test_many_are_taken_put_off_and_taken_back_at_once(world):
    rows = [alarm(world.site, f"m00{n}") for n in (1, 2, 3)]
    client = world.as_("installer")
    two = {"alarm": [row.pk for row in rows[:2]]}
    asked = {**two, "action": "acknowledge", "remark": "On my way"}
    assert client.post(SITE, asked).url == SITE
    page = text(client.get(SITE))
    assert ("M001" in page, "M003" in page) == (False, True)
    assert "2 alarms taken" in page
    page = text(client.get(f"{SITE}?show=open"))
    assert "installer@example.ch" in page
    assert "On my way" in page
    client.post(f"{ALL}?show=open", {**PUT_OFF, "alarm": rows[2].pk})
    assert "All quiet" not in text(client.get(f"{ALL}?show=open"))
    assert "All quiet" in text(client.get(ALL))
    until = Alarm.objects.get(subject="m003").snoozed_until
    assert timedelta(hours=23) < until - timezone.now() < timedelta(hours=25)
    client.post(SITE, {"alarm": [row.pk for row in rows], "action": "release"})
    assert "M001" in text(client.get(SITE))
    actions = Event.objects.filter(action__startswith="alarms.").values_list("action", flat=True)
    assert sorted(actions) == ["alarms.acknowledge", "alarms.release", "alarms.snooze"]


def test_who_may_not_does_nothing(world, elsewhere):
    here, there = alarm(world.site), alarm(elsewhere)
    chosen = {"alarm": [here.pk, there.pk], "action": "acknowledge"}
    assert world.as_("owner").post(SITE, chosen).status_code == 403
    world.as_("owner").post(ALL, chosen)
    assert not Alarm.objects.exclude(acknowledged_at=None).exists()
    world.as_("installer").post(ALL, chosen)
    assert Alarm.objects.exclude(acknowledged_at=None).get() == here
    world.as_("outsider").post(ALL, chosen)
    there.refresh_from_db()
    assert there.acknowledged_at is None
    assert 'name="alarm"' not in text(world.as_("owner").get(ALL))


@pytest.mark.parametrize("form", [{}, {"action": "snooze", "for": "ever"}, {"action": "x"}])
def test_an_unknown_act_is_refused(world, form):
    assert world.as_("operator").post(ALL, {"alarm": "1", **form}).status_code == 403


@pytest.mark.parametrize("keys", [["x"], ["-1"], ["9" * 30], ["²"], []])
def test_an_odd_choice_takes_nothing(world, keys):
    row = alarm(world.site)
    world.as_("operator").post(ALL, {"alarm": keys, "action": "acknowledge"})
    row.refresh_from_db()
    assert row.acknowledged_at is None


def test_history_kind_and_search(world):
    alarm(world.site, "m001", ended_at=timezone.now())
    alarm(world.site, "linde-g", "clock", "clock_ahead", values={"seconds": "90"})
    client = world.as_("operator")
    assert "M001" in text(client.get(f"{SITE}?show=ended"))
    assert "Its clock is 90 s ahead" in text(client.get(SITE))
    assert "No alarm matches" in text(client.get(f"{SITE}?kind=silent_meter"))
    assert "LINDE-G" in text(client.get(f"{SITE}?q=linde-g&kind=nonsense"))
    assert "No alarm matches" in text(client.get(f"{ALL}?q={'x' * 400}"))


def test_the_navigation_counts_what_waits(world, elsewhere):
    for number in range(3):
        alarm(world.site, f"m{number}")
    alarm(elsewhere)
    client = world.as_("operator")
    assert '<span class="count">3<span' in text(client.get("/sites/linde/notes/"))
    assert '<span class="count">4<span' in text(client.get("/sites/"))


def test_the_overview_begins_with_what_is_wrong(world):
    alarm(world.site, since=timezone.now() - timedelta(days=1))
    alarm(world.site, "taken", acknowledged_at=timezone.now(), acknowledged_by="x")
    page = text(world.as_("owner").get("/sites/linde/"))
    assert "Silent meter M001" in page
    assert "though its gateway answers" in page
    assert "TAKEN" not in page


def test_more_alarms_ask_no_more(world):
    client = world.as_("operator")

    def asked():
        counts = []
        for url in (ALL, SITE, SETTINGS, OF_SITE, "/sites/linde/"):
            with CaptureQueriesContext(connection) as queries:
                text(client.get(url))
            counts.append(len(queries))
        return counts

    alarm(world.site)
    Recipient.objects.create(organisation=world.site.organisation, role="owner")
    client.get(ALL)
    few = asked()
    for number in range(20):
        alarm(world.site, f"x{number}")
        Recipient.objects.create(
            organisation=world.site.organisation, address=f"a{number}@example.ch", site=world.site
        )
    assert asked() == few
    assert max(few) <= 40


def test_a_mail_that_was_not_sent_is_shown_to_operators(world):
    now = timezone.now()
    where = {"channel": "email", "address": "a@example.ch", "language": "de"}
    Notice.objects.create(
        alarm=alarm(world.site), event="opened", at=now, due_at=now, failure="550 <no>", **where
    )
    assert "550 &lt;no&gt;" in text(world.as_("operator").get(ALL))
    assert "550" not in text(world.as_("installer").get(ALL))


def test_rules_are_set_for_all_and_for_one_site(world):
    client = world.as_("operator")
    residual = {"action": "rule", "kind": "residual", "residual-is_watched": "on"}
    limits = {"residual-warning_per_mille": 10, "residual-error_per_mille": 30}
    assert client.post(SETTINGS, {**residual, **limits}).url == SETTINGS
    assert client.post(OF_SITE, {**residual, **limits, "residual-error_per_mille": 40}).url
    found = AlarmRule.objects.order_by("id").values_list("site__ref", "first_limit", "second_limit")
    assert list(found) == [(None, 10, 30), ("linde", 10, 40)]
    assert "own rule" in text(client.get(OF_SITE))
    client.post(OF_SITE, {"action": "drop", "kind": "residual"})
    assert "own rule" not in text(client.get(OF_SITE))
    assert 'value="30"' in text(client.get(OF_SITE))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"residual-warning_per_mille": 50, "residual-error_per_mille": 20}, "not be above"),
        ({"residual-warning_per_mille": 0, "residual-error_per_mille": 20}, "greater than or"),
        ({"residual-warning_per_mille": "x", "residual-error_per_mille": 20}, "whole number"),
        ({"residual-warning_per_mille": 5}, "required"),
    ],
)
def test_a_limit_that_cannot_be_is_said(world, form, words):
    asked = {"action": "rule", "kind": "residual", **form}
    assert words in text(world.as_("operator").post(SETTINGS, asked))
    assert not AlarmRule.objects.exists()


def test_recipients_are_entered_and_removed(world):
    client = world.as_("operator")
    add = {"action": "add", "language": "fr", "least_severity": "error", "kind": "clock"}
    address = {**add, "who": "address", "address": "pikett@example.ch"}
    assert "all operators are told" in text(client.get(OF_SITE))
    assert client.post(OF_SITE, address).url == OF_SITE
    assert "entered already" in text(client.post(OF_SITE, address))
    assert client.post(SETTINGS, {**add, "who": "role-installer"}).url == SETTINGS
    owner = world.users["owner"].pk
    assert client.post(SETTINGS, {**add, "who": f"user-{owner}"}).url == SETTINGS
    page = text(client.get(OF_SITE))
    assert "pikett@example.ch" in page
    assert "for all sites" in page
    for who in (f"user-{world.users['outsider'].pk}", "role-none", ""):
        assert "errors" in text(client.post(SETTINGS, {**add, "who": who}))
    assert "Enter the address" in text(client.post(SETTINGS, {**add, "who": "address"}))
    row = Recipient.objects.get(site=world.site)
    assert client.post(SETTINGS, {"action": "remove", "recipient": row.pk}).status_code == 404
    client.post(OF_SITE, {"action": "remove", "recipient": row.pk})
    assert Recipient.objects.count() == 2
    assert client.post(SETTINGS, {"action": "x"}).status_code == 403
