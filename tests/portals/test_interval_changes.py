"""Values by hand and what is taken back: reviewed first, changed as seen or not at all."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.metering.by_hand import instant_of
from quartier.apps.metering.export import code_of
from quartier.apps.metering.models import IntervalRevision
from quartier.apps.metering.undoing import NoSuchChange, undo_change
from quartier.cli import main
from quartier.core.kernel.period import slot_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Series
from tests.portals.conftest import BILLED_AT
from tests.portals.holes import hole
from tests.portals.quarter_hours import ONE, TEN, asked, page_of, reviewed, value

pytestmark = [pytest.mark.django_db, pytest.mark.db]


@pytest.fixture
def register(world):
    return Register.objects.get(site=world.site, meter__ref="m001", direction="import")


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


def test_what_filled_a_gap_by_hand_has_its_history_and_its_way_back(
    world, register, django_assert_num_queries
):
    """Entered on the command line; one quarter-hour of it stood there before."""
    hole(world.site, register, date(2026, 8, 12), 41, 60)
    before = value(world, register)
    client, gap = world.as_("operator"), "start=2026-08-12T10:15Z&end=2026-08-12T15:00Z"
    queries = len(asked(client, page_of(register, query=gap)))
    command = ["intervals", "set", "--site", "linde", "--meter", "m001", "--obis"]
    command += [code_of(register), "--from", "2026-08-12T12:00", "--to", "2026-08-12T17:00"]
    main([*command, "--energy-kwh", "0.5", "--reason", "read from the display"])
    with django_assert_num_queries(queries):
        (row,) = client.get(page_of(register, query=gap)).context["history"]
    assert (row["count"], row["old_wh"], row["reason"]) == (19, None, "read from the display")
    assert (row["method"], row["source"]) == ("by hand", "edit")
    assert row["actor"].startswith("command line (")
    whole = "start=2026-08-12T10:00Z&end=2026-08-12T15:00Z"
    (row,) = client.get(page_of(register, query=whole)).context["history"]
    assert (row["count"], row["old_wh"]) == (20, before[0]), "one change, one row"
    assert (row["from"], row["until"]) == (
        "12.08.2026\u202f12:00",
        "12.08.2026\u202f17:00",
    )
    measured = Series.of(register.pk, TEN + 5, [777] * 3)
    store.write(world.site.pk, [measured], source="late file", known_at=datetime.now(UTC))
    page = client.get(row["undo"])
    assert "and what it filled is missing again" in page.content.decode()
    page = client.post(row["undo"], {"reason": "wrong meter", "step": "review"})
    done = page.context["shown"]["done"]
    assert (done.written.erased, done.written.kept, done.written.revised) == (16, 3, 1)
    assert "3 quarter-hours have had other values since" in page.content.decode()
    assert value(world, register) == (500, Quality.MANUAL), "a review changes nothing"
    stale = page.context["shown"]["sha256"]
    late = Series.of(register.pk, TEN + 9, [888])
    store.write(world.site.pk, [late], source="late file", known_at=datetime.now(UTC))
    answer = client.post(row["undo"], {"reason": "x", "step": "commit", "seen": stale})
    assert "Look again" in answer.content.decode()
    assert value(world, register) == (500, Quality.MANUAL)
    assert reviewed(client, row["undo"], {"reason": "wrong meter"}).status_code == 302
    assert value(world, register) == before
    assert value(world, register, TEN + 1)[1] == Quality.MISSING
    assert value(world, register, TEN + 5) == (777, Quality.MEASURED)
    back = client.get(page_of(register, query=whole)).context["history"][0]["undo"]
    assert reviewed(client, back, {"reason": "it was right"}).status_code == 302
    assert value(world, register, TEN + 1) == (500, Quality.MANUAL)
    assert value(world, register) == (500, Quality.MANUAL)
    newest = client.get(page_of(register, query=gap)).context["history"][0]
    assert (newest["reason"], newest["count"]) == ("it was right", 15)
    assert newest["undo"]


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
    count = len(asked(client, page_of(register, query=query)))
    for number in range(60):
        one = Series.of(register.pk, first + 50, [number + 9])
        at = BILLED_AT + timedelta(days=9, minutes=number)
        store.write(world.site.pk, [one], source=f"file {number}", known_at=at)
    with django_assert_num_queries(count):
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


def test_the_hour_that_is_there_twice_is_offered_as_the_one_that_was_asked_for(world, register):
    """On 25.10.2026 the clocks show 02:00 to 03:00 twice; the second is an hour of winter time."""
    query = "start=2026-10-25T01:00Z&end=2026-10-25T01:15Z"
    page = world.as_("operator").get(page_of(register, "site-interval-edit", query))
    offered = page.context["form"].initial
    assert offered == {"start": "2026-10-25 02:00+01:00", "end": "2026-10-25 02:15+01:00"}
    tz = ZoneInfo("Europe/Zurich")
    assert instant_of(offered["start"], tz) == datetime(2026, 10, 25, 1, tzinfo=UTC)
