"""The door for tables of meters: what a spreadsheet saves is read, what harms is refused."""

import io
import zipfile
from contextlib import suppress

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.meter_table.columns import CHOICES, COLUMNS, LANGUAGES, choice_of, column_of
from quartier.formats.meter_table.draft import Faults
from quartier.formats.meter_table.lines import drafts_of
from quartier.formats.meter_table.pattern import Pattern, lines_of_pattern
from quartier.formats.meter_table.read import BadTable, lines_of
from quartier.formats.meter_table.template import template


def workbook(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def drafts(data):
    faults = Faults()
    return drafts_of(lines_of(data), faults), faults.found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_template_is_read_in_every_language(language):
    book = openpyxl.load_workbook(io.BytesIO(template(language)))
    sheet = book.active
    names = [cell.value for cell in sheet[1]]
    assert [column_of(name) for name in names] == list(COLUMNS)
    sheet["A2"], sheet["B2"] = "f1", "Wohnung 1"
    for place, key in enumerate(COLUMNS, 1):
        if key in CHOICES:
            words = next(iter(CHOICES[key].values()))
            sheet.cell(2, place, words[LANGUAGES.index(language)])
    out = io.BytesIO()
    book.save(out)
    (draft,), faults = drafts(out.getvalue())
    assert not faults
    assert (draft.row, draft.ref, draft.medium, draft.plan) == (
        2, "f1", "electricity", "quarter_hour",
    )  # fmt: skip


def test_no_word_means_two_things():
    for key, words in COLUMNS.items():
        assert {column_of(word) for word in words} == {key}
    for column, table in CHOICES.items():
        for key, words in table.items():
            assert {choice_of(column, word) for word in words} == {key}


def test_cells_of_a_spreadsheet_are_what_people_see_in_them():
    head = ["ref", "Name", "Seriennummer", "Adresse", "Eingebaut", "Sicherung (A)", "Messpunkt"]
    data = workbook(head, [11, "Flat", 94158192.0, 12.0, "1.11.2026", "40,5", "CH 10"])
    (draft,), faults = drafts(data)
    assert not faults
    assert (draft.ref, draft.serial, draft.address) == ("11", "94158192", "12")
    assert draft.installed.isoformat() == "2026-11-01"
    assert str(draft.fuse_a) == "40.5"
    assert draft.metering_point == "CH10"


def bomb():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", bytes(40 * 2**20))
    return out.getvalue()


def unsolved():
    return workbook(["ref", "name"], ["f1", '=HYPERLINK("http://x")'])


def sparse():
    book = openpyxl.Workbook()
    book.active.append(["ref", "name"])
    book.active.cell(1_048_576, 400, "z")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


REFUSED = [
    (sparse(), "more than 1000 rows"),
    (bomb(), "unpacks to more than 32 MiB"),
    (b"x" * (2 * 2**20 + 1), "larger than 2 MiB"),
    (b"", "empty"),
    (b"PK\x03\x04 nonsense", "not an XLSX"),
    (unsolved(), "formulas"),
    (b"ref,name\n" + b"a,b\n" * 100_000, "more than 500 meters"),
    (workbook(["ref", "name"], *[["a", "b"]] * 501), "more than 500 meters"),
    (b"ref,nmae\n", "did you mean name"),
    (b"ref,ref\n", "there twice"),
    (b"name\nx\n", "'ref' is missing"),
    (b"ref,name,\na,b,c\n", "without a heading"),
    (b"ref,name\na,b,c\n", "beyond the last column"),
    (b"\xff\xfea\0", "UTF-16"),
    (b"ref,name\n\x00,b\n", "binary"),
]


@pytest.mark.parametrize(("data", "words"), REFUSED, ids=[words for _data, words in REFUSED])
def test_what_harms_is_refused(data, words):
    with pytest.raises(BadTable, match=words):
        lines_of(data)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_door(data):
    with suppress(BadTable):
        found, faults = drafts(data)
        assert len(found) + len({one.row for one in faults}) <= 300


CELL = st.text(max_size=20) | st.integers() | st.floats() | st.booleans() | st.dates()


@given(st.lists(st.lists(CELL, min_size=4, max_size=4), max_size=3))
def test_no_cell_breaks_the_door(rows):
    import csv

    out = io.StringIO()
    csv.writer(out).writerows([["ref", "name", "installed", "fuse_a"], *rows])
    try:
        found, faults = drafts(out.getvalue().encode("utf-8", "replace"))
    except BadTable:
        return
    named = {one.row for one in faults}
    assert all(draft.row not in named for draft in found)


def test_a_pattern_needs_a_number_and_enough_billing_points():
    lines = lines_of_pattern(Pattern(2, "f{n:02}", "Flat {n}", first_number=9, first_address=11))
    assert [dict(line.cells) for line in lines] == [
        {"ref": "f09", "name": "Flat 9", "address": "11"},
        {"ref": "f10", "name": "Flat 10", "address": "12"},
    ]
    for pattern, words in (
        (Pattern(2, "f", "F"), "needs {n}"),
        (Pattern(501, "f{n}", "F"), "from 1 to 500"),
        (Pattern(2, "f{n}", "F", billing_points=["w1"]), "1 billing points for 2"),
    ):
        with pytest.raises(BadTable, match=words):
            lines_of_pattern(pattern)
