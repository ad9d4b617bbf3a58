"""The page on which a gateway is reached over its remote connection. Here the rows are what a field
server writes; with a real one, and a gateway behind it, the page is tried in tests/field."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import (
    Bus,
    Connection,
    Gateway,
    Meter,
    RemoteCommand,
    RemotePresence,
)
from quartier.apps.equipment.remote_control import HEARD, MOST_OPEN, WAITS
from quartier.field.session import BROKEN_OFF, BUSY, TOO_MUCH
from quartier.formats.uplink.remote import NOT_ANSWERED, NOT_TAKEN
from quartier.gateway.remote import client
from quartier.portals.shared.sentences import said

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PAGE = "/sites/linde/gateways/linde-cellar/remote/"
AT = "2026-11-23 10:00:00Z"


@pytest.fixture
def gateway(world):
    """A paired gateway with a meter, connected."""
    now = timezone.now()
    made = Gateway.objects.create(
        site=world.site, name="linde-cellar", salt=b"s" * 32, paired_at=now
    )
    bus = Bus.objects.create(gateway=made, name="rs485", kind="modbus_tcp")
    meter = Meter.objects.get(site=world.site, ref="m001")
    Connection.objects.create(meter=meter, bus=bus, driver="d", address="1", since=now)
    held = {"session": "s", "server": "a", "connected_at": now, "seen_at": now}
    RemotePresence.objects.create(gateway=made, **held)
    return made


@pytest.fixture
def installer(world, gateway):
    return world.as_("installer")


def text(answer, status=200):
    assert answer.status_code == status
    return answer.content.decode()


def answered(kind, rows, state="done", why=""):
    command = RemoteCommand.objects.filter(kind=kind).latest("id")
    command.state, command.rows, command.text = state, rows, why
    command.answered_at = timezone.now()
    command.save()


@pytest.mark.parametrize(
    ("form", "arguments"),
    [
        ({"action": "status"}, {}),
        ({"action": "read_meter", "meter": "m001"}, {"meter": "m001"}),
        ({"action": "scan_bus", "bus": "rs485"}, {"bus": "rs485"}),
        ({"action": "log"}, {"lines": "200"}),
        ({"action": "restart"}, {}),
    ],
)
def test_a_button_asks_and_is_in_the_trail(installer, form, arguments):
    assert installer.post(PAGE, form).url == PAGE
    (asked,) = RemoteCommand.objects.all()
    assert (asked.kind, asked.arguments, asked.state) == (form["action"], arguments, "waiting")
    (event,) = Event.objects.filter(action=f"gateway.remote_{form['action']}")
    assert (event.actor, event.subject) == ("installer@example.ch", "linde-cellar")
    assert event.data == arguments
    shown = text(installer.get(PAGE))
    assert "running" in shown
    assert "every 2s" in shown
    asked.asked_at -= WAITS
    asked.save()
    shown = text(installer.get(PAGE, headers={"HX-Request": "true"}))
    assert "No field server has a connection to the gateway" in shown
    assert "every 2s" not in shown
    assert "<html" not in shown


def test_results_appear_as_they_come(installer):
    installer.post(PAGE, {"action": "scan_bus", "bus": "rs485"})
    answered("scan_bus", [["11", "eastron_sdm630"]], "taken")
    shown = text(installer.get(PAGE))
    assert "1 found, still searching" in shown
    assert "eastron_sdm630" in shown
    answered("scan_bus", [])
    assert "Nobody answers." in text(installer.get(PAGE))
    installer.post(PAGE, {"action": "status"})
    rows = [["clock", "noon"], ["new_word", "<b>"], ["finding", "the disk is full"]]
    answered("status", rows)
    shown = text(installer.get(PAGE))
    assert "<dt>Clock</dt><dd>noon</dd>" in shown
    assert "<dt>new_word</dt><dd>&lt;b&gt;</dd>" in shown
    assert "The disk is full" in shown
    installer.post(PAGE, {"action": "log"})
    answered("log", [["a line"], ["</pre><script>"]])
    assert "a line\n&lt;/pre&gt;&lt;script&gt;" in text(installer.get(PAGE))
    installer.post(PAGE, {"action": "read_meter", "meter": "m001"})
    answered("read_meter", [["m001", "", "", "", AT]])
    assert "no answer" in text(installer.get(PAGE))
    installer.post(PAGE, {"action": "restart"})
    answered("restart", [], "refused", "the gateway has failed at it; its log says why")
    shown = text(installer.get(PAGE, headers={"accept-language": "de"}))
    assert "refused" in shown


def test_live_values_are_kept_once_and_noted_once(installer):
    live = f"{PAGE}?live={int(timezone.now().timestamp())}"
    htmx = {"HX-Request": "true"}
    for power in ("230", "231"):
        assert installer.post(PAGE, {"action": "live_values"}).url.startswith(f"{PAGE}?live=")
        installer.post(live, {"action": "live_values"}, headers=htmx)  # it is on its way
        answered("live_values", [["m001", "1-1:16.7.0", power, "W", AT], ["x", "odd"]])
    assert RemoteCommand.objects.count() == 2
    assert Event.objects.filter(action="gateway.remote_live_values").count() == 1
    shown = text(installer.post(live, {"action": "live_values"}, headers=htmx))
    assert "<strong>231</strong> W" in shown
    assert "<html" not in shown
    assert RemoteCommand.objects.count() == 2
    shown = text(installer.get(live))
    assert "hx-post" in shown
    old = f"{PAGE}?live={int(timezone.now().timestamp()) - 1000}"
    answer = installer.post(old, {"action": "live_values"}, headers=htmx)
    assert answer.headers["HX-Redirect"] == PAGE
    assert "hx-post" not in text(installer.get(old))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seen_at": -HEARD}, "The field server does not run"),
        ({"ended_at": timedelta(0), "reason": "stopped"}, "The field server does not run"),
        ({"ended_at": timedelta(0), "reason": "lost"}, "The gateway is not connected"),
        (None, "The gateway was never connected"),
    ],
)
def test_where_nobody_answers_the_page_says_what_to_do(installer, change, says):
    presence = RemotePresence.objects.get()
    if change is None:
        presence.delete()
    else:
        for name, value in change.items():
            is_delta = isinstance(value, timedelta)
            setattr(presence, name, timezone.now() + value if is_delta else value)
        presence.save()
    assert says in text(installer.get(PAGE))
    assert says in text(installer.post(PAGE, {"action": "restart"}))
    assert not RemoteCommand.objects.exists()
    assert not Event.objects.filter(action="gateway.remote_restart").exists()


def test_what_is_not_of_the_gateway_cannot_be_asked(installer, world):
    for form, status in (
        ({"action": "read_meter", "meter": "m002"}, 404),
        ({"action": "scan_bus", "bus": "other"}, 404),
        ({"action": "dance"}, 403),
        ({}, 403),
    ):
        assert installer.post(PAGE, form).status_code == status
    for _ in range(MOST_OPEN):
        installer.post(PAGE, {"action": "log"})
    assert "The gateway has enough to do" in text(installer.post(PAGE, {"action": "log"}))
    assert RemoteCommand.objects.count() == MOST_OPEN
    for role in ("owner", "resident"):
        assert world.as_(role).post(PAGE, {"action": "restart"}).status_code == 403
    assert world.as_("outsider").post(PAGE, {"action": "restart"}).status_code == 404
    Gateway.objects.update(paired_at=None)
    assert "not paired" in text(world.as_("operator").post(PAGE, {"action": "log"}))


def test_a_longer_history_and_more_meters_ask_no_more(installer, gateway):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            text(installer.get(PAGE))
        return len(queries)

    installer.post(PAGE, {"action": "log"})
    installer.post(PAGE, {"action": "live_values"})
    answered("live_values", [["m001", "p", "1", "W", AT]])
    before = asked()
    bus = Bus.objects.get(gateway=gateway)
    meters = Meter.objects.exclude(connection__isnull=False).exclude(source="virtual")
    for number, meter in enumerate(meters, 2):
        since = timezone.now()
        Connection.objects.create(
            meter=meter, bus=bus, driver="d", address=str(number), since=since
        )
        installer.post(PAGE, {"action": "read_meter", "meter": meter.ref})
    answered("live_values", [[one.ref, "p", "1", "W", AT] for one in Meter.objects.all()])
    assert asked() == before


@pytest.mark.parametrize("language", ["de", "fr", "it"])
def test_what_the_field_server_and_the_gateway_say_is_known(language):
    for text_of in (NOT_TAKEN, NOT_ANSWERED, BUSY, BROKEN_OFF, TOO_MUCH, client.BUSY, client.FAULT):
        assert said(text_of, language) != text_of
