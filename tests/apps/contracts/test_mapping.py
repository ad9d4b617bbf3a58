"""What is stored of prices comes back whole, or not at all."""

import copy
from datetime import date
from decimal import Decimal

import pytest

from quartier.apps.contracts.mapping import StoredByNewer, content_of, sheet_of
from quartier.apps.contracts.models import PriceSheet
from quartier.core.kernel.period import Dates
from quartier.core.rating.sheet import Component, Share, Unit, Vat, labels
from quartier.core.rating.sheet import PriceSheet as Sheet
from quartier.core.rating.windows import Season, Window, Windows

SHEET = Sheet(
    ref="2026",
    title="2026",
    currency="CHF",
    valid=Dates(date(2026, 1, 1)),
    timezone="Europe/Zurich",
    components=tuple(
        Component(
            ref=f"c{position}",
            label=labels({"de": "Solar", "fr": "Solaire"}),
            unit=Unit.KWH,
            price=price,
            vat=Vat.SUPPLIER,
            price_includes_vat=False,
            is_internal=True,
            season=Season(4, 1, 10, 1),
        )
        for position, price in enumerate((Decimal("0.10"), Share(Decimal(80))))
    ),
    windows=(Windows("ekz", (Window((0, 1), 420, 1200),)),),
)


def row_of(content):
    return PriceSheet(ref="2026", content=content)


def test_a_stored_sheet_comes_back():
    content, _ = content_of(SHEET)
    assert sheet_of(row_of(content)) == SHEET


def dicts_in(value, path=()):
    if isinstance(value, dict):
        yield path
        for name, one in value.items():
            yield from dicts_in(one, (*path, name))
    elif isinstance(value, list):
        for position, one in enumerate(value):
            yield from dicts_in(one, (*path, position))


def test_a_field_that_this_version_does_not_know_is_refused_wherever_it_stands():
    content, _ = content_of(SHEET)
    places = list(dicts_in(content))
    assert {"valid", "components", "windows"} <= {path[0] for path in places if path}
    for path in places:
        newer = copy.deepcopy(content)
        inner = newer
        for step in path:
            inner = inner[step]
        inner["rebate"] = "0.05"
        with pytest.raises(StoredByNewer, match=r"rebate.*install"):
            sheet_of(row_of(newer))


def test_a_sheet_stored_before_a_field_came_is_read():
    content, _ = content_of(SHEET)
    assert SHEET.limits_to_cap is False
    del content["limits_to_cap"]
    assert sheet_of(row_of(content)) == SHEET
