"""A CSV file that a spreadsheet opens runs nothing."""

import csv
import io
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.portals.shared.lists import csv_response

TEXTS = st.text(alphabet="=+-@;,\t\r\n\"' a1", max_size=12)


def cells_of(*cells):
    response = csv_response("x", ["head"] * len(cells), [cells])
    text = response.content.decode("utf-8-sig")
    return text, list(csv.reader(io.StringIO(text, newline="")))[1]


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("=cmd|' /C calc'!A1", "'=cmd|' /C calc'!A1"),
        ("Haus;=cmd|' /C calc'!A1", "Haus;'=cmd|' /C calc'!A1"),
        ("Haus\n@SUM(1)", "Haus\n'@SUM(1)"),
        ("a-b+c=d@e", "a-b+c=d@e"),
        ("Haus; Hof", "Haus; Hof"),
        (Decimal("-1.50"), "-1.50"),
        (-3, "-3"),
        (None, ""),
    ],
)
def test_a_formula_becomes_text_and_numbers_stay(cell, shown):
    assert cells_of(cell)[1] == [shown]


def test_a_head_is_no_formula_either():
    assert "'=1 (kWh)" in csv_response("x", ["=1 (kWh)"], []).content.decode()


@given(TEXTS, TEXTS)
def test_no_text_begins_a_formula_whatever_the_separator(first, second):
    text, cells = cells_of(first, second)
    assert len(cells) == 2
    for separator in (";", "\t", "\r", "\n"):
        for cell in cells:
            assert not any(re.match(r"[=+\-@]", part) for part in cell.split(separator))
    assert not re.search(r"[;\t][=+\-@]", text)
