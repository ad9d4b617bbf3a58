"""The planning assistant: described, looked at, changed, added once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quartier.apps.equipment.models import Assignment, CommunicationDevice, Connection, Meter

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PAGE = "/sites/linde/planning/"
TOLD = {
    "dwellings": "5",
    "entry_a": "63",
    "plants": "30; 12,5",
    "commons": "1",
    "has_cold_water": "on",
    "stations": "0",
    "machines": "1",
    "sockets": "0",
    "appliances": "0",
    "boards": "1",
    "has_lan": "on",
    "network": "10.0.7",
    "from_date": "",
}


def test_a_plan_is_changed_and_added(world):
    client = world.as_("installer")
    assert client.get(PAGE).context["form"].fields["dwellings"].initial >= 3
    before = set(Meter.objects.values_list("ref", flat=True))
    seen = client.post(PAGE, {**TOLD, "step": "review"})
    refs = [one.ref for one in seen.context["proposal"].meters]
    assert "pv-2" in refs
    assert "common-1" in refs
    assert set(Meter.objects.values_list("ref", flat=True)) == before
    data = {**TOLD, "step": "commit", "leave": ["common-1"], "name-pv-2": "Garage"}
    data |= {"address-pv-2": "120", "name-pv-1": "\x07", "name-entry": " \n "}
    assert client.post(PAGE, data).status_code == 302
    added = set(Meter.objects.values_list("ref", flat=True)) - before
    assert added == set(refs) - {"common-1"}
    row = Connection.objects.select_related("meter").get(meter__ref="pv-2")
    assert (row.meter.name, row.address, row.bus.parameters["host"]) == (
        "Garage", "120", "10.0.7.21",
    )  # fmt: skip
    assert Meter.objects.get(ref="pv-1").name == "PV plant 1"
    assert CommunicationDevice.objects.filter(site=world.site, kind="converter").count() == 2
    assert not Assignment.objects.filter(meter__ref__in=added).exists()
    again = client.post(PAGE, {**TOLD, "step": "review"})
    assert [one.ref for one in again.context["proposal"].meters] == ["common-1"]
    wiring = client.get("/sites/linde/planning/wiring/").content.decode()
    assert "Garage" in wiring
    pdf = client.get("/sites/linde/planning/labels.pdf?paper=tape&meter=pv-2")
    assert pdf.content.startswith(b"%PDF")


IMPOSSIBLE = [
    {"dwellings": "-1"},
    {"dwellings": "100000"},
    {"dwellings": ""},
    {"entry_a": "1e9"},
    {"plants": "many"},
    {"plants": "NaN"},
    {"plants": ";".join("1" * 30)},
    {"plants": "1e400"},
    {"network": "192.168.1.5; rm"},
    {"network": "8.8.8"},
    {"boards": "0"},
    {"from_date": "tomorrow"},
]


def test_what_no_building_has_is_said(world):
    client = world.as_("installer")
    for change in IMPOSSIBLE:
        answer = client.post(PAGE, {**TOLD, **change, "step": "commit"})
        assert answer.status_code == 200, change
        assert answer.context["form"].errors, change
    assert not CommunicationDevice.objects.filter(site=world.site).exists()


def test_an_address_that_is_taken_is_refused_and_nothing_is_added(world):
    data = {**TOLD, "step": "commit", "address-pv-1": "102"}
    answer = world.as_("installer").post(PAGE, data)
    assert "102" in answer.context["refused"][0]
    assert not Meter.objects.filter(ref="pv-1").exists()


def test_a_label_leads_to_its_meter_for_who_may_see_it(world):
    meter = Meter.objects.get(site=world.site, ref="m001")
    url = f"/m/{meter.pk}"
    assert world.as_("installer").get(url).url == "/sites/linde/equipment/m001/"
    assert world.as_("stranger").get(url).status_code == 404
    assert "/login/" in world.as_("").get(url).url


def test_labels_of_no_meter_are_not_printed(world):
    client = world.as_("installer")
    page = "/sites/linde/planning/labels/"
    assert client.get(f"{page[:-1]}.pdf?meter=nothing").url == page
    assert client.get(f"{page[:-1]}.pdf?skip=99").url == page
    assert client.get(f"{page[:-1]}.pdf?paper=wall").url == page


def test_the_pages_ask_the_same_number_of_questions_for_many_meters(world):
    client = world.as_("installer")

    def counts():
        found = []
        for name in ("wiring/", "labels/"):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(PAGE + name).status_code == 200
            found.append(len(queries))
        with CaptureQueriesContext(connection) as queries:
            assert client.post(PAGE, {**TOLD, "step": "review"}).status_code == 200
        return [*found, len(queries)]

    counts()
    few = counts()
    Meter.objects.bulk_create(Meter(site=world.site, ref=f"x{n}", name=f"X {n}") for n in range(40))
    assert counts() == few
