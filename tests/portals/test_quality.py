"""Gaps are listed, estimated, entered by hand, taken back and locked, each seen before it is."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

import numpy as np
import pytest
from django.urls import reverse

from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import Meter, Register
from quartier.apps.metering import store
from quartier.apps.metering.models import IntervalRevision, Lock
from quartier.apps.metering.undoing import NoSuchChange, undo_change
from quartier.core.kernel.period import slot_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series
from tests.portals.conftest import BILLED_AT
from tests.portals.holes import hole

pytestmark = [pytest.mark.django_db, pytest.mark.db]
LIST = "/sites/linde/quality/?range=month&at=2026-08-01"
TEN = slot_at(datetime(2026, 8, 12, 10, tzinfo=UTC))
ONE = "start=2026-08-12T10:00Z&end=2026-08-12T10:15Z"


@pytest.fixture
def register(world):
    return Register.objects.get(site=world.site, meter__ref="m001", direction="import")


def page_of(register, name="site-intervals", query=ONE):
    return f"{reverse(name, args=['linde', register.pk])}?{query}"


def reviewed(client, url, data, **more):
    """The answer to a change that was looked at first, and what its review showed."""
    seen = client.post(url, {**data, "step": "review"})
    sha256 = seen.context["shown"]["sha256"]
    assert f'name="seen" value="{sha256}"' in seen.content.decode()
    return client.post(url, {**data, "step": "commit", "seen": sha256}, **more)


def value(world, register, slot=TEN):
    read = store.read(world.site.pk, [register.pk], slot, slot + 1)
    return int(read.energy_wh[0, 0]), int(read.quality[0, 0])


def test_without_gaps_the_page_says_so(world):
    page = world.as_("owner").get(LIST).content.decode()
    assert "Nothing to look after" in page


def test_a_gap_is_listed_on_local_clocks_estimated_and_in_the_history(world, register):
    hole(world.site, register, date(2026, 8, 12), 40, 60)
    client = world.as_("installer")
    page = client.get(LIST)
    (row,) = page.context["rows"]
    assert (row["from"], row["until"]) == ("12.08.2026\u202f12:00", "12.08.2026\u202f17:00")
    assert row["stretch"].length == 20
    assert client.get(f"{LIST}&format=csv").content.decode("utf-8-sig").count("\n") == 2
    assert client.get(row["link"]).context["gaps"] == 20
    url = page_of(register, "site-interval-estimate", row["query"])
    seen = client.post(url, {"reason": "modem was off", "step": "review"}).context["shown"]
    assert (seen["done"].written.filled, seen["done"].methods) == (20, ["weeks"])
    assert seen["before_wh"] is None
    assert value(world, register)[1] == Quality.MISSING, "a review changes nothing"
    assert not Event.objects.filter(action="intervals.estimate").exists()
    commit = {"reason": "modem was off", "step": "commit", "seen": seen["sha256"]}
    assert client.post(url, commit).status_code == 302
    energy_wh, quality = value(world, register)
    assert quality == Quality.ESTIMATED
    assert energy_wh == seen["rows"][0]["after"]
    (note,) = client.get(row["link"]).context["history"]
    assert (note["reason"], note["actor"]) == ("modem was off", "installer@example.ch")
    assert "modem was off" in world.as_("owner").get(row["link"]).content.decode()
    assert "installer@" not in world.as_("owner").get(row["link"]).content.decode()
    assert "estimated" in client.get(LIST).content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "start=2026-08-12T12:00Z&end=2026-08-12T15:00Z",
        "start=2026-08-12T10:00Z&end=2026-08-12T12:00Z",
        "start=2026-08-12T12:00Z&end=2026-08-12T13:00Z",
    ],
)
def test_a_part_of_a_gap_is_estimated_with_all_of_it_and_says_so(world, register, query):
    hole(world.site, register, date(2026, 8, 12), 40, 60)
    url = page_of(register, "site-interval-estimate", query)
    context = world.as_("operator").post(url, {"reason": "x", "step": "review"}).context
    written = context["shown"]["done"].written
    assert (written.filled, context["shown"]["differing"]) == (20, 20)
    assert (context["from"], context["until"]) == ("12.08.2026\u202f12:00", "12.08.2026\u202f17:00")


def test_a_value_by_hand_names_the_invoices_and_can_be_taken_back(world, register):
    before = value(world, register)
    client = world.as_("operator")
    url = page_of(register, "site-interval-edit")
    data = {
        "start": "2026-08-12 12:00",
        "end": "2026-08-12 12:15",
        "kwh": "1.234",
        "reason": "read from the display",
    }
    seen = client.post(url, {**data, "step": "review"})
    assert (seen.context["shown"]["before_wh"], seen.context["shown"]["after_wh"]) == (
        before[0],
        1234,
    )
    numbers = seen.context["shown"]["done"].billed
    assert numbers
    assert numbers[0] in seen.content.decode()
    assert value(world, register) == before, "a review changes nothing"
    commit = {**data, "step": "commit", "seen": seen.context["shown"]["sha256"]}
    assert client.post(url, commit).status_code == 302
    assert value(world, register) == (1234, Quality.MANUAL)
    (change,) = client.get(page_of(register)).context["history"]
    assert (change["old_wh"], change["reason"]) == (before[0], "read from the display")
    back = client.post(change["undo"], {"reason": "it was right", "step": "review"})
    assert back.context["shown"]["after_wh"] == before[0]
    assert value(world, register) == (1234, Quality.MANUAL)
    assert reviewed(client, change["undo"], {"reason": "it was right"}).status_code == 302
    assert value(world, register) == before
    history = client.get(page_of(register)).context["history"]
    assert [one["reason"] for one in history] == ["it was right", "read from the display"]
    assert Event.objects.filter(action="intervals.undo", actor="operator@example.ch").count() == 1
    assert IntervalRevision.objects.filter(register_id=register.pk).count() == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"reason": ""}, "required"),
        ({"reason": "x" * 501}, "500"),
        ({"kwh": "-1"}, "0"),
        ({"kwh": "NaN"}, "number"),
        ({"kwh": "1e400"}, "digit"),
        ({"start": "yesterday"}, "is not a time"),
        ({"start": "2026-08-12 12:07"}, "quarter-hour"),
        ({"end": "2026-08-12 11:00"}, "not after the start"),
        ({"end": "2100-01-01 00:00"}, "not over yet"),
        ({"start": "2026-03-29 02:30"}, "skipped by the clock change"),
        ({"start": "0001-01-01 00:00"}, "is not a time"),
        ({"start": "9999-12-31T23:50+00:00"}, "is not a time"),
        ({"start": "1969-12-31 00:00"}, "1970"),
    ],
)
def test_a_bad_edit_changes_nothing(world, register, change, says):
    before = value(world, register)
    data = {"start": "2026-08-12 12:00", "end": "2026-08-12 12:15", "kwh": "1", "reason": "x"}
    for step in ("review", "commit"):
        page = world.as_("operator").post(
            page_of(register, "site-interval-edit"), {**data, **change, "step": step}
        )
        assert page.status_code == 200
        assert says in page.content.decode()
    assert value(world, register) == before


@pytest.mark.parametrize(
    "query",
    [
        "",
        "start=x&end=y",
        "start=2026-08-12T10:00Z&end=2026-08-12T10:00Z",
        "start=2026-08-12T10:01Z&end=2026-08-12T11:00Z",
        "start=0001-01-01T00:00Z&end=9999-12-31T00:00Z",
        "start=1969-01-01T00:00Z&end=1969-01-02T00:00Z",
        "start=9999-12-31T22:00Z&end=9999-12-31T22:15Z",
        "start=9999-12-31T23:30Z&end=9999-12-31T23:45Z",
        "of=0001-01-01T00:00%2B14:00",
        "of=9999-12-31T23:59-14:00",
    ],
)
def test_an_address_without_quarter_hours_does_not_exist(world, register, query):
    client = world.as_("operator")
    for name in ("site-intervals", "site-interval-estimate", "site-interval-edit"):
        assert client.get(page_of(register, name, query)).status_code == 404
    assert client.get(page_of(register, "site-interval-undo", query)).status_code == 404


def test_a_lock_moves_forward_and_back_with_a_reason_and_stops_edits(world, register):
    client, url = world.as_("operator"), "/sites/linde/quality/locks/"
    assert client.post(url, {"medium": "electricity", "lock_date": "2026-09-01"}).status_code == 302
    assert Lock.objects.get().lock_date == date(2026, 9, 1)
    edit = {"start": "2026-08-12 12:00", "end": "2026-08-12 12:15", "kwh": "1", "reason": "x"}
    page = client.post(page_of(register, "site-interval-edit"), {**edit, "step": "commit"})
    assert "locked before" in page.content.decode()
    back = {"medium": "electricity", "lock_date": "2026-08-01"}
    assert "give a reason" in client.post(url, back).content.decode()
    assert Lock.objects.get().lock_date == date(2026, 9, 1)
    client.post(url, {**back, "reason": "late file"})
    assert Lock.objects.get().lock_date == date(2026, 8, 1)
    assert Event.objects.filter(action="intervals.lock").count() == 2
    assert "01.08.2026" in world.as_("installer").get(url).content.decode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"medium": "electricity"}, "Give the first day"),
        ({"medium": "electricity", "lock_date": "x"}, "is no day"),
        ({"medium": "electricity", "lock_date": "2199-01-01"}, "in the future"),
        ({"medium": "electricity", "lock_date": "0001-01-01"}, "mend the year"),
        ({"medium": "gas", "lock_date": "2026-08-01"}, "no meter of that kind"),
        ({"medium": "electricity", "lock_date": "2026-08-01", "reason": "x" * 501}, "too long"),
        ({"medium": "electricity", "lock_date": "2026-08-01", "reason": "\x1b[2J"}, "printed"),
    ],
)
def test_a_bad_lock_is_refused(world, data, says):
    page = world.as_("operator").post("/sites/linde/quality/locks/", data).content.decode()
    assert says in page
    assert not Lock.objects.exists()


def test_a_change_that_never_was_cannot_be_undone(world, register):
    with pytest.raises(NoSuchChange):
        undo_change(
            world.site,
            register,
            BILLED_AT,
            reason="x",
            actor="x",
            at=BILLED_AT + timedelta(days=1),
        )


def test_a_change_of_more_than_a_year_can_be_taken_back(world, register):
    length = 400 * 96
    before = Series.of(register.pk, TEN - length, [1] * length)
    after = Series.of(register.pk, TEN - length, [2] * length)
    for number, series in enumerate((before, after)):
        at = BILLED_AT + timedelta(days=1 + number)
        store.write(world.site.pk, [series], source="test", known_at=at, reason="x")
    query = urlencode({"of": at.isoformat()})
    url = page_of(register, "site-interval-undo", query)
    answer = reviewed(world.as_("operator"), url, {"reason": "x"}, follow=True)
    assert answer.status_code == 200
    assert value(world, register, TEN - 1)[0] == 1


def test_water_is_listed_in_cubic_meters(world, register):
    wash = Meter.objects.create(
        site=world.site, ref="w1", name="Water", medium="cold_water", source="curve"
    )
    water = Register.objects.create(
        site=world.site, meter=wash, direction="import", unit=Register.Unit.LITRE, obis="8-0:1.0.0"
    )
    for own in (water, register):
        by_hand = Series.of(own.pk, TEN, [1500], Quality.MANUAL)
        at = BILLED_AT + timedelta(days=1)
        store.write(world.site.pk, [by_hand], source="test", known_at=at, reason="x")
    client = world.as_("operator")
    page = client.get(f"{LIST}&quality=manual").content.decode()
    assert ">kWh / m³</th>" in page
    assert "1.500 m³</td>" in page
    assert "1.500 kWh</td>" in page
    lines = client.get(f"{LIST}&quality=manual&format=csv").content.decode().splitlines()
    assert lines[0].endswith("kWh,m³,kvarh")
    assert {line.split(",")[1]: line.split(",")[-3:] for line in lines[1:]} == {
        "w1": ["", "1.5", ""],
        "m001": ["1.5", "", ""],
    }
    meter = f"/sites/linde/equipment/{wash.ref}/"
    review = {"start": "2026-08-12 12:00", "end": "2026-08-12 12:15", "kwh": "1", "reason": "x"}
    for page in (
        client.get(page_of(water)),
        client.get(f"{meter}?range=day&at=2026-08-12"),
        client.post(page_of(water, "site-interval-edit"), {**review, "step": "review"}),
    ):
        assert page.context["chart"].data["unit"] == "m³"
        assert "kWh" not in page.content.decode()
    curve = client.get(f"{meter}?range=day&at=2026-08-12&format=csv").content.decode("utf-8-sig")
    assert curve.startswith("start,Import (m³),")
    place = client.get("/sites/linde/places/w002/?range=day&at=2026-08-12")
    curve = client.get(place.context["chart"].csv)
    assert curve.content.decode("utf-8-sig").startswith(
        "start,Solar (kWh),Bought from the grid (kWh),"
    )


def test_the_hour_that_comes_twice_is_told_apart_in_lists(world, register):
    number = slot_at(datetime(2025, 10, 26, tzinfo=UTC))
    series = Series.of(register.pk, number, [5] * 96, Quality.ESTIMATED)
    store.write(world.site.pk, [series], source="test", known_at=BILLED_AT)
    hole(world.site, register, date(2025, 10, 26), 3, 4)
    client = world.as_("operator")
    rows = client.get("/sites/linde/quality/?range=day&at=2025-10-26&quality=missing")
    row = next(one for one in rows.context["rows"] if one["stretch"].register == register)
    assert row["from"] == "26.10.2025\u202f02:45\u202f(+02:00)"
    assert row["until"] == "26.10.2025\u202f02:00\u202f(+01:00)"
    assert row["from"] in client.get(row["link"]).content.decode()


def test_more_gaps_ask_no_more(world, register, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = world.as_("operator")
    client.get(LIST)
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    for day in range(1, 25):
        hole(world.site, register, date(2026, 8, day), 40, 42)
    with CaptureQueriesContext(connection) as many:
        assert len(client.get(LIST).context["rows"]) == 24
    assert len(many) == len(few) <= 30
    with django_assert_num_queries(len(_asked(client, page_of(register)))):
        client.get(page_of(register, query="start=2026-08-01T00:00Z&end=2026-08-31T00:00Z"))


def _asked(client, url):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        client.get(url)
    return queries


def test_the_sum_of_a_stretch_is_that_of_its_quarter_hours(world, register):
    from quartier.apps.metering.stretches import stretches_in
    from quartier.core.metering.intervals import Series

    series = Series(register.pk, TEN, np.array([5, 7, 11]), np.full(3, 3, np.uint8))
    store.write(world.site.pk, [series], source="t", known_at=BILLED_AT)
    (one,) = stretches_in(world.site, range(TEN - 96, TEN + 96), due_slot=TEN + 96)
    assert (one.energy_wh, one.length, one.quality) == (23, 3, Quality.ESTIMATED)


def test_the_time_after_the_newest_data_is_no_gap(world, register, monkeypatch):
    """A day after the last import everything would read as missing."""
    now = datetime(2026, 10, 3, 7, tzinfo=UTC)
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    october = "/sites/linde/quality/?first=2026-10-01&last=2026-10-03"
    page = world.as_("operator").get(october)
    assert (page.context["all"], page.context["missing"]) == (0, 0)
    (group,) = page.context["silent"]
    assert group["since"] == "30.09.2026\u202f24:00"
    assert "Until the newest data every quarter-hour" in page.content.decode()
    assert "No data since 30.09.2026\u202f24:00 from" in page.content.decode()
    lines = world.as_("operator").get(f"{october}&format=csv").content.decode().splitlines()
    assert len(lines) == 1 + group["count"]
    # One that is silent for longer is told apart; a gap before its newest value is a gap.
    hole(world.site, register, date(2026, 9, 30), 30, 40)
    hole(world.site, register, date(2026, 9, 30), 60, 96)
    page = world.as_("operator").get("/sites/linde/quality/?first=2026-09-25&last=2026-10-03")
    assert [one["since"] for one in page.context["silent"]] == [
        "30.09.2026\u202f17:00",
        "30.09.2026\u202f24:00",
    ]
    (row,) = page.context["rows"]
    assert (row["stretch"].register, row["stretch"].length) == (register, 10)
    today = Series.of(register.pk, slot_at(now) - 8, [1])
    store.write(world.site.pk, [today], source="live", known_at=now)
    page = world.as_("operator").get("/sites/linde/quality/?first=2026-10-01&last=2026-10-03")
    (row,) = page.context["rows"]
    assert row["until"] == "02.10.2026\u202f24:00", "newer data came: now it is a gap"
    assert len(page.context["silent"]) == 1


def test_nothing_is_missing_after_the_last_device_was_removed(world, register):
    from quartier.apps.metering.stretches import stretches_in

    hole(world.site, register, date(2026, 8, 12), 30, 96)
    hole(world.site, register, date(2026, 8, 13), 0, 96)
    slots = range(TEN - 40, TEN + 96)
    start = TEN - 40 + 30
    at = datetime(2026, 1, 1, tzinfo=UTC)
    register.meter.devices.all().delete()
    old = register.meter.devices.create(serial="A", installed_at=at)
    (one,) = stretches_in(world.site, slots, due_slot=slots.stop)
    assert (one.first_slot, one.end_slot) == (start, slots.stop)
    old.removed_at = datetime(2026, 8, 12, 10, tzinfo=UTC)
    old.save()
    (one,) = stretches_in(world.site, slots, due_slot=slots.stop)
    assert (one.first_slot, one.end_slot) == (start, TEN)
    register.meter.devices.create(serial="B", installed_at=old.removed_at)
    (one,) = stretches_in(world.site, slots, due_slot=slots.stop)
    assert (one.first_slot, one.end_slot) == (start, slots.stop)


def test_what_was_seen_is_what_is_changed_or_nothing(world, register):
    """Two tabs: the values differ from those of the review when the button is pressed."""
    client, url = world.as_("operator"), page_of(register, "site-interval-edit")
    data = {"start": "2026-08-12 12:00", "end": "2026-08-12 12:15", "reason": "x"}
    reviewed(client, url, {**data, "kwh": "1"})
    undo = client.get(page_of(register)).context["history"][0]["undo"]
    review = {"reason": "back", "step": "review"}
    seen = client.post(undo, review)
    sha256 = seen.context["shown"]["sha256"]
    assert f'name="seen" value="{sha256}"' in seen.content.decode()
    reviewed(client, url, {**data, "kwh": "2"})
    commit = {"reason": "back", "step": "commit"}
    stale = client.post(undo, {**commit, "seen": sha256})
    assert "Look again" in stale.content.decode()
    assert stale.context["shown"]["before_wh"] == 2000
    assert value(world, register) == (2000, Quality.MANUAL)
    commit["seen"] = stale.context["shown"]["sha256"]
    assert client.post(undo, commit).status_code == 302
    back = value(world, register)
    assert back[1] != Quality.MANUAL
    assert client.post(undo, commit).status_code == 200, "sent twice, done once"
    reviewed(client, undo, {"reason": "again"})
    assert Event.objects.filter(action="intervals.undo").count() == 1, "nothing changed any more"
    assert value(world, register) == back


@pytest.mark.parametrize("seen", [{}, {"seen": ""}, {"seen": "0" * 64}, {"seen": "é" * 9999}])
def test_a_change_that_was_not_reviewed_changes_nothing(world, register, seen):
    hole(world.site, register, date(2026, 8, 12), 41, 42)
    before = value(world, register)
    client = world.as_("operator")
    data = {"start": "2026-08-12 12:00", "end": "2026-08-12 12:15", "kwh": "9", "reason": "x"}
    gap = "start=2026-08-12T10:15Z&end=2026-08-12T10:30Z"
    for name, query in (("site-interval-edit", ONE), ("site-interval-estimate", gap)):
        url = page_of(register, name, query)
        page = client.post(url, {**data, "step": "commit", **seen})
        assert page.status_code == 200
        assert "Look again" in page.content.decode()
    assert value(world, register) == before
    assert value(world, register, TEN + 1)[1] == Quality.MISSING
    assert not IntervalRevision.objects.exists()
    assert not Event.objects.filter(action__startswith="intervals.").exists()


def test_an_estimate_is_a_gap_again_and_that_can_be_taken_back(world, register):
    hole(world.site, register, date(2026, 8, 12), 40, 60)
    client, gap = world.as_("operator"), "start=2026-08-12T10:00Z&end=2026-08-12T15:00Z"
    reviewed(client, page_of(register, "site-interval-estimate", gap), {"reason": "modem"})
    guess = value(world, register)
    measured = Series.of(register.pk, TEN + 5, [777] * 3)
    at = datetime.now(UTC)
    store.write(world.site.pk, [measured], source="late file", known_at=at)
    undo = client.get(page_of(register, query=gap)).context["history"][-1]["undo"]
    page = client.post(undo, {"reason": "late data", "step": "review"})
    done = page.context["shown"]["done"]
    assert (done.written.erased, done.written.kept, done.written.revised) == (17, 3, 0)
    assert "3 quarter-hours have had other values since" in page.content.decode()
    assert value(world, register) == guess, "a review changes nothing"
    assert reviewed(client, undo, {"reason": "late data"}).status_code == 302
    assert value(world, register)[1] == Quality.MISSING
    assert value(world, register, TEN + 5) == (777, Quality.MEASURED)
    as_of = store.read(world.site.pk, [register.pk], TEN, TEN + 1, as_of=at)
    assert (as_of.energy_wh[0, 0], as_of.quality[0, 0]) == guess, "known before as it was"
    assert Event.objects.get(action="intervals.undo").data["erased"] == 17
    again = client.post(undo, {"reason": "again", "step": "review"})
    assert "Nothing would change" in again.content.decode()
    own = Series.of(register.pk, TEN + 1, [555])
    store.write(world.site.pk, [own], source="late file", known_at=datetime.now(UTC))
    back = client.get(page_of(register, query=gap)).context["history"][0]["undo"]
    assert reviewed(client, back, {"reason": "no"}).status_code == 302
    assert value(world, register) == guess
    assert value(world, register, TEN + 1) == (555, Quality.MEASURED), "what came since stays"


def test_a_locked_estimate_stays(world, register):
    hole(world.site, register, date(2026, 8, 12), 40, 41)
    client = world.as_("operator")
    reviewed(client, page_of(register, "site-interval-estimate"), {"reason": "modem"})
    guess = value(world, register)
    undo = client.get(page_of(register)).context["history"][0]["undo"]
    seen = client.post(undo, {"reason": "x", "step": "review"}).context["shown"]["sha256"]
    lock = {"medium": "electricity", "lock_date": "2026-09-01"}
    assert client.post("/sites/linde/quality/locks/", lock).status_code == 302
    for step in ("review", "commit"):
        page = client.post(undo, {"reason": "x", "step": step, "seen": seen})
        assert "locked before" in page.content.decode()
    assert value(world, register) == guess


def test_going_back_says_which_newer_changes_go_too(world, register):
    client, url = world.as_("operator"), page_of(register, "site-interval-edit")
    data = {"start": "2026-08-12 12:00", "end": "2026-08-12 12:30", "reason": "x"}
    reviewed(client, url, {**data, "kwh": "1"})
    oldest = client.get(page_of(register)).context["history"][0]["undo"]
    assert not client.post(oldest, {"reason": "x", "step": "review"}).context["shown"]["done"].notes
    for number in range(2, 8):
        reviewed(client, url, {**data, "kwh": str(number), "end": "2026-08-12 12:45"})
    page = client.post(oldest, {"reason": "x", "step": "review"})
    (note,) = page.context["shown"]["done"].notes
    assert note.startswith("6 newer changes of these quarter-hours are overwritten too: ")
    assert note.count("12.08.2026\u202f12:00 – 12.08.2026\u202f12:30 (changed on ") == 5
    assert note.endswith("; and 1 more.")
    latest = client.get(page_of(register)).context["history"][0]["undo"]
    page = client.post(latest, {"reason": "x", "step": "review"})
    assert not page.context["shown"]["done"].notes


def test_no_change_is_left_out_of_the_history(world, register, django_assert_num_queries):
    client = world.as_("operator")
    query = "start=2025-06-01T10:00Z&end=2026-06-01T00:00Z"
    first = slot_at(datetime(2025, 6, 1, tzinfo=UTC))
    for number in range(3):  # each leaves hundreds of revisions but the first
        one = Series.of(register.pk, first, [number] * 365 * 96)
        at = BILLED_AT + timedelta(days=number)
        store.write(world.site.pk, [one], source=f"file {number}", known_at=at)
    asked = len(_asked(client, page_of(register, query=query)))
    for number in range(60):
        one = Series.of(register.pk, first + 50, [number + 9])
        at = BILLED_AT + timedelta(days=9, minutes=number)
        store.write(world.site.pk, [one], source=f"file {number}", known_at=at)
    with django_assert_num_queries(asked):
        page = client.get(page_of(register, query=query))
    assert (page.context["history"].paginator.count, page.context["older"]) == (62, 12)
    assert "12 older changes are on the next pages" in page.content.decode()
    last = client.get(page_of(register, query=f"{query}&page=2"))
    assert [row["source"] for row in last.context["history"]][-2:] == ["file 2", "file 1"]
    assert last.context["history"][11]["count"] == 365 * 96 - 40
    assert last.context["older"] == 0


def test_a_lock_that_moved_after_the_review_is_heeded(world, register):
    client, url = world.as_("operator"), page_of(register, "site-interval-edit")
    data = {"start": "2026-08-12 12:00", "end": "2026-08-12 12:15", "kwh": "1", "reason": "x"}
    before = value(world, register)
    seen = client.post(url, {**data, "step": "review"}).context["shown"]["sha256"]
    lock = {"medium": "electricity", "lock_date": "2026-09-01"}
    assert client.post("/sites/linde/quality/locks/", lock).status_code == 302
    page = client.post(url, {**data, "step": "commit", "seen": seen})
    assert page.status_code == 200
    assert page.context["refused"]
    assert value(world, register) == before


def test_a_reason_of_control_characters_is_refused(world, register):
    hole(world.site, register, date(2026, 8, 12), 40, 41)
    url = page_of(register, "site-interval-estimate")
    page = world.as_("operator").post(url, {"reason": "a\x01b", "step": "commit"})
    assert "cannot be printed" in page.content.decode()
    assert value(world, register)[1] == Quality.MISSING
