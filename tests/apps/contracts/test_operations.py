from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from quartier.apps.audit.models import Event
from quartier.apps.contracts import protection
from quartier.apps.contracts.models import PriceSheet
from quartier.apps.contracts.operations import BadSheet, Refused, move, set_prices, undo_move
from quartier.apps.contracts.protection import Billed
from quartier.apps.contracts.queries import (
    holder_on,
    occupancies_in,
    price_sheets_for,
    unheld_in,
)
from quartier.core.invoicing.document import CapStatus
from quartier.core.kernel.period import Dates
from quartier.core.rating import sheet as rating

pytestmark = [pytest.mark.django_db, pytest.mark.db]

JANUARY, MARCH, APRIL, JULY = (date(2025, month, 1) for month in (1, 3, 4, 7))
YEAR = Dates(JANUARY, date(2026, 1, 1))
BY = {"by": "anna@example.ch", "at": datetime(2025, 1, 1, tzinfo=UTC)}


@pytest.fixture
def billed():
    ends = {}
    protection.register("test", lambda ids: {key: ends[key] for key in ids if key in ends})
    yield ends
    protection.register("test", lambda _ids: {})


def chain(point):
    return [
        (row.starts_date, row.party.ref, row.status, row.is_vacant)
        for row in point.occupancies.order_by("starts_date")
    ]


def test_the_first_move_leaves_the_time_before_to_the_owner(small):
    move(small.flat, MARCH, small.anna, **BY)
    assert chain(small.flat) == [
        (JANUARY, "owner", "owner", True),
        (MARCH, "anna", "tenant", False),
    ]
    (event,) = Event.objects.all()
    assert (event.action, event.actor, event.subject) == ("occupancy.move", BY["by"], "w1")
    assert event.site_id == small.site.pk


def test_moving_out_without_a_successor_is_a_vacancy_of_the_owner(small):
    move(small.flat, JANUARY, small.anna, **BY)
    move(small.flat, APRIL, None, **BY)
    move(small.flat, JULY, small.beat, status="co_owner", **BY)
    held = occupancies_in(small.site, Dates(MARCH, date(2025, 8, 1)))[small.flat.pk]
    assert [(one.party_id, one.status, one.is_vacant, one.dates) for one in held] == [
        (small.anna.pk, CapStatus.TENANT, False, Dates(MARCH, APRIL)),
        (small.owner.pk, CapStatus.OWNER, True, Dates(APRIL, JULY)),
        (small.beat.pk, CapStatus.CO_OWNER, False, Dates(JULY, date(2025, 8, 1))),
    ]
    assert holder_on(small.flat, date(2025, 6, 30)).party == small.owner
    assert holder_on(small.flat, JULY).party == small.beat
    assert holder_on(small.flat, date(2024, 12, 31)) is None


def test_a_move_on_the_day_of_another_replaces_it(small):
    move(small.flat, JANUARY, small.anna, **BY)
    move(small.flat, JANUARY, small.beat, **BY)
    assert chain(small.flat) == [(JANUARY, "beat", "tenant", False)]


def test_a_move_is_taken_back(small):
    move(small.flat, JANUARY, small.anna, **BY)
    move(small.flat, MARCH, small.beat, **BY)
    undo_move(small.flat, MARCH, **BY)
    assert chain(small.flat) == [(JANUARY, "anna", "tenant", False)]
    with pytest.raises(Refused, match="would leave a gap"):
        undo_move(small.flat, JANUARY, **BY)
    with pytest.raises(Refused, match="nobody moved"):
        undo_move(small.flat, MARCH, **BY)


