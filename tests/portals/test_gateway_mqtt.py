"""The page of a gateway that publishes itself: its broker, its mapping, its messages."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import Connection, Gateway, Meter, MqttMessage, MqttSource
from quartier.apps.equipment.publishing import DRIVER
from quartier.portals.operator.gateway_mqtt import PRESETS

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PAGE = "/sites/linde/gateways/linde-rut/mqtt/"
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}
GOOD = {
    "action": "save",
    "host": "broker.example.ch",
    "port": "8883",
    "is_tls": "on",
    "is_enabled": "on",
    "username": "u",
    "password": "s3cret",
    "mapping": PRESETS["fields"],
}


@pytest.fixture
def installer(world):
    Gateway.objects.create(site=world.site, name="linde-rut")
    return world.as_("installer")


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def came(count=1, payload=b"{}"):
    source = MqttSource.objects.get()
    for _ in range(count):
        MqttMessage.objects.create(
            source=source,
            topic="building/w001/state",
            payload=payload,
            received_at=timezone.now(),
            read_at=timezone.now(),
            problem="in the message there is no time",
        )


def test_a_source_is_entered_and_its_password_is_never_shown_and_stays(installer):
    assert "publishes its readings itself" in text(installer.get(PAGE, **ENGLISH))
    assert installer.post(PAGE, GOOD).url == PAGE
    shown = text(installer.get(PAGE, **ENGLISH))
    assert "s3cret" not in shown
    assert "Nothing has come yet" in shown
    installer.post(PAGE, {**GOOD, "password": "", "mapping": PRESETS["fields"] + " "})
    elsewhere = {**GOOD, "password": "", "host": "other.example.ch"}
    assert "ype the password again" in text(installer.post(PAGE, elsewhere, **ENGLISH))
    row = MqttSource.objects.get()
    assert (row.host, row.password, row.is_tls) == ("broker.example.ch", "s3cret", True)
    (first, _) = Event.objects.filter(action="gateway.mqtt")
    assert "s3cret" not in json.dumps(first.data)
    assert installer.post(PAGE, {"action": "remove"}).url == "/sites/linde/gateways/linde-rut/"
    assert not MqttSource.objects.exists()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"mapping": "{"}, "he mapping is not JSON"),
        ({"mapping": "{}"}, "he mapping lacks the field topic"),
        ({"ca": "x"}, "he certificate is not one in PEM"),
        ({"port": "0"}, "greater than or equal to 1"),
        ({"host": ""}, "This field is required"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_stored(installer, more, says):
    assert says in text(installer.post(PAGE, {**GOOD, **more}, **ENGLISH))
    assert not MqttSource.objects.exists()


def test_a_mapping_is_tried_on_what_has_come_before_it_is_saved(installer):
    installer.post(PAGE, GOOD)
    came(payload=b'{"kwh": 12.5}')
    assert "In the message there is no time" in text(installer.get(PAGE, **ENGLISH))
    mapping = json.loads(PRESETS["fields"])
    del mapping["time"], mapping["time_path"]
    mapping["values"] = [{"path": "kwh", "obis": "1-1:1.8.0", "unit": "kWh"}]
    tried = {**GOOD, "action": "try", "mapping": json.dumps(mapping)}
    shown = text(installer.post(PAGE, tried, **ENGLISH))
    assert "nothing is changed" in shown
    assert "12500.0 Wh" in shown
    assert MqttSource.objects.get().mapping.strip() == PRESETS["fields"].strip()
    assert MqttMessage.objects.get().problem
    assert installer.post(PAGE, {"action": "again"}).url == PAGE
    assert MqttMessage.objects.get().read_at is None


def test_hostile_messages_are_shown_as_text(installer):
    installer.post(PAGE, GOOD)
    came(payload=b"<script>alert(1)</script>\x00\x1b[31m\xff" + b"x" * 60_000)
    shown = text(installer.get(PAGE))
    assert "<script>alert" not in shown
    assert len(shown) < 60_000


def test_odd_actions_are_refused_and_more_messages_ask_no_more(installer, world):
    assert installer.post(PAGE, {**GOOD, "action": "drop"}).status_code == 403
    installer.post(PAGE, GOOD)
    counts = []
    for count in (1, 30):
        came(count)
        with CaptureQueriesContext(connection) as asked:
            text(installer.get(PAGE))
        counts.append(len(asked))
    assert counts[0] == counts[1]
    assert world.as_("owner").post(PAGE, GOOD).status_code == 403


def test_a_meter_that_is_read_by_a_mapping_is_shown_everywhere(world):
    gateway = Gateway.objects.create(site=world.site, name="linde-rut")
    meter = Meter.objects.get(site=world.site, ref="m001")
    Connection.objects.update_or_create(
        meter=meter,
        defaults={
            "driver": f"{DRIVER}0123456789abcdef",
            "settings": {"gateway": gateway.name},
            "bus": None,
            "since": timezone.now(),
        },
    )
    client = world.as_("operator")
    for place in (
        "equipment/",
        "equipment/m001/",
        "equipment/m001/edit/",
        "equipment/m001/exchange/",
        "planning/",
        "planning/wiring/",
        "planning/labels/",
        "assign/",
        "order/",
        "inspection/",
        "alarms/",
        "gateways/",
        "gateways/linde-rut/",
        "gateways/linde-rut/meters/",
        "gateways/linde-rut/remote/",
    ):
        text(client.get(f"/sites/linde/{place}", **ENGLISH))
    for place in ("planning/wiring.pdf", "planning/labels.pdf"):
        assert client.get(f"/sites/linde/{place}").status_code == 200
