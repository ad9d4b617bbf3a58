"""Gaps are listed, estimated, entered by hand, taken back and locked, each seen before it is."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import Meter, Register
from quartier.apps.metering import store
from quartier.apps.metering.models import Lock
from quartier.core.kernel.period import slot_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series
from tests.portals.conftest import BILLED_AT
from tests.portals.holes import hole
from tests.portals.quarter_hours import TEN, asked, page_of, value

pytestmark = [pytest.mark.django_db, pytest.mark.db]
LIST = "/sites/linde/quality/?range=month&at=2026-08-01"


@pytest.fixture
def register(world):
    return Register.objects.get(site=world.site, meter__ref="m001", direction="import")


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
    with django_assert_num_queries(len(asked(client, page_of(register)))):
        client.get(page_of(register, query="start=2026-08-01T00:00Z&end=2026-08-31T00:00Z"))


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


def test_from_a_meter_one_gets_to_its_quarter_hours(world):
    client = world.as_("operator")
    page = client.get("/sites/linde/equipment/m001/?range=month&day=2026-03-10")
    ((_, link),) = page.context["registers"]
    assert link in page.content.decode().replace("&amp;", "&")
    shown = client.get(link)
    assert shown.status_code == 200
    assert "/edit/" in shown.content.decode(), "from there a value is set by hand"
    years = client.get("/sites/linde/equipment/m001/?range=custom&first=2024-01-01&last=2026-03-10")
    ((_, link),) = years.context["registers"]
    assert client.get(link).status_code == 200, "at most a year"
