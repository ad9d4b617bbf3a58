"""The printed report: what it says, in four languages."""

import contextlib
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.apps.documents.commissioning import CannotIssue, pdf_of
from quartier.apps.documents.commissioning_page import TEMPLATE, page_of
from quartier.apps.documents.render import printed
from quartier.apps.documents.texts import languages, texts_in
from tests.apps.documents.pdf_reader import pages_of

CONTENT = {
    "version": 1,
    "number": 3,
    "language": "en",
    "timezone": "Europe/Zurich",
    "at": "2026-11-23T07:30:00+00:00",
    "operator": "Nordstrom AG",
    "site": {"ref": "linde", "name": "Lindenhof", "street": "Lindenweg 4", "town": "8000 Zürich"},
    "installer": "Erika Muster",
    "company": "Elektro AG",
    "by": "erika@example.ch",
    "note": "The cellar is damp.",
    "is_sun_off": True,
    "gateways": [{"name": "linde-cellar", "serial": "", "software": "0.1.0"}],
    "open": [
        {"meter": "m001", "name": "Flat 1", "message": "Phase 2 shows -230 W.",
         "remark": "On Monday"},
        {"meter": "m002", "name": "Flat 2", "message": "", "remark": "No access"},
    ],
    "meters": [
        {
            "ref": f"m{number:03}",
            "name": f"Flat {number}",
            "mode": "consumption",
            "medium": "electricity",
            "serial": "4711",
            "bus": "rs485-1",
            "address": "11",
            "driver": "eastron_sdm630 SDM630-Modbus",
            "read_at": "2026-11-23T07:29:30+00:00",
            "phases": [["233.1", "2.25", "460"], ["234", None, "-230"], [None, None, None]],
            "power_w": "1380.4",
            "import": "8123500",
            "export": None,
            "state": "fault",
            "verdicts": [
                {"check": "voltage", "state": "good", "message": ""},
                {"check": "direction", "state": "fault", "message": "Phase 2 shows -230 W."},
                {"check": "balance", "state": "unknown", "message": ""},
            ],
            "waits": True,
            "compared": [
                {"obis": "1-1:1.8.0", "shown": "8123000", "read": "8123500",
                 "at": "2026-11-20T08:00:00+00:00", "by": "erika@example.ch"}
            ],
        }
        for number in range(1, 8)
    ],
}  # fmt: skip


def text_of(pdf):
    return " ".join(" ".join(page.text for page in pages_of(pdf)).split())


def made(language="en", **changes):
    content = {**CONTENT, "language": language, **changes}
    return printed(TEMPLATE, page_of(content, "ab" * 32), date(2026, 11, 23))


def test_it_says_what_was_found_who_answers_and_what_is_left_open():
    text = text_of(made())
    for said in (
        "Meter inspection report 3",
        "Lindenhof, Lindenweg 4, 8000 Zürich",
        "23.11.2026 08:30 (UTC+01:00)",
        "Erika Muster, Elektro AG",
        "switched off for the test",
        "Phase 2 shows -230 W. Remark: On Monday",
        "Not compared with the display yet Remark: No access",
        "The cellar is damp.",
        "L1 233.1 2.25 460",
        "L2 234.0 – −230",
        "1'380 W",
        "8'123.5 kWh",
        "display 8'123.000 kWh, read 8'123.500 kWh",
        "rs485-1 · 11 · eastron_sdm630 SDM630-Modbus",
        "ab" * 32,
        "Page 1 of",
        "Flat 7 (m007)",
    ):
        assert said in text, said


@given(st.text(max_size=40), st.text(min_size=1, max_size=20))
@settings(max_examples=10, deadline=None)
def test_whatever_is_typed_is_printed_or_refused(note, name):
    content = {**CONTENT, "note": note, "installer": name}
    with contextlib.suppress(CannotIssue):
        assert pdf_of(content, "ab" * 32, date(2026, 11, 23)).startswith(b"%PDF")


@pytest.mark.parametrize("typed", ["👍", "漢", "\x01"])
def test_a_character_that_no_font_has_is_named(typed):
    with pytest.raises(CannotIssue, match="cannot be printed"):
        pdf_of({**CONTENT, "note": f"All is {typed}"}, "ab" * 32, date(2026, 11, 23))


def test_the_same_content_gives_the_same_bytes():
    assert made() == made()
    assert made() != made(note="")


@pytest.mark.parametrize("language", languages())
def test_each_language_prints(language):
    text = text_of(made(language, open=[]))
    words = texts_in(language)["inspection"]
    for key in ("title", "nothing_open", "signature", "state_fault", "check_balance"):
        assert " ".join(words[key].split()) in text, key


def test_water_is_told_in_cubic_meters_and_a_meter_never_read_says_so():
    meter = {**CONTENT["meters"][0], "medium": "cold_water", "phases": [], "read_at": None}
    text = text_of(made(meters=[meter]))
    assert "8'123.5 m³" in text
    assert "Read never" in text
