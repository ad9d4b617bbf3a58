"""The commissioning report: what must be answered for, who gets it, and that a change is seen."""

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import Error, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from quartier.apps.documents.check import check
from quartier.apps.documents.models import InspectionReport
from quartier.apps.documents.sealing import is_intact
from quartier.apps.equipment.gateways import How, Wanted, add_bus, add_gateway, connect
from quartier.apps.equipment.models import Meter
from quartier.apps.metering.models import Momentary
from tests.apps.documents.test_commissioning_page import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.db]

FORM, LIST = "/sites/linde/inspection/report/", "/sites/linde/inspection/reports/"
WHO = {"installer": "Erika Muster", "company": "Elektro AG", "note": "Damp cellar"}
REMARK = {"remark m001 direction": "Transformer is turned on Monday"}


@pytest.fixture
def cellar(world):
    """One meter, whose second phase is turned round."""
    by = {"at": timezone.now(), "actor": "t"}
    gateway = add_gateway(world.site, "linde-cellar", **by)
    bus = add_bus(gateway, "rs485-1", "modbus_rtu_tcp", {"host": "10.0.0.2", "port": 502}, **by)
    Meter.objects.exclude(ref="m001").update(is_enabled=False)
    meter = Meter.objects.get(ref="m001")
    connect(bus, [Wanted(meter, "11")], How("eastron_sdm630", "SDM630-Modbus"), **by)
    at_ms = int(timezone.now().timestamp() * 1000)
    told = {"32": "233", "52": "234", "31": "2", "51": "1", "36": "460", "56": "-230"}
    told = {f"1-1:{code}.7.0": [value, at_ms] for code, value in told.items()}
    Momentary.objects.create(meter=meter, shown=told)
    return gateway


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def report(world, cellar):
    answer = world.as_("installer").post(FORM, {**WHO, **REMARK})
    assert answer.url == LIST
    return InspectionReport.objects.get()


def test_what_is_left_open_needs_a_remark(world, cellar):
    client = world.as_("installer")
    page = text(client.get(FORM))
    assert "Phase 2 shows -230 W" in page
    assert 'name="remark m001 direction"' in page
    for form in (WHO, {**WHO, "remark m001 direction": " x "}):
        assert "Write a remark to each finding" in text(client.post(FORM, form))
    assert "Type the name of the installer" in text(client.post(FORM, {**REMARK, "installer": ""}))
    long = {**WHO, "remark m001 direction": "x" * 501}
    assert "500 characters at most" in text(client.post(FORM, long))
    odd = {**WHO, **REMARK, "note": "All is 👍"}
    assert "A name or a remark has a character that cannot be printed" in text(
        client.post(FORM, odd)
    )
    assert not InspectionReport.objects.exists()
    Meter.objects.update(is_enabled=False)
    assert "There is no meter to report on" in text(client.post(FORM, {**WHO, **REMARK}))


def test_what_is_the_same_of_many_meters_is_explained_once(world, cellar):
    Meter.objects.exclude(ref="m001").update(is_enabled=True)
    client = world.as_("installer")
    page = text(client.get(FORM))
    asked = dict.fromkeys(re.findall(r'name="(remark [^"]*)"', page), "Of the grid operator")
    assert 2 <= len(asked) < Meter.objects.count()
    assert client.post(FORM, {**WHO, **asked}).url == LIST
    content = json.loads(InspectionReport.objects.get().content)
    assert len(content["open"]) >= Meter.objects.count()
    assert {one["remark"] for one in content["open"]} == {"Of the grid operator"}


def test_it_is_frozen_printed_and_sealed(world, report):
    assert (report.number, report.installer, report.left_open) == (1, "Erika Muster", 1)
    assert report.by == "installer@example.ch"
    assert is_intact(report)
    content = json.loads(report.content)
    assert content["open"][0]["remark"] == REMARK["remark m001 direction"]
    pdf = world.as_("installer").get(f"{LIST}1.pdf")
    assert pdf.content == bytes(report.pdf)
    assert pdf["Content-Type"] == "application/pdf"
    said = text_of(pdf.content)
    for words in ("Lindenhof", "Erika Muster, Elektro AG", "Damp cellar", report.content_sha256,
                  "Phase 2 shows -230 W", "Transformer is turned on Monday"):  # fmt: skip
        assert words in said, words


def test_a_file_is_known_again_and_a_changed_one_is_not(world, report):
    def compared(data):
        file = SimpleUploadedFile("report.pdf", data, "application/pdf")
        return text(world.as_("owner").post(LIST, {"file": file}))

    pdf = bytes(report.pdf)
    assert "Unchanged: this is report 1" in compared(pdf)
    for data in (pdf + b"\n", pdf[:-1], pdf.replace(b"2026", b"2025"), b"not a PDF"):
        assert data != pdf
        assert "No report of this site is this file" in compared(data)


def test_rows_are_neither_changed_nor_deleted(report):
    rows = InspectionReport.objects.filter(pk=report.pk)
    for change in (lambda: rows.update(installer="Nobody"), rows.delete):
        with pytest.raises(Error), transaction.atomic():
            change()


@pytest.mark.parametrize(
    "change",
    [
        {"installer": "Somebody else"}, {"left_open": 0}, {"pdf": b"%PDF other"},
        {"content": b"{}"}, {"number": 7}, {"seal": "0" * 64},
    ],
)  # fmt: skip
def test_whatever_is_changed_behind_the_portal_breaks_the_seal(report, change):
    for name, value in change.items():
        setattr(report, name, value)
    assert not is_intact(report)


def test_another_secret_makes_no_seal(report, settings):
    settings.SECRET_KEY = "another" * 10
    assert not is_intact(report)
    assert [one.code for one in check(report.site)] == ["documents.report_changed"]


def test_a_broken_seal_is_shown_and_its_pdf_is_not(world, report):
    report.pk, report.number = None, 2
    report.save()
    client = world.as_("owner")
    page = text(client.get(LIST))
    assert "changed" in page.replace("unchanged", "")
    assert client.get(f"{LIST}2.pdf").url == LIST
    assert client.get(f"{LIST}3.pdf").status_code == 404


def test_who_gets_no_reports(world, report):
    for role in ("resident", "stranger", "outsider"):
        assert world.as_(role).get(f"{LIST}1.pdf").status_code in (403, 404)
    assert "No report yet" not in text(world.as_("owner").get(LIST))


def test_more_reports_ask_no_more(world, report):
    def asked(url):
        with CaptureQueriesContext(connection) as queries:
            text(world.as_("installer").get(url))
        return len(queries)

    asked(LIST)
    few = asked(LIST), asked(FORM)
    for number in range(2, 6):
        report.pk, report.number = None, number
        report.save()
    assert (asked(LIST), asked(FORM)) == few