def test_a_move_is_refused_where_it_cannot_be(small, billed):
    with pytest.raises(Refused, match="another organisation"):
        move(small.flat, JANUARY, small.stranger_party, **BY)
    with pytest.raises(Refused, match="begins on 2025-01-01"):
        move(small.flat, date(2024, 12, 31), small.anna, **BY)
    move(small.flat, JANUARY, small.anna, **BY)
    billed[small.flat.pk] = APRIL
    with pytest.raises(Billed, match="until 2025-04-01 it is billed"):
        move(small.flat, MARCH, small.beat, **BY)
    move(small.flat, APRIL, small.beat, **BY)
    billed[small.flat.pk] = JULY
    with pytest.raises(Billed, match="Taking back"):
        undo_move(small.flat, APRIL, **BY)


def test_a_place_that_nobody_holds_is_an_error(small):
    move(small.flat, JANUARY, small.anna, **BY)
    (finding,) = unheld_in(small.site, YEAR)
    assert finding.where == "billing point w2"
    assert unheld_in(small.site, Dates(date(2024, 12, 1), MARCH))[0].code == "contracts.unheld"


def sheet(ref="2025", price="0.30", first=JANUARY, end=date(2026, 1, 1), solution="electricity"):
    return rating.PriceSheet(
        ref=ref,
        title=ref,
        currency="CHF",
        valid=Dates(first, end),
        timezone="Europe/Zurich",
        components=(
            rating.Component(
                ref="grid",
                label=(("", "Strom"),),
                unit=rating.Unit.KWH,
                price=Decimal(price),
                vat=rating.Vat.SUPPLIER,
                price_includes_vat=True,
                is_internal=False,
                flow="grid",
                solution=solution,
            ),
        ),
    )


def test_prices_are_stored_once_and_read_back(small):
    first = set_prices(small.site, sheet(), **BY)
    assert set_prices(small.site, sheet(), **BY) == first
    assert Event.objects.count() == 1
    (row,) = price_sheets_for(small.flat, Dates(MARCH, JULY))
    assert row.sheet == sheet()
    assert row.dates == Dates(MARCH, JULY)
    assert row.sha256 == first.sha256


def test_a_sheet_with_a_hole_is_not_stored(small):
    broken = replace(sheet(), components=())
    with pytest.raises(BadSheet, match="no component"):
        set_prices(small.site, broken, **BY)
    with pytest.raises(BadSheet, match="not its flow solar"):
        set_prices(small.site, sheet(), flows=("solar", "grid"), **BY)
    assert not PriceSheet.objects.exists()


def test_a_sheet_for_some_replaces_the_general_one_there(small):
    set_prices(small.site, sheet(), **BY)
    set_prices(small.site, sheet("own", "0.2", MARCH, APRIL), [small.flat], **BY)
    set_prices(small.site, sheet("wash", "1", solution="laundry"), [small.flat], **BY)
    found = [(row.sheet.ref, row.dates) for row in price_sheets_for(small.flat, YEAR)]
    assert found == [
        ("2025", Dates(JANUARY, MARCH)),
        ("wash", YEAR),
        ("own", Dates(MARCH, APRIL)),
        ("2025", Dates(APRIL, date(2026, 1, 1))),
    ]
    (other,) = price_sheets_for(small.other_flat, YEAR)
    assert other.sheet.ref == "2025"


def test_billed_prices_do_not_change(small, billed):
    set_prices(small.site, sheet(), **BY)
    billed[small.flat.pk] = APRIL
    with pytest.raises(Billed, match="billed until 2025-04-01"):
        set_prices(small.site, sheet(price="0.31"), **BY)
    with pytest.raises(Billed):
        set_prices(small.site, sheet(end=MARCH), **BY)
    with pytest.raises(Billed):
        set_prices(small.site, sheet(), [small.other_flat], **BY)
    set_prices(small.site, sheet(end=APRIL), **BY)
    set_prices(small.site, sheet("new", "0.31", APRIL), **BY)
    found = [(row.sheet.ref, row.dates) for row in price_sheets_for(small.flat, YEAR)]
    assert found == [("2025", Dates(JANUARY, APRIL)), ("new", Dates(APRIL, date(2026, 1, 1)))]
