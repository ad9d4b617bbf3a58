"""The pages of charging: stations, sessions, what a station said, and who sees which of it."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from quartier.apps.charging.folding import fold_waiting
from quartier.apps.charging.models import ChargingMessage, ChargingStation
from tests.apps.charging.messages import ACCEPTED, begin, end, keep, minute, stands, station, values

pytestmark = [pytest.mark.django_db, pytest.mark.db]

LIST, NEW = "/sites/linde/charging/", "/sites/linde/new-charging-station/"
MARCH = f"{LIST}?at=2026-03-15"
ONE = f"{LIST}TACW*1/"
LOG = f"{ONE}log/"
SESSION = f"{ONE}session/?transaction=1"
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}
WHOLE = (
    stands(0, "Preparing"),
    begin(5, 1000),
    values(15, 2000),
    values(30, 5000),
    end(40, 6500),
    stands(41, "Finishing"),
)


@pytest.fixture
def garage(world):
    row = station(world.site)
    keep(row, *WHOLE)
    fold_waiting()
    return row


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode().replace("\xa0", " ").replace("\u202f", " ")


def test_without_a_station_one_is_led_to_the_first(world):
    assert NEW in text(world.as_("installer").get(LIST, **ENGLISH))
    shown = text(world.as_("owner").get(LIST, **ENGLISH))
    assert "No charging station yet" in shown
    assert NEW not in shown


def test_a_month_of_sessions(world, garage):
    shown = text(world.as_("owner").get(MARCH, **ENGLISH))
    assert "March 2026" in shown
    assert "1 session, 5.5 kWh" in shown
    assert "04A1B2C3" in shown
    assert "0 of 1 connected" in shown
    assert "car is connected" in shown
    empty = text(world.as_("owner").get(f"{LIST}?at=2026-04-15", **ENGLISH))
    assert "Nothing was charged in this month." in empty
    for odd in ("", "x", "0001-01-01", "9999-12-31", "2026-02-30"):
        assert world.as_("owner").get(f"{LIST}?at={odd}").status_code == 200


def test_sessions_as_a_table(world, garage):
    answer = world.as_("owner").get(f"{MARCH}&format=csv")
    head, row = csv.reader(io.StringIO(text(answer).removeprefix("\ufeff")))
    told = dict(zip(head, row, strict=True))
    assert (told["station"], told["energy_wh"], told["badge"]) == ("TACW*1", "5500", "04A1B2C3")


def test_one_session_down_to_the_quarter_hour(world, garage):
    shown = text(world.as_("owner").get(SESSION, **ENGLISH))
    assert "5.5 kWh" in shown
    assert "ended at the station" in shown
    assert "1.000 kWh" in shown
    assert "6.500 kWh" in shown
    table = text(world.as_("owner").get(f"{SESSION}&format=csv")).removeprefix("\ufeff")
    assert [line.split(",")[1] for line in table.split()[1:]] == ["1000", "3000", "1500"]
    assert world.as_("owner").get(f"{ONE}session/?transaction=2").status_code == 404
    assert world.as_("owner").get(f"{ONE}session/").status_code == 404


def test_what_a_person_must_look_at_is_said(world, garage):
    keep(garage, begin(100, 7000, 2), end(130, 6000, 2))
    fold_waiting()
    assert "1 to look at" in text(world.as_("owner").get(MARCH, **ENGLISH))
    shown = text(world.as_("owner").get(f"{ONE}session/?transaction=2", **ENGLISH))
    assert "its register falls from 7.000 kWh" in shown
    assert "decide what is billed" in shown


def test_a_station_with_what_it_said_last(world, garage):
    shown = text(world.as_("installer").get(ONE, **ENGLISH))
    assert "It has never connected." in shown
    assert "Charging ended" in shown
    ChargingStation.objects.update(server="here", seen_at=timezone.now(), version="ocpp1.6")
    assert "connected" in text(world.as_("installer").get(ONE, **ENGLISH))
    assert world.as_("installer").get(f"{LIST}nobody/").status_code == 404


def test_all_that_a_station_said_can_be_searched(world, garage):
    shown = text(world.as_("installer").get(LOG, **ENGLISH))
    assert "no. 1 · charging point 1 · 04A1B2C3 · 1.000 kWh" in shown
    assert "charging point 1, occupied" in shown
    assert "StartTransaction" in text(world.as_("owner").get(f"{LOG}?q=04a1b2c3", **ENGLISH))
    assert "It said nothing like that." in text(world.as_("owner").get(f"{LOG}?q=%25x", **ENGLISH))
    table = text(world.as_("owner").get(f"{LOG}?format=csv"))
    assert table.count("MeterValues") == 2


def test_a_long_log_goes_on_by_pages(world, garage):
    keep(garage, *(values(50 + n / 100, 6500, None) for n in range(200)))
    shown = text(world.as_("owner").get(LOG, **ENGLISH))
    assert "?before=107" in shown
    assert "Newest" not in shown
    assert "Newest" in text(world.as_("owner").get(f"{LOG}?before=107", **ENGLISH))
    for odd in ("x", "-1", "9" * 30, "٣"):
        assert world.as_("owner").get(LOG, {"before": odd}).status_code == 200


def test_what_cannot_be_read_is_shown_as_it_came(world, garage):
    ChargingMessage.objects.filter(number=1).update(asked="{<b>")
    assert "{&lt;b&gt;" in text(world.as_("owner").get(LOG, **ENGLISH))


def test_a_station_is_let_in_with_a_password_that_is_shown_once(world):
    client = world.as_("installer")
    given = {"identity": "TACW1", "name": "Garage 3", "badges": "04A1B2C3\n8421A3EE"}
    shown = text(client.post(NEW, given, **ENGLISH))
    row = ChargingStation.objects.get()
    assert (row.name, row.tags, row.is_free) == ("Garage 3", ["04A1B2C3", "8421A3EE"], False)
    assert "wss://testserver/ocpp/TACW1" in shown
    assert "AuthorizationKey" in shown
    again = text(client.post(f"{LIST}TACW1/", {"action": "password"}, **ENGLISH))
    assert "AuthorizationKey" in again
    assert ChargingStation.objects.get().password_sha256 != row.password_sha256
    assert "AuthorizationKey" not in text(client.get(f"{LIST}TACW1/", **ENGLISH))


def test_what_cannot_be_let_in_is_said(world, garage):
    client = world.as_("installer")
    shown = text(client.post(NEW, {"identity": "TACW*1"}, **ENGLISH))
    assert "There is a station with the identity TACW*1" in shown
    assert "An identity has 1 to 48 letters" in text(
        client.post(NEW, {"identity": "a b"}, **ENGLISH)
    )
    odd = {"identity": "b", "badges": "é"}
    assert "A badge has 1 to 36 letters" in text(client.post(NEW, odd, **ENGLISH))
    assert ChargingStation.objects.count() == 1


def test_a_station_is_let_in_no_more(world, garage):
    client = world.as_("installer")
    assert client.post(ONE, {"action": "disable"}).status_code == 302
    assert not ChargingStation.objects.get().is_enabled
    assert "not let in" in text(client.get(LIST, **ENGLISH))
    assert client.post(ONE, {"action": "enable"}).status_code == 302
    assert ChargingStation.objects.get().is_enabled
    assert client.post(ONE, {"action": "nothing"}).status_code == 403
    assert world.as_("owner").post(ONE, {"action": "disable"}).status_code == 403


def test_queries_do_not_grow_with_stations_and_sessions(world, garage):
    client = world.as_("owner")

    def queries(path):
        client.get(path)
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert client.get(path).status_code == 200
        return len(found)

    before = {path: queries(path) for path in (MARCH, ONE, LOG)}
    for n in range(10):
        other = station(world.site, f"s{n}")
        keep(other, stands(0, "Preparing"), begin(5, 0), end(40, 500), stands(41, "Available"))
    keep(
        garage,
        *(one for n in range(2, 30) for one in (begin(60 * n, 6500, n), end(60 * n + 9, 6500, n))),
    )
    fold_waiting()
    assert {path: queries(path) for path in (MARCH, ONE, LOG)} == before


def test_a_session_over_midnight_and_one_without_registers(world, garage):
    late = 60 * 12
    keep(garage, begin(late, 7000, 3), end(late + 300, 30_000, 3))
    keep(
        garage,
        (
            2000,
            "StartTransaction",
            {
                "connectorId": 1,
                "idTag": "A",
                "meterStart": 5,
                "timestamp": minute(2000).isoformat(),
            },
            {"transactionId": 4, **ACCEPTED},
        ),
    )
    keep(garage, end(2000 + 60 * 24 * 40, 6, 4))
    fold_waiting()
    assert "23.0 kWh" in text(world.as_("owner").get(f"{ONE}session/?transaction=3", **ENGLISH))
    assert "it lasts more than 31 days" in text(
        world.as_("owner").get(f"{ONE}session/?transaction=4", **ENGLISH)
    )


def test_what_is_charged_counts_for_a_flat(world, garage):
    client = world.as_("installer")
    assert "counts for nobody yet" in text(client.get(ONE, **ENGLISH))
    given = {"action": "count", "point": "w001", "from": "2026-11-01"}
    assert client.post(ONE, given).status_code == 302
    shown = text(client.get(ONE, **ENGLISH))
    assert "counts for nobody yet" not in shown
    assert "/equipment/charging-1/" in shown
    assert "choose a later date" in text(client.post(ONE, given, **ENGLISH))
    for odd in ("", "x", "0001-01-01", "99999-01-01"):
        assert "is no date" in text(client.post(ONE, {**given, "from": odd}, **ENGLISH))
    form = text(client.get("/sites/linde/equipment/charging-1/edit/", **ENGLISH))
    assert 'value="sessions" selected' in form
    assert 'value="sessions"' not in text(client.get("/sites/linde/new/meter/", **ENGLISH))
    assert text(client.get("/sites/linde/equipment/charging-1/", **ENGLISH))
    billed = {**given, "from": "2026-08-01"}
    assert "until 2026-10-01 it is billed" in text(client.post(ONE, billed, **ENGLISH)).replace(
        "01.10.2026", "2026-10-01"
    )
    assert client.post(ONE, {**given, "point": "nobody"}).status_code == 404
    assert world.as_("owner").post(ONE, given).status_code == 403


def test_an_operator_decides_what_is_billed_of_one_that_is_not_sound(world, garage):
    keep(garage, end(50, 6500, 1))
    fold_waiting()
    client = world.as_("operator")
    assert "Nothing is decided yet" in text(client.get(SESSION, **ENGLISH))
    assert "Say why" in text(client.post(SESSION, {"action": "counted"}, **ENGLISH))
    given = {"action": "counted", "reason": "both ends are right"}
    assert client.post(SESSION, given).status_code == 302
    shown = text(client.get(SESSION, **ENGLISH))
    assert "Its energy counts as shown." in shown
    assert "both ends are right" in shown
    assert client.post(SESSION, {**given, "action": "left_out"}).status_code == 302
    assert "it is left out" in text(client.get(SESSION, **ENGLISH)).lower()
    assert client.post(SESSION, {**given, "action": "nothing"}).status_code == 403
    assert "Leave it out" not in text(world.as_("owner").get(SESSION, **ENGLISH))
    assert world.as_("owner").post(SESSION, given).status_code == 403
