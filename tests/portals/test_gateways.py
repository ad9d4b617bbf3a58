"""The pages on which an installer sets a gateway up."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from quartier.apps.equipment.models import Bus, Connection, Device, Gateway, Meter, Register
from quartier.apps.equipment.pairing import pair
from quartier.apps.equipment.reports import keep_findings
from quartier.apps.metering.models import Comparison, Reading
from quartier.core.kernel.findings import error
from quartier.formats.uplink.pairing import PairingRequest

pytestmark = [pytest.mark.django_db, pytest.mark.db]

LIST, PAGE = "/sites/linde/gateways/", "/sites/linde/gateways/linde-cellar/"
BUS = {"action": "add-bus", "name": "rs485-1", "kind": "modbus_rtu_tcp", "host": "10.0.0.2"}
METERS = f"{PAGE}meters/"
SDM = {"bus": "rs485-1", "driver": "eastron_sdm630/SDM630-Modbus", "plan": "quarter_hour"}


@pytest.fixture
def installer(world):
    client = world.as_("installer")
    assert client.post(LIST, {"name": "linde-cellar"}).url == PAGE
    assert client.post(PAGE, {**BUS, "port": 502}).url == PAGE
    return client


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_code_is_shown_once_and_pairs(installer):
    shown = text(installer.post(PAGE, {"action": "code"}))
    code = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b", shown).group()
    assert "data:image/svg+xml" in shown
    assert code not in text(installer.get(PAGE))
    pair(PairingRequest(code, "0" * 32, "0.1.0"), at=timezone.now())
    assert "0.1.0" in text(installer.get(LIST))
    installer.post(PAGE, {"action": "unpair"})
    assert "not paired" in text(installer.get(LIST))


def test_the_qr_code_leads_to_a_page_that_says_where_to_type_it(world):
    assert "beside the QR code" in text(
        world.as_("").get("/pair", headers={"accept-language": "en"})
    )


def test_several_meters_are_connected_at_once(installer):
    found = {**SDM, "address-m001": "11", "address-m002": "12"}
    assert installer.post(METERS, found).url == PAGE
    assert set(Connection.objects.values_list("meter__ref", "address")) == {
        ("m001", "11"),
        ("m002", "12"),
    }
    page = text(installer.get(PAGE))
    assert "unverified" in page
    assert "linde-cellar · rs485-1 · 11" in text(installer.get(METERS))
    again = text(installer.post(METERS, {**SDM, "address-m003": "11"}))
    assert "Another meter of the bus has one of these addresses" in again
    assert 'value="11"' in again
    installer.post(PAGE, {"action": "disconnect", "meter": "m001"})
    assert Connection.objects.filter(bus=None).get().meter.ref == "m001"
    assert "Meters are read over rs485-1" in text(
        installer.post(PAGE, {"action": "remove-bus", "bus": "rs485-1"})
    )


MBUS = {**SDM, "driver": "mbus_meter", "address-m001": "92752244"}
CHOSEN = {"mbus_meter-register": "8-0:1.0.0", "mbus_meter-dib": "84 40", "mbus_meter-vib": "13"}


def test_an_m_bus_meter_is_connected_with_the_record_that_it_is_to_show(installer):
    bus = {**BUS, "name": "rs485-2", "kind": "mbus_tcp", "port": 10001}
    assert installer.post(PAGE, bus).url == PAGE
    form = {**MBUS, **CHOSEN, "bus": "rs485-2", "plan": "day"}
    assert installer.post(METERS, form).url == PAGE
    row = Connection.objects.get()
    assert (row.driver, row.plan) == ("mbus_meter", "day")
    assert row.settings == {"register": "8-0:1.0.0", "dib": "84 40", "vib": "13"}
    assert "unverified" in text(installer.get(PAGE)), "an installer says where the register is"
    assert installer.post(METERS, {**MBUS, "bus": "rs485-2"}).url == PAGE
    assert Connection.objects.get().settings == {}
    assert "unverified" not in text(installer.get(PAGE)).replace("unverified driver", "")


def test_a_meter_without_a_driver_is_connected_by_its_settings(installer):
    form = {**SDM, "driver": "generic_modbus/generic", "address-m001": "1"}
    assert "is missing" in text(installer.post(METERS, form))
    form["generic_modbus-import_register"] = "0x48"
    assert installer.post(METERS, form).url == PAGE
    assert Connection.objects.get().settings == {"import_register": "0x48"}


@pytest.mark.parametrize(
    ("url", "form", "words"),
    [
        (LIST, {"name": "linde-cellar"}, "is taken"),
        (LIST, {"name": "a b"}, "letters, digits"),
        (METERS, {**SDM, "bus": "none", "address-m001": "1"}, "Choose a bus"),
        (METERS, {**SDM, "driver": "no/such", "address-m001": "1"}, "no driver"),
        (METERS, SDM, "Choose from 1"),
        (METERS, MBUS, "An M-Bus is read with an M-Bus driver"),
        (METERS, {**MBUS, **CHOSEN, "mbus_meter-dib": ""}, "needs the setting &#x27;dib&#x27; too"),
        (METERS, {**MBUS, **CHOSEN, "mbus_meter-dib": "84"}, "is not whole"),
        (METERS, {**MBUS, **CHOSEN, "mbus_meter-register": "<b>"}, "is not an OBIS code"),
        (PAGE, {**BUS, "name": "b", "port": 99999}, "65535"),
        (PAGE, {**BUS, "name": "b", "host": "a b", "port": 1}, "host"),
    ],
)
def test_what_cannot_be_is_said(installer, url, form, words):
    assert words in text(installer.post(url, form))
    assert (Bus.objects.count(), Gateway.objects.count()) == (1, 1)


def test_the_display_is_compared(installer, world):
    installer.post(METERS, {**SDM, "address-m001": "11"})
    register = Register.objects.get(meter__ref="m001", direction="import")
    now = timezone.now()
    Connection.objects.update(since=now - timedelta(hours=1))
    Device.objects.get_or_create(
        meter=register.meter, removed_at=None, defaults={"serial": "s", "installed_at": now}
    )
    Reading.objects.create(
        site_id=world.site.pk,
        register_id=register.pk,
        read_at=now - timedelta(minutes=5),
        source="gateway linde-cellar",
        value=Decimal(4_800_000),
        quality=1,
        received_at=now,
    )
    assert "to compare" in text(installer.get(PAGE))
    form = {"action": "compare", "register": register.pk}
    assert "but 4800" in text(installer.post(PAGE, {**form, "shown": "480"}))
    assert "type the number" in text(installer.post(PAGE, {**form, "shown": "x"})).lower()
    assert installer.post(PAGE, {**form, "register": "x", "shown": "1"}).status_code == 404
    assert installer.post(PAGE, {**form, "shown": "4’801"}).url == PAGE
    assert Comparison.objects.get().by == "installer@example.ch"
    assert "to compare" not in text(installer.get(PAGE))


def test_pages_ask_no_more_for_more_meters(installer, world):
    def asked():
        counts = []
        for url in (LIST, PAGE, METERS):
            with CaptureQueriesContext(connection) as queries:
                text(installer.get(url))
            counts.append(len(queries))
        return counts

    installer.post(METERS, {**SDM, "address-m001": "1"})
    installer.get(LIST)
    few = asked()
    for number in range(2, 9):
        meter = Meter.objects.create(site=world.site, ref=f"x{number}", name=f"X{number}")
        Register.objects.create(site=world.site, meter=meter, obis="1-1:1.8.0")
        installer.post(METERS, {**SDM, f"address-x{number}": str(number)})
    gateway = Gateway.objects.get()
    keep_findings(gateway, [error("x.y", f"No {n}") for n in range(5)], at=timezone.now())
    assert asked() == few
    assert max(few) <= 40
    installer.post(PAGE, {"action": "forget"})
    assert not gateway.findings.exists()


def test_an_unknown_act_is_refused(installer):
    assert installer.post(PAGE, {"action": "no such"}).status_code == 403
