"""The pages on which equipment is planned, added, changed, assigned and ordered."""

import io
from decimal import Decimal

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import (
    Assignment,
    Battery,
    Bus,
    CommunicationDevice,
    Connection,
    Device,
    DistributionZone,
    Gateway,
    Meter,
    Plant,
    Register,
)

pytestmark = [pytest.mark.django_db, pytest.mark.db]

SITE = "/sites/linde/"
LIST, METER, TABLE, PATTERN, ASSIGN, ORDER, UNDO = (
    f"{SITE}{name}/"
    for name in (
        "equipment", "new/meter", "new/meters/table", "new/meters/pattern", "assign", "order",
        "equipment-undo",
    )
)  # fmt: skip


@pytest.fixture
def installer(world):
    gateway = Gateway.objects.create(site=world.site, name="linde-cellar")
    place = {"host": "10.0.0.2", "port": 502}
    Bus.objects.create(gateway=gateway, name="rs485-1", kind="modbus_rtu_tcp", parameters=place)
    return world.as_("installer")


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def names(answer):
    return text(answer).split('seen" value="')[1][:64]


ONE = {"action": "save", "name": "Heat pump", "ref": "hp", "medium": "electricity",
       "mode": "consumption", "source": "register"}  # fmt: skip
ADD = {"step": "preview", "count": 2, "ref": "n{n:02}", "name": "New {n}", "first_number": 1,
       "medium": "electricity", "mode": "consumption", "driver": "eastron_sdm630/SDM630-Modbus",
       "bus": "linde-cellar/rs485-1", "first_address": 11, "address_step": 1}  # fmt: skip


