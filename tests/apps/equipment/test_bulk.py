"""Adding meters: what is previewed is what is committed, and never a part of it."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartier.apps.audit.models import Event
from quartier.apps.equipment.bulk import Door, Refused, insert, preview
from quartier.apps.equipment.gateways import add_bus, add_gateway
from quartier.apps.equipment.models import Assignment, Connection, Device, Meter, Register
from quartier.apps.sites.models import BillingPoint
from quartier.formats.meter_table.draft import Draft, Faults
from quartier.formats.meter_table.lines import drafts_of
from quartier.formats.meter_table.pattern import Pattern, lines_of_pattern
from quartier.formats.meter_table.read import lines_of

pytestmark = [pytest.mark.django_db, pytest.mark.db]

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
BY = {"at": AT, "actor": "installer"}


def nothing_billed(_points):
    return {}


@pytest.fixture
def door(small):
    gateway = add_gateway(small.site, "cellar", **BY)
    add_bus(gateway, "rs485", "modbus_rtu_tcp", {"host": "10.0.0.2", "port": 502}, **BY)
    return Door(small.site, AT, "installer", nothing_billed)


def drafts(text):
    faults = Faults()
    found = drafts_of(lines_of(text.encode()), faults)
    return found, tuple(faults.found)


TABLE = """Referenz;Name;Modell;Gateway;Adresse;Seriennummer;Eingebaut
e1;Netz;SDM630M;cellar;10;111;01.11.2026
f1;Wohnung 1;SDM630M;cellar;11;;
f2;Wohnung 2;SDM630M;cellar;12;;
"""


def test_a_table_is_previewed_added_and_changes_nothing_a_second_time(door):
    rows, faults = drafts(TABLE)
    seen = preview(door, rows, faults)
    assert not seen.faults
    assert [one.ref for one in seen.new] == ["e1", "f1", "f2"]
    assert not Meter.objects.exists()
    assert insert(door, rows, faults, seen=seen.digest) == seen
    assert set(Connection.objects.values_list("meter__ref", "bus__name", "address", "model")) == {
        (ref, "rs485", address, "SDM630M")
        for ref, address in (("e1", "10"), ("f1", "11"), ("f2", "12"))
    }
    assert Device.objects.get().installed_at == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert Register.objects.filter(obis="1-1:1.8.0").count() == 3
    before = Event.objects.count()
    again = insert(door, rows, faults)
    assert (again.new, again.unchanged) == ((), ("e1", "f1", "f2"))
    assert Event.objects.count() == before


def test_a_pattern_gives_meters_in_the_order_of_the_billing_points(door, small):
    refs = list(BillingPoint.objects.filter(site=small.site).values_list("ref", flat=True))
    pattern = Pattern(
        len(refs),
        "w{n:03}",
        "Flat {n}",
        first_address=11,
        billing_points=refs,
        same={"driver": "SDM630M", "gateway": "cellar"},
    )
    faults = Faults()
    insert(door, drafts_of(lines_of_pattern(pattern), faults), faults.found)
    found = Assignment.objects.order_by("meter__ref").values_list(
        "meter__ref", "billing_point__ref", "meter__connection__address"
    )
    assert list(found) == [(f"w{n:03}", ref, str(10 + n)) for n, ref in enumerate(refs, 1)]
    assert {row.starts_date for row in Assignment.objects.all()} == {date(2026, 11, 23)}


def test_more_meters_ask_no_more(door):
    def asked(first, last):
        rows = [
            draft(ref=f"m{n}", driver="SDM630M", gateway="cellar", address=str(n), fuse_a=n)
            for n in range(first, last)
        ]
        with CaptureQueriesContext(connection) as queries:
            insert(door, rows)
        return len(queries)

    asked(1, 3)
    assert asked(3, 6) == asked(6, 40)


def test_a_planned_meter_keeps_its_model_without_a_gateway(door):
    insert(door, [Draft(row=1, ref="h1", name="H1", medium="heat", driver="mbus_meter")])
    row = Connection.objects.get()
    assert (row.bus, row.driver, row.plan) == (None, "mbus_meter", "day")
    assert not Device.objects.exists()


FAULTS = [
    ("f1;F;SDM630M;cellar;0", "address", "an address from 1 to 247"),
    ("f1;F;SDM630M;cellar;", "address", "is empty"),
    ("f1;F;SDM631M;cellar;11", "driver", "did you mean SDM630M"),
    ("f1;F;eastron_sdm630;cellar;11", "driver", "several models"),
    ("f1;F;mbus_meter;cellar;11", "driver", "M-Bus"),
    ("f1;F;generic_modbus;cellar;11", "driver", "missing"),
    ("f1;F;SDM630M;attic;11", "gateway", "no gateway"),
    ("f1;F;;cellar;11", "driver", "what model"),
    ("f1;F;SDM630M;cellar;11\nf2;F;SDM630M;cellar;11", "address", "f1 has the address 11"),
    ("f1;F;;;\nf1;G;;;", "ref", "more than once"),
    ("f 1;F;;;", "ref", "no reference"),
    ("f1;;;;", "name", "is empty"),
    ("f1;=1+1;;;", "name", "formula"),
]


@pytest.mark.parametrize(("lines", "column", "words"), FAULTS)
def test_every_fault_is_named_by_row_and_column_and_nothing_is_added(door, lines, column, words):
    rows, faults = drafts(f"ref;name;model;gateway;address\nok;Good;;;\n{lines}\n")
    seen = preview(door, rows, faults)
    last = 2 + len(lines.splitlines())
    assert [(one.row, one.column) for one in seen.faults][-1] == (last, column)
    assert words in seen.faults[-1].text
    with pytest.raises(Refused) as refused:
        insert(door, rows, faults)
    assert refused.value.outcome == seen
    assert not Meter.objects.exists()


def draft(**values):
    return Draft(**{"row": 1, "ref": "m", "name": "M", **values})


MORE = [
    ({"source": "virtual"}, "rule", "needs a rule"),
    ({"source": "virtual", "rule": "m9"}, "rule", "no meter of this site"),
    ({"source": "virtual", "rule": "m"}, "rule", "needs itself"),
    ({"source": "virtual", "rule": "a *"}, "rule", "follows a meter"),
    ({"source": "virtual", "rule": "a", "medium": "heat"}, "rule", "something else"),
    ({"source": "virtual", "rule": "a", "serial": "1"}, "serial", "no device"),
    ({"rule": "a"}, "rule", "only a computed"),
    ({"source": "curve"}, "metering_point", "write it"),
    ({"metering_point": "CH1"}, "metering_point", "3 characters"),
    ({"serial": "1"}, "installed", "on what day"),
    ({"billing_point": "nowhere"}, "billing_point", "there is no billing point"),
    ({"billing_point": "w1", "mode": "grid"}, "billing_point", "consumption"),
    ({"name": "Other", "ref": "a"}, "name", "differs here"),
]


@pytest.mark.parametrize(("values", "column", "words"), MORE)
def test_what_does_not_fit_the_site_is_named(door, values, column, words):
    insert(door, [draft(ref="a", name="A")])
    found = preview(door, [draft(**values)]).faults
    assert (column, True) in [(one.column, words in one.text) for one in found], found


def test_what_was_billed_and_what_was_seen_are_kept(door, small):
    point = BillingPoint.objects.filter(site=small.site).first()
    billed = Door(door.site, AT, "x", lambda ids: dict.fromkeys(ids, date(2027, 1, 1)))
    rows = [draft(billing_point=point.ref)]
    assert "2027-01-01" in preview(billed, rows).faults[0].text
    seen = preview(door, [draft(), draft(ref="n", row=2)])
    insert(door, [draft()])
    with pytest.raises(Refused) as refused:
        insert(door, [draft(), draft(ref="n", row=2)], seen=seen.digest)
    assert "since the preview" in refused.value.outcome.faults[0].text


ROWS = st.lists(
    st.builds(
        dict,
        ref=st.sampled_from(["a", "b", "c", "d", "e/"]),
        name=st.sampled_from(["A", "B", "", "=x"]),
        medium=st.sampled_from(["", "electricity", "Wärme", "beer"]),
        source=st.sampled_from(["", "virtual", "register"]),
        rule=st.sampled_from(["", "a", "a - b", "d + a", "x"]),
        model=st.sampled_from(["", "SDM630M", "mbus_meter", "none"]),
        gateway=st.sampled_from(["", "cellar", "attic"]),
        address=st.sampled_from(["", "1", "2", "248"]),
    ),
    max_size=4,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tables=st.lists(ROWS, min_size=1, max_size=3))
def test_what_is_previewed_is_what_is_added(door, tables):
    Meter.objects.all().delete()
    for table in tables:
        head = list(table[0]) if table else ["ref", "name"]
        lines = [";".join(head), *(";".join(row.values()) for row in table)]
        rows, faults = drafts("\n".join(lines))
        before = set(Meter.objects.values_list("ref", flat=True))
        seen = preview(door, rows, faults)
        assert set(Meter.objects.values_list("ref", flat=True)) == before
        if seen.faults:
            with pytest.raises(Refused) as refused:
                insert(door, rows, faults, seen=seen.digest)
            assert refused.value.outcome == seen
            assert set(Meter.objects.values_list("ref", flat=True)) == before
            continue
        done = insert(door, rows, faults, seen=seen.digest)
        assert done == seen
        added = set(Meter.objects.values_list("ref", flat=True)) - before
        assert added == {one.ref for one in seen.new}
        again = preview(door, rows, faults)
        assert not again.new
        assert not again.faults
