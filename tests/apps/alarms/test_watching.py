"""What is wrong becomes one alarm, which ends, whoever looks how often."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from quartier.apps.alarms import handling
from quartier.apps.alarms.models import KINDS, Alarm, Notice, SiteWatch
from quartier.apps.alarms.rules import drop_rule, rules_of, set_rule
from quartier.apps.alarms.watching import watch_all, watch_site
from quartier.apps.contracts.models import Solution
from quartier.apps.equipment.models import Connection, Gateway, Meter, MqttSource
from quartier.apps.metering import powers
from quartier.core.metering.alarms import Kind, Rule, default_rule
from tests.apps.alarms.conftest import NOW, PAIRED_AT, cellar_of

pytestmark = [pytest.mark.django_db, pytest.mark.db]

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def standing():
    rows = Alarm.objects.filter(ended_at=None)
    return sorted(rows.values_list("kind", "subject", "code"))


def test_the_kinds_of_the_table_are_those_of_the_core():
    assert [key for key, _ in KINDS] == [kind.value for kind in Kind]


def test_a_silent_meter_is_one_alarm_until_it_has_been_back_for_a_while(cellar):
    cellar.well(NOW)
    cellar.heard(NOW + 3 * HOUR)
    cellar.read(NOW + 3 * HOUR, "m1", "m3")
    for minutes in (0, 5, 10):
        watch_all(NOW + 3 * HOUR + minutes * MINUTE)
    assert standing() == [("silent_meter", "m2", "meter_silent")]
    alarm = Alarm.objects.get()
    assert (alarm.name, alarm.since, alarm.severity) == ("Flat 2", NOW, "error")
    assert alarm.last_seen_at == NOW + 3 * HOUR + 10 * MINUTE
    back = NOW + 3 * HOUR + 15 * MINUTE
    cellar.well(back)
    watch_all(back)
    assert standing()
    watch_all(back + 30 * MINUTE)
    assert standing() == []
    assert Alarm.objects.get().ended_at == back + 30 * MINUTE
    assert list(Notice.objects.order_by("at").values_list("event", "address")) == [
        ("opened", "op@example.ch"),
        ("ended", "op@example.ch"),
    ]


def test_behind_a_silent_gateway_meters_are_quiet(cellar):
    cellar.well(NOW)
    watch_all(NOW + 10 * HOUR)
    assert standing() == [("silent_gateway", "elm-g", "gateway_silent")]
    back = NOW + 20 * HOUR
    cellar.heard(back)  # what it kept is still on its way
    watch_all(back)
    assert standing() == [("silent_gateway", "elm-g", "gateway_silent")]
    cellar.read(back + 10 * MINUTE)
    for minutes in (10, 35, 60):
        cellar.heard(back + minutes * MINUTE)
        watch_all(back + minutes * MINUTE)
    assert standing() == []
    assert Alarm.objects.count() == 1


def test_a_gateway_that_publishes_itself_is_watched_by_its_broker_and_its_messages(cellar):
    router = Gateway.objects.create(site=cellar.site, name="elm-rut")
    source = MqttSource.objects.create(gateway=router, host="b.example.ch", mapping="{}")
    Connection.objects.filter(meter__ref="m2").update(
        driver="mqtt 1f", settings={"gateway": "elm-rut"}, bus=None
    )

    def seen_at(now, *, heard, is_held=True, read=("m1", "m3")):
        cellar.heard(now)
        cellar.read(now, *read)
        Gateway.objects.filter(pk=router.pk).update(seen_at=heard)
        held_until = now + MINUTE if is_held else now - MINUTE
        MqttSource.objects.update(connected_at=PAIRED_AT, held_until=held_until)
        watch_all(now)
        return standing()

    cellar.well(NOW - MINUTE)
    assert seen_at(NOW, heard=None) == [], "it has published nothing yet"
    assert seen_at(NOW + 23 * HOUR, heard=NOW) == []
    silent = [("silent_gateway", "elm-rut", "gateway_silent")]
    assert seen_at(NOW + 25 * HOUR, heard=NOW) == silent
    assert seen_at(NOW + 26 * HOUR, heard=NOW + 26 * HOUR, read=("m1", "m2", "m3"))
    back = NOW + 27 * HOUR
    assert seen_at(back, heard=back) == []
    assert seen_at(back + 2 * HOUR, heard=back, is_held=False) == silent, "no field server"
    back += 50 * HOUR
    seen_at(back, heard=back)
    assert seen_at(back + HOUR, heard=back + HOUR) == [("silent_meter", "m2", "meter_silent")]
    source.is_enabled = False
    source.save()
    assert seen_at(back + 2 * HOUR, heard=back + HOUR) == []


def test_clock_and_power(cellar):
    cellar.well(NOW)
    cellar.heard(NOW, clock_ahead_ms=-90_000)
    meters = {one.ref: one.pk for one in Meter.objects.all()}
    now = [
        powers.Power(meters["m1"], "1-1:16.7.0", NOW - MINUTE, -20_000),
        powers.Power(meters["m2"], "1-1:1.7.0", NOW - MINUTE, 17_000),
        powers.Power(meters["m3"], "1-1:1.7.0", NOW - 20 * MINUTE, 99_000),
    ]
    powers.keep(cellar.site.pk, now, at=NOW)
    watch_all(NOW)
    assert standing() == [("clock", "elm-g", "clock_behind"), ("power", "m1", "power")]
    assert Alarm.objects.get(kind="power").values == {"power_kw": "20.0", "limit_kw": "17.3"}


@pytest.mark.parametrize("starts_date", [None, date(2026, 11, 24)])
def test_a_site_that_is_planned_is_quiet(cellar, starts_date):
    cellar.site.starts_date = starts_date
    cellar.site.save()
    done = watch_all(NOW)
    assert (done.sites, done.quiet, standing()) == (1, 1, [])
    Solution.objects.create(site=cellar.site, kind="electricity", starts_date=date(2026, 11, 23))
    done = watch_all(NOW + MINUTE)
    assert done.quiet == (starts_date is not None)
    assert bool(standing()) == (starts_date is None)


@pytest.mark.parametrize("how", ["disable", "disconnect", "unpair", "not watched"])
def test_what_is_not_watched_any_more_ends(cellar, how):
    cellar.heard(NOW)
    watch_all(NOW)
    assert len(standing()) == 3
    if how == "disable":
        Meter.objects.update(is_enabled=False)
    elif how == "disconnect":
        Connection.objects.update(bus=None)
    elif how == "unpair":
        Gateway.objects.update(paired_at=None)
    else:
        rule = Rule(Kind.SILENT_METER, False, default_rule(Kind.SILENT_METER).limits)
        set_rule(cellar.site.organisation, None, rule, at=NOW, actor="t")
    watch_all(NOW + 5 * MINUTE)
    # Without its gateway nothing is known of a meter: it was not repaired.
    assert standing() == (
        [] if how != "unpair" else [("silent_meter", f"m{n}", "meter_never") for n in (1, 2, 3)]
    )


def test_a_rule_of_the_site_goes_before_that_of_the_organisation(cellar):
    organisation, site = cellar.site.organisation, cellar.site
    by = {"at": NOW, "actor": "t"}
    cellar.well(NOW - 2 * HOUR)
    set_rule(organisation, None, Rule(Kind.SILENT_GATEWAY, False, (60,)), **by)
    assert not rules_of(organisation, site)[Kind.SILENT_GATEWAY].is_watched
    set_rule(organisation, site, Rule(Kind.SILENT_GATEWAY, True, (121,)), **by)
    watch_all(NOW)
    assert standing() == []
    set_rule(organisation, site, Rule(Kind.SILENT_GATEWAY, True, (119,)), **by)
    watch_all(NOW + MINUTE)
    assert len(standing()) == 1
    drop_rule(organisation, site, Kind.SILENT_GATEWAY, **by)
    assert not rules_of(organisation, site)[Kind.SILENT_GATEWAY].is_watched


def test_the_database_refuses_a_second_open_alarm(cellar):
    watch_all(NOW)
    row = Alarm.objects.first()
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_an_older_look_changes_nothing(cellar):
    cellar.well(NOW)
    watch_site(cellar.site.pk, NOW)
    assert watch_site(cellar.site.pk, NOW).sites == 0
    assert watch_site(cellar.site.pk, NOW - HOUR).sites == 0


def test_a_clock_that_was_a_year_ahead_silences_nothing(cellar):
    cellar.well(NOW)
    watch_site(cellar.site.pk, NOW + timedelta(days=365))
    assert standing()
    for minutes in (5, 70):
        cellar.well(NOW + minutes * MINUTE)
        assert watch_site(cellar.site.pk, NOW + minutes * MINUTE).sites == 1
    assert SiteWatch.objects.get().day_checked_at == NOW + 70 * MINUTE


def test_a_larger_site_asks_no_more(cellar):
    def asked(site, now):
        with CaptureQueriesContext(connection) as queries:
            watch_site(site.pk, now)
        return len(queries)

    cellar.heard(NOW)
    large, gateway = cellar_of(cellar.site.organisation, "large", meters=30)
    Gateway.objects.filter(pk=gateway.pk).update(seen_at=NOW)
    few = [asked(cellar.site, NOW), asked(cellar.site, NOW + MINUTE)]
    many = [asked(large, NOW), asked(large, NOW + MINUTE)]
    assert Alarm.objects.filter(site=large).count() == 30
    # What is opened or seen again is one statement an alarm; what is asked stays.
    assert many[0] - few[0] == many[1] - few[1] == 27


def test_a_site_that_cannot_be_looked_at_stops_no_other(cellar, monkeypatch, caplog):
    cellar_of(cellar.site.organisation, "ash")
    cellar.site.timezone = "Nowhere/At-all"
    cellar.site.save()
    done = watch_all(NOW)
    assert done.failed == ["elm"]
    assert "site elm" in caplog.text
    assert {row.site.ref for row in Alarm.objects.select_related("site")} == {"ash"}


def test_a_virtual_meter_that_cannot_be_computed_hides_no_silence(cellar, caplog):
    Meter.objects.filter(ref="m3").update(source="virtual", rule="m1 + m9")
    cellar.heard(NOW)
    assert watch_all(NOW).failed == []
    assert len(standing()) == 3
    assert "m9" in caplog.text


def test_acknowledged_put_off_and_taken_back(cellar):
    cellar.heard(NOW)
    watch_all(NOW)
    rows, by = Alarm.objects.all(), {"at": NOW, "actor": "anna@example.ch"}
    one = rows.filter(subject="m1")
    assert handling.acknowledge(one, " Fuse ordered ", **by) == 1
    assert handling.acknowledge(one, "again", **by) == 0
    assert (one.get().remark, one.get().acknowledged_by) == ("Fuse ordered", "anna@example.ch")
    assert handling.snooze(rows.filter(subject="m2"), NOW + HOUR, **by) == 1
    assert [row.subject for row in handling.untaken(rows, NOW)] == ["m3"]
    assert handling.untaken(rows, NOW + HOUR).count() == 2
    with pytest.raises(handling.BadSnooze):
        handling.snooze(rows, NOW, **by)
    cellar.heard(NOW + HOUR)
    watch_all(NOW + HOUR)
    assert Notice.objects.filter(event="reminded").get().alarm.subject == "m2"
    assert handling.release(rows, **by) == 1
    assert handling.untaken(rows, NOW).count() == 3