def test_a_meter_is_added_changed_removed_and_put_back(installer):
    assert installer.post(METER, {**ONE, "driver": "mbus_meter", "address": "5"}).url == LIST
    row = Meter.objects.get(ref="hp")
    assert Connection.objects.get(meter=row).bus is None
    assert Register.objects.filter(meter=row).count() == 1
    edit = f"{LIST}hp/edit/"
    assert 'value="5"' in text(installer.get(edit))
    change = {**ONE, "name": "Pump", "mode": "grid", "is_enabled": "on", "serial": "77",
              "installed": "2026-11-02"}  # fmt: skip
    assert installer.post(edit, change).url == f"{LIST}hp/"
    row.refresh_from_db()
    assert (row.name, row.registers.count()) == ("Pump", 2)
    assert Device.objects.get(meter=row).serial == "77"
    assert not Connection.objects.filter(meter=row).exists()
    installer.post(edit, {"action": "remove"})
    assert not Meter.objects.filter(ref="hp").exists()
    assert "Undo" in text(installer.get(LIST))
    installer.post(UNDO)
    row = Meter.objects.get(ref="hp")
    assert (row.devices.get().serial, row.registers.count()) == ("77", 2)
    actions = ["meter.insert", "meter.change", "equipment.remove", "equipment.restore"]
    assert (
        list(
            Event.objects.filter(action__in=actions).order_by("pk").values_list("action", flat=True)
        )
        == actions
    )
    assert "nothing to undo" in text(installer.post(UNDO, follow=True))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"source": "virtual", "rule": "m001 *"}, "follows a meter"),
        ({"source": "virtual", "rule": "none"}, "no meter of this site"),
        ({"source": "curve", "metering_point": "CH12"}, "4 characters"),
        ({"source": "curve"}, "write it"),
        ({"serial": "1"}, "On what day"),
        ({"fuse_a": "a"}, "is not a number"),
        ({"ref": "m001"}, "differs here"),
        ({"ref": "a b"}, "is no reference"),
        (
            {"bus": "linde-cellar/rs485-1", "driver": "eastron_sdm630/SDM630-Modbus"},
            "from 1 to 247",
        ),
        ({"bus": "linde-cellar/rs485-1"}, "what model this meter is"),
        ({"medium": "beer"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_with_a_meter_is_said_at_its_field(installer, form, words):
    shown = text(installer.post(METER, {**ONE, **form}))
    assert words.lower() in shown.lower()
    assert not Meter.objects.filter(ref="hp").exists()


def test_a_meter_with_values_stays_what_it_is(installer):
    edit = f"{LIST}m001/edit/"
    assert "values of m001 are stored" in text(installer.get(edit)).lower()
    installer.post(edit, {"action": "remove"})
    assert Meter.objects.filter(ref="m001").exists()
    row = Meter.objects.get(ref="m001")
    form = {**ONE, "name": row.name, "medium": "heat", "is_enabled": "on", "source": row.source}
    assert "It stays what it is" in text(installer.post(edit, form))


def test_a_meter_never_becomes_what_its_parts_forbid(installer, world):
    point = {**ONE, "billing_point": "w001", "serial": "1", "installed": "2026-11-02"}
    assert installer.post(METER, point).url == LIST
    zone = DistributionZone.objects.create(
        site=world.site, ref="z", name="Z", max_current_a=Decimal(63)
    )
    row = Meter.objects.get(ref="hp")
    edit, same = f"{LIST}hp/edit/", {**ONE, "is_enabled": "on"}
    assert installer.post(edit, {**same, "fuse_a": "40"}).url == f"{LIST}hp/"
    zone.dlm_meters.add(row)
    for form, words in (
        ({"mode": "production", "fuse_a": "40"}, "Only a consumption meter"),
        ({"source": "virtual", "rule": "m001", "fuse_a": "40"}, "A computed meter has no device"),
        ({}, "The distribution zone z uses it"),
    ):
        assert words in text(installer.post(edit, {**same, **form})), words
    row.refresh_from_db()
    assert (row.mode, row.source, row.fuse_a) == ("consumption", "register", 40)


def test_many_meters_by_a_pattern_are_looked_at_added_and_taken_back(installer, world):
    seen = installer.post(PATTERN, ADD)
    assert "What would be added" in text(seen)
    assert not Meter.objects.filter(ref="n01").exists()
    assert "since the preview" in text(installer.post(PATTERN, {**ADD, "step": "commit"}))
    done = {**ADD, "step": "commit", "seen": names(seen)}
    assert installer.post(PATTERN, done).url == LIST
    assert set(
        Connection.objects.filter(meter__ref__startswith="n").values_list("meter__ref", "address")
    ) == {("n01", "11"), ("n02", "12")}
    taken = text(installer.post(PATTERN, {**ADD, "ref": "o{n}"}))
    assert "meter n01 has the address 11 on this bus already" in taken
    installer.post(UNDO)
    assert not Meter.objects.filter(ref__startswith="n0").exists()


def test_billing_points_without_such_a_meter_are_served_in_their_order(installer, world):
    heat = {**ADD, "medium": "heat", "driver": "", "bus": "", "first_address": "", "count": 3,
            "billing_points": "on"}  # fmt: skip
    seen = installer.post(PATTERN, heat)
    assert "from_date" in text(seen)
    done = {**heat, "step": "commit", "seen": names(seen)}
    assert installer.post(PATTERN, done).url == LIST
    rows = Assignment.objects.filter(meter__medium="heat").order_by("meter__ref")
    assert [row.billing_point.ref for row in rows] == ["w001", "w002", "w003"]
    more = text(installer.post(PATTERN, {**heat, "ref": "x{n}"}))
    assert "0 billing points for 3 meters" in more


def test_a_table_is_looked_at_and_added_once(installer):
    book = openpyxl.load_workbook(
        io.BytesIO(installer.get(f"{SITE}new/meters/template.xlsx").content)
    )
    sheet = book.active
    sheet["A2"], sheet["B2"], sheet["C2"] = "k1", "Kitchen", "Cold water"
    sheet["A3"], sheet["B3"], sheet["P3"] = "k2", "Lift", "SDM630M"
    out = io.BytesIO()
    book.save(out)

    def upload(content):
        file = SimpleUploadedFile("meters.xlsx", content)
        return installer.post(TABLE, {"step": "preview", "file": file})

    seen = upload(out.getvalue())
    assert "Kitchen" in text(seen)
    assert installer.post(TABLE, {"step": "commit", "seen": names(seen)}).url == LIST
    assert Meter.objects.get(ref="k1").medium == "cold_water"
    assert "are there already" in text(upload(out.getvalue()))
    assert "There is no column" in text(upload(b"ref,beer\n"))
    wrong = text(upload(b"ref,name,medium\nk3,K,beer\n"))
    assert "Medium" in wrong
    assert "is none of" in wrong
    assert not Meter.objects.filter(ref="k3").exists()


def test_meters_are_put_on_a_gateway_at_numbered_addresses(installer):
    form = {"step": "preview", "bus": "linde-cellar/rs485-1", "first_address": 11,
            "address_step": 1, "driver": "eastron_sdm630/SDM630-Modbus",
            "meter": ["m001", "m002"]}  # fmt: skip

    def agree(form):
        seen = names(installer.post(ASSIGN, form))
        return installer.post(ASSIGN, {**form, "step": "commit", "seen": seen})

    assert "Where they would be" in text(installer.post(ASSIGN, {**form, "step": "commit"}))
    assert not Connection.objects.exists(), "nobody has looked at it"
    assert agree(form).url == f"{SITE}gateways/linde-cellar/"
    assert dict(Connection.objects.values_list("meter__ref", "address")) == {
        "m001": "11", "m002": "12",
    }  # fmt: skip
    clash = {**form, "meter": ["m003"], "first_address": 12}
    assert "meter m002 has the address 12" in text(
        installer.post(ASSIGN, {**clash, "step": "commit"})
    )
    assert agree({**form, "first_address": 12}).status_code == 302
    assert dict(Connection.objects.values_list("meter__ref", "address")) == {
        "m001": "12", "m002": "13",
    }  # fmt: skip
    assert "Choose from 1" in text(installer.post(ASSIGN, {**form, "meter": []}))
    found = {**form, "all": "1", "first_address": 248}
    assert "an address from 1 to 247" in text(installer.post(f"{ASSIGN}?q=m003", found))


ROUTER = {"action": "save", "name": "Router", "ref": "r1", "kind": "router_4g",
          "state": "planned", "manufacturer": "Teltonika", "model": "RUT241"}  # fmt: skip


def test_communication_devices_are_kept_and_ordered(installer):
    url = f"{SITE}new/communication/"
    more = {"sim": "8941 0123 4567 8901 234", "mac": "001e420a0b0c", "host": "192.168.1.1"}
    assert installer.post(url, {**ROUTER, **more}).url == LIST
    row = CommunicationDevice.objects.get()
    assert (row.mac, row.sim) == ("00:1E:42:0A:0B:0C", "8941012345678901234")
    for wrong in ({"kind": "switch"}, {"mac": "1"}, {"host": "300.1.1.1"}, {"sim": "12"}):
        assert "errors" in text(installer.post(url, {**ROUTER, **more, "ref": "r2", **wrong}))
    assert "is there already" in text(installer.post(url, ROUTER))
    page = text(installer.get(ORDER))
    assert "Teltonika RUT241" in page
    installer.post(f"{SITE}things/communication/r1/", {**ROUTER, **more, "state": "installed"})
    assert "Teltonika RUT241" not in text(installer.get(ORDER))
    assert installer.get(f"{ORDER}?format=xlsx").content[:2] == b"PK"
    installer.post(f"{SITE}things/communication/r1/", {"action": "remove"})
    installer.post(UNDO)
    assert CommunicationDevice.objects.get().mac == "00:1E:42:0A:0B:0C"


def test_a_device_is_found_by_its_address_by_who_may_see_it(installer, world):
    installer.post(f"{SITE}new/communication/", {**ROUTER, "host": "192.168.7.1"})
    assert "things/communication/r1/" in text(installer.get("/search/?q=192.168.7"))
    assert "things/communication" not in text(world.as_("owner").get("/search/?q=192.168.7"))


ZONE = {"action": "save", "name": "Garage", "ref": "z1", "max_current_a": "63", "phases": "3"}


def test_a_distribution_zone_has_meters_that_can_limit_it(installer):
    url = f"{SITE}new/zones/"
    one, two = (Meter.objects.get(ref=ref) for ref in ("m001", "m002"))
    one.fuse_a = 40
    one.save()
    wrong = {**ZONE, "dlm_meters": [two.pk], "consumption_meter": two.pk}
    shown = text(installer.post(url, wrong))
    assert "The meter m002 has no fuse" in shown
    assert "measures the zone itself" in shown
    good = {**ZONE, "dlm_meters": [one.pk], "consumption_meter": two.pk}
    assert installer.post(url, good).url == LIST
    zone = DistributionZone.objects.get()
    assert list(zone.dlm_meters.all()) == [one]
    installer.post(url, {**ZONE, "ref": "z2", "parent": zone.pk})
    inner = DistributionZone.objects.get(ref="z2")
    loop = text(installer.post(f"{SITE}things/zones/z1/", {**good, "parent": inner.pk}))
    assert "zone z1 would lie in itself" in loop
    installer.post(f"{SITE}things/zones/z1/", {"action": "remove"})
    assert DistributionZone.objects.filter(ref="z1").exists()
    assert "the distribution zone z1 uses it" in text(installer.get(f"{LIST}m001/edit/")).lower()


def test_plants_and_batteries_have_a_meter_of_their_own(world):
    client = world.as_("operator")
    client.post(METER, {**ONE, "ref": "bat", "mode": "battery", "name": "Battery meter"})
    meter = Meter.objects.get(ref="bat")
    owner = Plant.objects.filter(site=world.site).first().owner
    form = {"action": "save", "name": "Store", "ref": "b1", "meter": meter.pk, "owner": owner.pk,
            "capacity_wh": 10000, "power_w": 5000}  # fmt: skip
    assert client.post(f"{SITE}new/batteries/", form).url == LIST
    assert Battery.objects.get().owner == owner
    twice = text(client.post(f"{SITE}new/batteries/", {**form, "ref": "b2"}))
    assert "has this meter" in twice
    installer = world.as_("installer")
    assert owner.name not in text(installer.get(f"{SITE}things/batteries/b1/"))
    assert installer.post(f"{SITE}things/batteries/b1/", {**form, "name": "Cellar"}).url == LIST
    assert (Battery.objects.get().name, Battery.objects.get().owner) == ("Cellar", owner)


def test_the_list_is_filtered_searched_and_exported(installer):
    installer.post(f"{SITE}new/communication/", {**ROUTER, "name": "=1+1"})
    page = text(installer.get(f"{LIST}?kind=communication"))
    assert "Wohnung 1" not in page
    assert "RUT241" in page
    assert "Nothing matches" in text(installer.get(f"{LIST}?q=none-of-them"))
    assert "'=1+1" in text(installer.get(f"{LIST}?format=csv"))
    sheet = openpyxl.load_workbook(
        io.BytesIO(installer.get(f"{LIST}?format=xlsx&kind=communication").content)
    ).active
    assert [sheet["B2"].value, sheet["C2"].value, sheet["C2"].data_type] == ["r1", "=1+1", "s"]


def test_more_rows_ask_no_more(installer, world):
    pages = (LIST, ORDER, ASSIGN, METER, f"{SITE}new/zones/", f"{SITE}new/communication/")

    def asked(url, **form):
        with CaptureQueriesContext(connection) as queries:
            answer = installer.post(url, form) if form else installer.get(url)
            assert answer.status_code == 200
        return len(queries)

    def all_pages():
        found = {url: asked(url) for url in pages}
        rows = {**ADD, "count": len(found) * 2, "ref": "p{n}", "first_address": 100}
        return {**found, "pattern": asked(PATTERN, **rows)}

    def fill(first, last):
        site = world.site
        for n in range(first, last):
            row = Meter.objects.create(site=site, ref=f"q{n}", name="Q", fuse_a=20)
            Connection.objects.create(meter=row, driver="mbus_meter", since="2026-01-01T00:00Z")
            CommunicationDevice.objects.create(site=site, ref=f"c{n}", name="C", kind="switch")
            zone = DistributionZone.objects.create(
                site=site, ref=f"z{n}", name="Z", max_current_a=63
            )
            zone.dlm_meters.add(row)

    fill(0, 2)
    all_pages()
    before = all_pages()
    fill(2, 20)
    assert all_pages() == before
