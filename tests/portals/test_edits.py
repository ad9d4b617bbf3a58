"""What forms change, and what they refuse."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartier.apps.audit.models import Event
from quartier.apps.contracts.mapping import sheet_of
from quartier.apps.contracts.models import Occupancy, PriceSheet
from quartier.apps.intake.models import Quarantine
from quartier.apps.parties.models import Party, User
from quartier.apps.sites.models import Note
from quartier.portals.operator.uploads import drop, keep, paths, safe_name
from tests.portals.conftest import BILLED_AT

pytestmark = [pytest.mark.django_db, pytest.mark.db]
MOVE = "/sites/linde/places/w003/move/"


def chain(world):
    rows = Occupancy.objects.filter(billing_point__ref="w003").order_by("starts_date")
    return [(row.starts_date, row.party.name, row.is_vacant) for row in rows]


def test_a_move_with_a_vacancy(world):
    client = world.as_("owner")
    data = {"out_date": "2026-11-17", "in_date": "2026-12-01", "name": "Nora Neu"}
    page = client.post(MOVE, {**data, "step": "review"})
    assert b"Nora Neu" in page.content
    assert len(chain(world)) == 1, "a review changes nothing"
    assert client.post(MOVE, {**data, "step": "commit"}).status_code == 302
    assert chain(world)[1:] == [
        (date(2026, 11, 18), "Eigentum AG", True),
        (date(2026, 12, 1), "Nora Neu", False),
    ]
    party = Party.objects.get(name="Nora Neu")
    assert (party.street, party.postcode) == ("Lindenweg", "8000")
    actors = set(Event.objects.filter(action="occupancy.move").values_list("actor", flat=True))
    assert actors == {"owner@example.ch"}


def test_a_move_without_vacancy_and_back(world):
    client = world.as_("operator")
    data = {"out_date": "2026-11-30", "in_date": "2026-12-01", "name": "Bewohner 1"}
    client.post(MOVE, {**data, "step": "commit"})
    assert chain(world)[1:] == [(date(2026, 12, 1), "Bewohner 1", False)]
    assert Party.objects.filter(name="Bewohner 1").count() == 1, "a known name is no new account"
    client.post(f"{MOVE}undo/", {"on": "2026-12-01"})
    assert len(chain(world)) == 1
    client.post(f"{MOVE}undo/", {"on": "2026-01-01"})
    assert len(chain(world)) == 1, "the first occupancy stays"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"in_date": "2026-12-01"},
        {"name": "Nora"},
        {"out_date": "2026-12-01", "in_date": "2026-11-01", "name": "Nora"},
        {"out_date": "yesterday", "in_date": "9999-99-99", "name": "Nora"},
        {"in_date": "2026-12-01", "name": "N" * 71},
        {"in_date": "2026-12-01", "name": "   "},
        {"in_date": "2026-12-01", "name": "N\x01ora"},  # no invoice to her could be printed
        {"in_date": "2026-08-15", "name": "Nora"},  # that is billed
        {"in_date": "2025-08-15", "name": "Nora"},
    ],
)
def test_a_bad_move_changes_nothing(world, data):
    page = world.as_("operator").post(MOVE, {**data, "step": "commit"})
    assert page.status_code == 200
    assert b"errors" in page.content or b"notice error" in page.content
    assert len(chain(world)) == 1
    assert not Party.objects.filter(name__startswith="N", ref__startswith="P-").exists()


def prices(world):
    rows = PriceSheet.objects.filter(site=world.site).order_by("starts_date")
    return [
        (row.starts_date, row.ends_date, {one.ref: one.price for one in sheet_of(row).components})
        for row in rows
    ]


def test_a_price_change_ends_one_sheet_and_begins_the_next(world):
    url = "/sites/linde/prices/linde-2026/change/"
    client = world.as_("owner")
    form = client.get(url).context["form"]
    data = {name: field.initial for name, field in form.fields.items() if field.initial is not None}
    data |= {"starts_date": "2026-12-01", "price-network": "0.1111", "step": "review"}
    page = client.post(url, data)
    assert [(one["before"], one["after"]) for one in page.context["changed"]] == [
        (Decimal("0.0980"), Decimal("0.1111"))
    ]
    assert len(prices(world)) == 1
    assert client.post(url, {**data, "step": "commit"}).status_code == 302
    (first, until, old), (since, end, new) = prices(world)
    assert (first, until, since, end) == (
        date(2026, 1, 1),
        date(2026, 12, 1),
        date(2026, 12, 1),
        date(2027, 1, 1),
    )
    assert old["network"] == Decimal("0.0980")
    assert new["network"] == Decimal("0.1111")
    assert {**old, "network": 0} == {**new, "network": 0}


@pytest.mark.parametrize(
    "change",
    [
        {"starts_date": "2026-08-01"},  # billed
        {"starts_date": "2027-01-01"},
        {"starts_date": ""},
        {"price-network": "NaN"},
        {"price-network": "1e400"},
        {"price-network": ""},
        {"price-network": "0.0980"},  # no change
    ],
)
def test_a_bad_price_change_changes_nothing(world, change):
    url = "/sites/linde/prices/linde-2026/change/"
    client = world.as_("operator")
    form = client.get(url).context["form"]
    data = {name: field.initial for name, field in form.fields.items() if field.initial is not None}
    data |= {"starts_date": "2026-12-01", "price-network": "0.2", "step": "commit", **change}
    page = client.post(url, data)
    assert page.status_code == 200
    assert page.context["form"].errors
    assert len(prices(world)) == 1


def test_a_stakeholder_writes_notes_that_others_see(world):
    data = {"text": "<b>x</b>", "kind": "note", "category": "other", "visibility": "private"}
    world.as_("installer").post("/sites/linde/notes/", data)
    note = Note.objects.get(text="<b>x</b>")
    assert note.visibility == "public"
    page = world.as_("owner").get("/sites/linde/notes/").content.decode()
    assert "&lt;b&gt;x&lt;/b&gt;" in page


def test_an_upload_of_nothing_and_of_nonsense_stores_nothing(world):
    from django.core.files.uploadedfile import SimpleUploadedFile

    from quartier.apps.intake.models import IntakeFile

    url = "/sites/linde/imports/new/"
    client = world.as_("installer")
    before = IntakeFile.objects.count()
    page = client.post(url, {"step": "preview", "kind": "sdat"})
    assert page.context["form"].errors
    for name, data in (
        ("bomb.xml", b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'),
        ("../../etc/passwd", b"\x00" * 100),
        ("a.zip", b"PK\x03\x04 not really"),
    ):
        for kind in ("sdat", "load-curve", "readings"):
            file = SimpleUploadedFile(name, data)
            page = client.post(url, {"step": "preview", "kind": kind, "files": file})
            assert page.status_code == 200, (name, kind)
            assert page.context["report"].count("rejected") == 1, (name, kind)
            assert b'value="commit"' not in page.content, "there is nothing to import"
    assert IntakeFile.objects.count() == before
    client.post(url, {"step": "cancel"})


def test_an_import_says_how_many_findings_it_does_not_show(world):
    from django.core.files.uploadedfile import SimpleUploadedFile

    files = [SimpleUploadedFile(f"{n}.csv", f"meter,no{n}\n".encode()) for n in range(32)]
    form = {"step": "preview", "kind": "readings", "files": files}
    page = world.as_("installer").post("/sites/linde/imports/new/", form)
    assert len(page.context["report"].findings) == 32
    text = page.content.decode()
    assert text.count('class="finding ') == 30
    assert "and 2 more" in text


def test_what_waits_for_a_meter_is_counted_though_not_all_of_it_is_shown(world):
    def put(count):
        Quarantine.objects.bulk_create(
            Quarantine(
                site=world.site,
                file=world.file,
                point=f"CH{number:031}",
                direction="import",
                part="total",
                first_slot=0,
                end_slot=1,
                since=BILLED_AT,
            )
            for number in range(count)
        )

    put(50)
    text = world.as_("installer").get("/sites/linde/imports/").content.decode()
    assert '<span class="count">50</span>' in text
    assert "and 1 more" not in text
    put(1)
    text = world.as_("installer").get("/sites/linde/imports/").content.decode()
    assert '<span class="count">51</span>' in text
    assert "and 1 more" in text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300))
def test_a_kept_name_is_only_a_name(name):
    safe = safe_name(name)
    assert safe
    assert len(safe) <= 120
    assert not safe.startswith(".")
    assert not set(safe) & set("/\\\x00")


def test_only_a_token_opens_kept_files():
    from django.core.files.uploadedfile import SimpleUploadedFile

    token = keep([SimpleUploadedFile("../x.csv", b"1"), SimpleUploadedFile("x.csv", b"2")], 0.0)
    assert [path.read_bytes() for path in paths(token)] == [b"1", b"2"]
    for bad in ("", "../" + token, token.upper() + "x", "*"):
        assert paths(bad) == []
    drop(token)
    assert paths(token) == []


def test_choices_and_units_are_in_the_readers_language(world):
    User.objects.filter(pk=world.users["owner"].pk).update(language="de")
    client = world.as_("owner")
    place = client.get("/sites/linde/places/w003/").content.decode()
    assert "Wohnung" in place
    assert "Apartment" not in place
    prices = client.get("/sites/linde/prices/linde-2026/change/").content.decode()
    assert "/Monat)" in prices
    assert "/month)" not in prices
