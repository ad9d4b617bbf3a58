"""The page in the meter room: what both devices show, a review, done."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from quartier.apps.equipment.models import Connection, Device, Meter, Register
from quartier.apps.metering.models import Reading
from quartier.apps.metering.operations import IncomingReading, receive_readings
from quartier.core.kernel.quality import Quality

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PAGE = "/sites/linde/equipment/x1/exchange/"


@pytest.fixture
def meter(world):
    now = timezone.now()
    meter = Meter.objects.create(site=world.site, ref="x1", name="Keller")
    register = Register.objects.create(site=world.site, meter=meter, obis="1-1:1.8.0")
    Device.objects.create(meter=meter, serial="old-1", installed_at=now - timedelta(days=9))
    reading = IncomingReading(register.pk, now - timedelta(hours=2), Decimal(5_000_000), "g")
    receive_readings(world.site, [reading], received_at=now)
    return meter


def typed(meter, **more):
    pk = meter.registers.get().pk
    local = timezone.now().astimezone(timezone.zoneinfo.ZoneInfo("Europe/Zurich"))
    asked = {
        "at": f"{local - timedelta(minutes=1):%Y-%m-%d %H:%M%z}",
        f"final-{pk}": "5000.125",
        f"start-{pk}": "0",
        "serial": "new-1",
        "factor": "1",
    }
    return {**asked, **more}


def test_an_installer_exchanges_a_meter(world, meter):
    client = world.as_("installer")
    known = client.get(PAGE).context["known"]
    assert known[0]["last"] == "5'000.000"
    seen = client.post(PAGE, {**typed(meter), "step": "review"})
    assert seen.context["lines"][0]["gap"] == "0.125"
    assert not Device.objects.filter(serial="new-1").exists()
    sha256 = seen.context["outcome"].sha256
    data = {**typed(meter), "step": "commit", "seen": sha256}
    answer = client.post(PAGE, {**data, "serial": "other"})
    assert b"Look again" in answer.content
    assert not Device.objects.filter(serial="other").exists()
    done = client.post(PAGE, data, follow=True)
    assert b"old-1 was exchanged for new-1" in done.content
    assert Device.objects.get(meter=meter, removed_at=None).serial == "new-1"
    manual = Reading.objects.filter(site_id=world.site.pk, quality=Quality.MANUAL)
    assert sorted(manual.values_list("value", flat=True)) == [0, Decimal("5000125")]


IMPOSSIBLE = [
    ({"at": "yesterday"}, "is not a time"),
    ({"at": "2026-03-29 02:30"}, "skipped by the clock change"),
    ({"at": "2100-01-01 00:00"}, "in the future"),
    ({"serial": "old-1"}, "already"),
    ({"serial": "x" * 500}, "40"),
    ({"factor": "0"}, "greater than or equal"),
    ({"factor": "1e400"}, "digit"),
    ({"digits": "-3"}, "greater than or equal"),
    ({"final": "4999"}, "below the last one"),
    ({"final": "NaN"}, "number"),
    ({"final": "-1"}, "greater than or equal"),
    ({"final": ""}, "required"),
    ({"start": "9" * 40}, "digits"),
]


def test_what_cannot_be_is_said_and_not_done(world, meter):
    pk = meter.registers.get().pk
    client = world.as_("installer")
    for change, says in IMPOSSIBLE:
        named = {f"{k}-{pk}" if k in ("final", "start") else k: v for k, v in change.items()}
        answer = client.post(PAGE, {**typed(meter, **named), "step": "review"})
        assert answer.status_code == 200, change
        assert says in answer.content.decode(), change
    assert Device.objects.filter(meter=meter).count() == 1


def test_an_exchange_is_taken_back_on_the_page(world, meter):
    client = world.as_("installer")
    seen = client.post(PAGE, {**typed(meter), "step": "review"})
    data = {**typed(meter), "step": "commit", "seen": seen.context["outcome"].sha256}
    assert client.post(PAGE, data).status_code == 302
    assert b"Nothing was read since" in client.get(PAGE).content
    done = client.post(PAGE, {"step": "undo"}, follow=True)
    assert b"the exchange is taken back" in done.content
    assert Device.objects.get(meter=meter, removed_at=None).serial == "old-1"
    again = client.post(PAGE, {"step": "undo"})
    assert b"Something was read or changed since" in again.content


def test_a_computed_meter_has_no_device(world, meter):
    Meter.objects.filter(pk=meter.pk).update(source="virtual", rule="m001")
    client = world.as_("installer")
    assert b"there is no device to exchange" in client.get(PAGE).content
    answer = client.post(PAGE, {**typed(meter), "step": "review"})
    assert b"computed" in answer.content
    assert Device.objects.filter(meter=meter).count() == 1


def test_the_page_asks_the_same_number_of_questions_however_much_was_read(world, meter):
    client = world.as_("installer")

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        return len(queries)

    count()
    few = count()
    register, now = meter.registers.get(), timezone.now()
    rows = [
        IncomingReading(register.pk, now - timedelta(minutes=n), Decimal(5_000_200 - n), "g")
        for n in range(1, 40)
    ]
    receive_readings(world.site, rows, received_at=now)
    assert count() == few
    assert Connection.objects.filter(meter=meter).count() == 0
