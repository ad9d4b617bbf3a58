"""A building becomes meters with addresses on buses, and what carries them; once."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.apps.equipment.planning import WORDS, Building, Dwelling, amperes_of, plan, rules

NAMES = {word: word for word in WORDS}
AT = datetime(2026, 11, 2, 9, tzinfo=UTC)


def dwellings(count):
    return tuple(Dwelling(f"Flat {n}") for n in range(1, count + 1))


def test_a_building_of_the_manual():
    made = plan(Building(dwellings(12), 250, (Decimal(30), Decimal(80)), commons=2), NAMES)
    assert [(one.ref, one.address) for one in made.meters] == [
        ("entry", "10"),
        ("pv-1", "101"),
        ("pv-2", "102"),
        *((f"el-{n:03}", str(10 + n)) for n in range(1, 13)),
        ("common-1", "23"),
        ("common-2", "24"),
    ]
    transformers = {one.ref: one.transformer_a for one in made.meters if one.transformer_a}
    assert transformers == {"entry": 250, "pv-2": 116}
    assert [(bus.name, bus.host) for bus in made.buses] == [("rs485-1", "192.168.1.21")]
    assert [(one.ref, one.kind) for one in made.devices] == [
        ("router", "router_lan"),
        ("converter-rs485-1", "converter"),
    ]


def test_heat_water_laundry_and_bikes():
    building = Building(
        dwellings(40), has_heat=True, has_cold_water=True, machines=3, sockets=8, appliances=2,
        stations=31, has_lan=False, boards=2,
    )  # fmt: skip
    made = plan(building, NAMES)
    by_bus = Counter(one.bus for one in made.meters)
    assert by_bus == {"rs485-1": 22, "rs485-2": 21, "mbus-1": 60, "mbus-2": 22, "": 11}
    kinds = Counter(one.kind for one in made.devices)
    assert kinds == {
        "router_4g": 1, "converter": 4, "access_point": 1, "switch": 1, "rfid_reader": 2,
        "relay": 2,
    }  # fmt: skip
    heat = [one.address for one in made.meters if one.bus == "mbus-1"]
    assert heat[:3] == ["1", "2", "3"]
    assert sum(one.ref.startswith("ev-") for one in made.meters) == 2


def test_amperes():
    assert amperes_of(Decimal("55.4")) == 80
    assert amperes_of(Decimal("55.5")) == 81


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(0, 200), commons=st.integers(0, 200), boards=st.integers(1, 20),
    plants=st.integers(0, 20), heat=st.booleans(), stations=st.integers(0, 200),
)  # fmt: skip
def test_no_two_meters_answer_at_one_address(count, commons, boards, plants, heat, stations):
    made = plan(
        Building(
            dwellings(count), plants_kwp=(Decimal(10),) * plants, commons=commons, has_heat=heat,
            stations=stations, boards=boards,
        ),
        NAMES,
    )  # fmt: skip
    places = [(one.bus, one.address) for one in made.meters]
    assert len(set(places)) == len(places)
    assert len({one.ref for one in made.meters}) == len(made.meters)
    limits = rules()["limits"]
    most = {True: limits["mbus_meters"], False: limits["bus_meters"]}
    for bus, held in Counter(one.bus for one in made.meters).items():
        assert held <= most[bus.startswith("mbus")]
    for one in made.meters:
        if one.bus.startswith("rs485") and one.mode == "consumption":
            assert 11 <= int(one.address) <= 100
    assert len({bus.host for bus in made.buses}) == len(made.buses)


@pytest.fixture
def door(small):
    from quartier.apps.equipment.bulk import Door

    return Door(small.site, AT, "t", lambda _: {})


@pytest.mark.django_db
@pytest.mark.db
def test_a_plan_is_made_real_once_and_changes_nothing_that_is_there(door, small):
    from quartier.apps.audit.models import Event
    from quartier.apps.equipment.configuration import content_of
    from quartier.apps.equipment.models import Assignment, CommunicationDevice, Gateway, Meter
    from quartier.apps.equipment.planned import dwellings_of, realize

    building = Building(dwellings_of(small.site), plants_kwp=(Decimal(9),), has_heat=True)
    made = plan(building, NAMES)
    added = realize(door, made, {}, from_date=date(2026, 11, 1))
    assert (added.gateway, added.buses) == ("s1-gateway", ("rs485-1", "mbus-1"))
    assert added.meters == ("entry", "pv-1", "el-w1", "el-w2", "heat-main", "heat-w1", "heat-w2")
    told = content_of(Gateway.objects.get())
    assert {one.name: one.address for one in told.meters}["el-w2"] == "12"
    assert Assignment.objects.get(meter__ref="el-w1").billing_point == small.flat
    assert CommunicationDevice.objects.filter(state="planned").count() == len(made.devices)
    Meter.objects.filter(ref="el-w1").update(name="Mine")
    again = realize(door, made, {}, from_date=date(2026, 11, 1))
    assert again.count == 0
    assert Meter.objects.get(ref="el-w1").name == "Mine"
    more = plan(replace(building, plants_kwp=(Decimal(9), Decimal(5))), NAMES)
    assert realize(door, more, {}).meters == ("pv-2",)
    assert Event.objects.filter(action="site.plan").count() == 2


@pytest.mark.django_db
@pytest.mark.db
def test_all_of_a_plan_or_nothing(door, small):
    from quartier.apps.equipment.bulk import Refused
    from quartier.apps.equipment.models import CommunicationDevice, Gateway, Meter
    from quartier.apps.equipment.planned import dwellings_of, realize

    made = plan(Building(dwellings_of(small.site)), NAMES)
    made.meters[1] = replace(made.meters[1], address="10")
    with pytest.raises(Refused):
        realize(door, made, {})
    for model in (CommunicationDevice, Gateway, Meter):
        assert not model.objects.exists()
