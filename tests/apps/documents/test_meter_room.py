"""The wiring overview and the labels: what is printed is what is stored, and a phone reads it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO

import pypdfium2
import pytest
import zxingcpp
from django.db import connection
from django.test.utils import CaptureQueriesContext

from quartier.apps.documents.labels import Label, Paper, labels_of, labels_pdf
from quartier.apps.documents.printing import CannotPrint
from quartier.apps.documents.texts import languages, texts_in
from quartier.apps.documents.wiring import Head, Line, Wired, Wiring, wiring_of, wiring_pdf
from quartier.apps.equipment.models import Appliance, Bus
from quartier.apps.sites.models import Site
from tests.apps.documents.pdf_reader import pages_of

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
DAY = date(2026, 11, 2)
URL = "https://quartier.example.ch/m/{pk}"


def wired(number, **more):
    told = {
        "pk": number, "ref": f"m{number:03}", "name": f"Wohnung {number}", "mode": "consumption",
        "medium": "electricity", "model": "SDM630-Modbus", "address": str(10 + number),
        "serial": "", "transformer": "", "billing_point": "",
    }  # fmt: skip
    return Wired(**(told | more))


def labels(count, **more):
    return [Label(wired(n, **more), "rs485-1", URL.format(pk=n)) for n in range(1, count + 1)]


def scans(pdf):
    """What the codes of each page say, and its text and size in millimeters."""
    document = pypdfium2.PdfDocument(BytesIO(pdf))
    pages = []
    for page in document:
        image = page.render(scale=300 / 72).to_pil().convert("L")
        text = page.get_textpage().get_text_bounded()
        size = tuple(round(points / 72 * 25.4) for points in page.get_size())
        pages.append(([code.text for code in zxingcpp.read_barcodes(image)], text, size))
    return pages


def test_every_code_of_a_sheet_is_read():
    pages = scans(labels_pdf(labels(26), "Lindenpark", "de", Paper.SHEET, DAY, skip=2))
    assert [size for _, _, size in pages] == [(210, 297), (210, 297)]
    assert [len(codes) for codes, _, _ in pages] == [22, 4]
    found = {code for codes, _, _ in pages for code in codes}
    assert found == {URL.format(pk=n) for n in range(1, 27)}
    assert "Wohnung 22" in pages[0][1]
    assert "Wohnung 23" not in pages[0][1]


@pytest.mark.parametrize("paper", Paper)
def test_a_name_of_three_lines_is_set_smaller_until_it_fits(paper):
    name = "Haus A, 1. Obergeschoss rechts"
    (page,) = pages_of(labels_pdf(labels(1, name=name), "Lindenpark", "de", paper, DAY))
    (site,), (whole,), (ref,) = page.find("Lindenpark"), page.find(name), page.find("m001")
    assert min(one.top for one in whole) > max(one.bottom for one in site) - 0.5
    assert max(one.bottom for one in whole) < min(one.top for one in ref)


def test_a_box_of_the_wiring_holds_a_name_of_three_lines():
    name = "Haus A, 1. Obergeschoss rechts"
    line = Line("a", "modbus_tcp", "10.0.0.2:502", "", True, (wired(1, name=name),))
    site = Site(name="Lindenpark", ref="linde")
    (page,) = pages_of(wiring_pdf(Wiring(site, (Head("g", (line,)),), (), ()), "de", DAY))
    (whole,), (ref,) = page.find(name), page.find("m001")
    assert max(one.bottom for one in whole) < min(one.top for one in ref)


def test_a_tape_has_a_label_a_page():
    long = "Allgemeinstrom Treppenhaus und Waschküche im Untergeschoss Ost, hinten links"
    pages = scans(labels_pdf(labels(3, name=long), "Lindenpark", "fr", Paper.TAPE, DAY))
    assert [(codes, size) for codes, _, size in pages] == [
        ([URL.format(pk=n)], (62, 29)) for n in (1, 2, 3)
    ]


def test_a_name_that_no_font_shows_is_said():
    with pytest.raises(CannotPrint, match="cannot be printed"):
        labels_pdf(labels(1, name="Wohnung \u4e00"), "x", "de", Paper.TAPE, DAY)


def test_every_language_has_the_words():
    for subject in ("labels", "wiring"):
        words = [set(texts_in(language)[subject]) for language in languages()]
        assert all(one == words[0] for one in words)


@pytest.fixture
def planned(small):
    from quartier.apps.equipment.models import (
        Bus,
        CommunicationDevice,
        Connection,
        Gateway,
        Meter,
    )

    gateway = Gateway.objects.create(site=small.site, name="s1-gateway", salt=b"")
    place = {"host": "192.168.1.21", "port": 502}
    bus = Bus.objects.create(
        gateway=gateway, name="rs485-1", kind="modbus_rtu_tcp", parameters=place
    )
    CommunicationDevice.objects.create(
        site=small.site, ref="router", name="Router", kind="router_lan", host="192.168.1.1"
    )

    def add(ref, address, **more):
        meter = Meter.objects.create(site=small.site, ref=ref, name=ref.upper(), **more)
        model = {"driver": "carlogavazzi_em24", "model": "EM24-DIN AV5", "since": AT}
        Connection.objects.create(meter=meter, bus=bus, address=address, **model)

    add("pv", "101", mode="production")
    add("entry", "10", mode="grid", fuse_a=Decimal(250))
    add("flat-1", "11")
    Meter.objects.create(site=small.site, ref="water", name="Water", medium="cold_water")
    Meter.objects.create(
        site=small.site, ref="rest", name="Rest", source="virtual", rule="entry - pv"
    )
    return small.site


@pytest.mark.django_db
@pytest.mark.db
@pytest.mark.parametrize("language", languages())
def test_the_overview_shows_what_is_stored(planned, language):
    made = wiring_of(planned)
    (line,) = made.gateways[0].lines
    assert [(one.ref, one.address, one.transformer) for one in line.meters] == [
        ("entry", "10", "250/5 A"),
        ("flat-1", "11", ""),
        ("pv", "101", ""),
    ]
    assert [one.ref for one in made.loose] == ["water"]
    ((_, text, size),) = scans(wiring_pdf(made, language, DAY))
    assert size == (210, 297)
    words = texts_in(language)["wiring"]
    for said in (words["title"], "rs485-1", "192.168.1.21:502", "9600 8N1", "ENTRY", "250/5 A"):
        assert said in text, said
    assert text.index("ENTRY") < text.index("FLAT-1") < text.index("PV")
    assert [one.url for one in labels_of(made, "/m/{pk}")][:1] == [f"/m/{line.meters[0].pk}"]


@pytest.mark.django_db
@pytest.mark.db
def test_relay_modules_stand_on_their_bus_with_what_they_switch(planned):
    bus = Bus.objects.get(gateway__site=planned, name="rs485-1")
    for ref, channels in (("boiler-2", [2]), ("pump", [0, 1])):
        Appliance.objects.create(
            site=planned, ref=ref, name=ref.upper(), bus=bus, driver="waveshare_relay",
            address="200", channels=channels, output="relay", power_w=2000, mode="off",
        )  # fmt: skip
    made = wiring_of(planned)
    (line,) = (one for one in made.gateways[0].lines if one.name == "rs485-1")
    (module,) = line.modules
    assert module.address == "200"
    assert module.contacts == ("1, 2 PUMP", "3 BOILER-2")
    ((_, text, _),) = scans(wiring_pdf(made, "fr", DAY))
    assert "1, 2 PUMP · 3 BOILER-2" in text


@pytest.mark.django_db
@pytest.mark.db
def test_it_asks_the_same_number_of_questions_for_many_meters(planned):
    from quartier.apps.equipment.models import Meter

    def count():
        with CaptureQueriesContext(connection) as queries:
            wiring_of(planned)
        return len(queries)

    few = count()
    Meter.objects.bulk_create(Meter(site=planned, ref=f"m{n}", name=f"M {n}") for n in range(1, 40))
    assert count() == few == 8


def test_an_empty_site_has_an_overview_too(small):
    assert wiring_pdf(Wiring(small.site, (), (), ()), "it", DAY).startswith(b"%PDF")
