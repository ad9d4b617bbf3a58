"""The page on which an installer says how badges reach a gateway."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quartier.apps.audit.models import Event
from quartier.apps.equipment.configuration import content_of, newest
from quartier.apps.equipment.models import BadgeReader, Gateway
from quartier.formats.uplink.configuration import decode

pytestmark = [pytest.mark.django_db, pytest.mark.db]

GATEWAY = "/sites/linde/gateways/linde-cellar/"
PAGE = f"{GATEWAY}readers/"
ANY = {"notation": "hex", "bits": "34", "keys": "none"}
HTTP = {
    **ANY,
    "kind": "http",
    "name": "laundry",
    "listen": "192.168.1.10",
    "port": "8090",
    "source": "192.168.1.30",
    "card_field": "card",
    "keys_field": "pin",
}
TCP = {
    **ANY,
    "kind": "tcp",
    "name": "bikes",
    "listen": "192.168.1.10",
    "port": "8091",
    "source": "192.168.1.0/24",
    "template": "{any} {card}",
}
TYPING = {
    **ANY,
    "kind": "keyboard",
    "name": "door",
    "keys": "after",
    "is_reversed": "on",
    "device": "/dev/input/by-id/usb-reader-event-kbd",
}


@pytest.fixture
def installer(world):
    client = world.as_("installer")
    assert client.post("/sites/linde/gateways/", {"name": "linde-cellar"}).url == GATEWAY
    return client


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_reader_of_each_kind_reaches_the_gateway(installer):
    assert PAGE in text(installer.get(GATEWAY))
    for form in (HTTP, TCP, TYPING):
        assert installer.post(PAGE, form).url == PAGE
    gateway = Gateway.objects.get()
    number, data = newest(gateway)
    assert number == 1
    typed = {one.name: one for one in decode(data).readers}
    assert typed["bikes"].template == "{any} {card}"
    assert (typed["door"].is_reversed, typed["door"].keys) == (True, "after")
    secret = typed["laundry"].secret
    assert len(secret) >= 20
    page = text(installer.get(PAGE))
    assert f"http://192.168.1.10:8090/?card=…&amp;pin=…&amp;key={secret}" in page
    assert "192.168.1.10:8091" in page
    events = Event.objects.filter(action="gateway.reader")
    assert events.count() == 3
    assert secret not in json.dumps([one.data for one in events])


def test_a_gateway_without_readers_is_told_nothing_of_them(installer):
    installer.post(PAGE, TYPING)
    assert installer.post(PAGE, {"remove": "door"}).url == PAGE
    assert not BadgeReader.objects.exists()
    assert content_of(Gateway.objects.get()).readers == ()
    assert installer.post(PAGE, {"remove": "door"}).status_code == 404


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({**HTTP, "source": ""}, "required"),
        ({**HTTP, "source": "laundry"}, "192.168.1.0/24"),
        ({**HTTP, "listen": "here"}, "IPv4"),
        ({**HTTP, "port": "80"}, "1024"),
        ({**HTTP, "card_field": "a b"}, "valid value"),
        ({**HTTP, "card_field": "pin"}, "the same name"),
        ({**HTTP, "notation": "octal"}, "valid choice"),
        ({**HTTP, "notation": "facility_card", "bits": "58"}, "no frame"),
        ({**TCP, "template": "card"}, "valid value"),
        ({**TCP, "template": "{card}{card}"}, "one {card}"),
        ({**TYPING, "device": "/dev/sda"}, "valid value"),
        ({**TYPING, "name": "a b"}, "valid value"),
        ({"kind": "smell"}, "Choose how the reader"),
    ],
)
def test_what_cannot_be_is_said_and_kept_in_the_form(installer, form, said):
    page = text(installer.post(PAGE, form, headers={"accept-language": "en"}))
    assert said in page
    assert not BadgeReader.objects.exists()
    if form.get("name"):
        assert f'value="{form["name"]}"' in page


def test_two_readers_cannot_share_a_name_or_a_port(installer):
    installer.post(PAGE, HTTP)
    assert "a reader laundry already" in text(installer.post(PAGE, {**HTTP, "port": "9000"}))
    again = text(installer.post(PAGE, {**TCP, "port": "8090"}))
    assert "port 8090" in again
    assert BadgeReader.objects.count() == 1


def test_a_reader_of_another_gateway_is_not_there(installer, world):
    other = Gateway.objects.create(site=world.site, name="other", salt=b"")
    BadgeReader.objects.create(gateway=other, name="door", kind="keyboard")
    assert installer.post(PAGE, {"remove": "door"}).status_code == 404


def test_the_page_asks_the_same_however_many_there_are(installer):
    counts = []
    for number in range(3):
        installer.post(PAGE, {**TCP, "name": f"r{number}", "port": f"{8100 + number}"})
        with CaptureQueriesContext(connection) as queries:
            text(installer.get(PAGE))
        counts.append(len(queries))
    assert counts[0] == counts[-1]
