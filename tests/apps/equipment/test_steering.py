"""Appliances on the platform: what may be set up, what the gateway gets, what it tells."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from quartier.apps.audit.models import Event
from quartier.apps.equipment import configuration, gateways, steering, switching
from quartier.apps.equipment.gateways import BadSetUp
from quartier.apps.equipment.models import Appliance, Device, Gateway, Meter, Switch
from quartier.apps.metering.receive import receive_batch
from quartier.apps.sites.models import Site
from quartier.formats.uplink.appliances import SWITCHED, Grid, switch_code
from quartier.formats.uplink.batch import Batch, Column, Kind, Measurement
from quartier.formats.uplink.configuration import decode

pytestmark = [pytest.mark.django_db, pytest.mark.db]

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
NET = {"host": "192.168.1.20", "port": 502}
WHO = {"at": AT, "actor": "i@example.ch"}
SDM = gateways.How("eastron_sdm630", "SDM630-Modbus")


@pytest.fixture
def cellar(small):
    gateway = gateways.add_gateway(small.site, "linde-keller", **WHO)
    bus = gateways.add_bus(gateway, "rs485-1", "modbus_rtu_tcp", NET, **WHO)
    entry = Meter.objects.create(site=small.site, ref="entry", name="E", mode="grid")
    gateways.connect(bus, [gateways.Wanted(entry, "10")], SDM, **WHO)
    return gateway, bus, entry


def boiler(bus, ref="boiler", **more):
    about = {
        "site": bus.gateway.site,
        "bus": bus,
        "name": ref.title(),
        "driver": "waveshare_relay",
        "address": "200",
        "channels": [0],
        "output": "relay",
        "power_w": 3000,
        "mode": "solar",
    }
    return Appliance(ref=ref, **{**about, **more})


def told(gateway):
    return decode(configuration.newest(gateway)[1]).surplus


def test_the_gateway_gets_the_appliances_and_how_to_see_the_grid(cellar):
    gateway, bus, entry = cellar
    assert told(gateway) is None
    steering.save([boiler(bus)], **WHO)
    surplus = told(gateway)
    assert surplus.grid == Grid("entry", Decimal(1))
    (one,) = surplus.appliances
    assert (one.name, one.power_w, one.mode, one.output.channels) == ("boiler", 3000, "solar", (0,))
    Device.objects.create(meter=entry, serial="1", installed_at=AT, factor=Decimal("40.000000"))
    entry.is_swapped = True
    entry.save()
    assert told(gateway).grid == Grid("entry", Decimal(40), is_swapped=True)
    measured = Meter.objects.create(site=entry.site, ref="m1", name="M1")
    steering.save([boiler(bus, "pump", channels=[1], meter=measured)], **WHO)
    assert told(gateway).appliances[1].meter == "", "the gateway does not read it"
    gateways.connect(bus, [gateways.Wanted(measured, "11")], SDM, **WHO)
    assert told(gateway).appliances[1].meter == "m1"
    device = Device.objects.create(meter=measured, serial="2", installed_at=AT, factor=Decimal(40))
    assert told(gateway).appliances[1].meter == "", "it shows a 40th of what flows"
    device.delete()
    Meter.objects.filter(ref="m1").update(is_swapped=True)
    assert told(gateway).appliances[1].meter == ""


def test_a_switch_by_hand_reaches_the_gateway(cellar):
    gateway, bus, _ = cellar
    one = boiler(bus)
    steering.save([one], **WHO)
    with pytest.raises(BadSetUp, match="does not run by hand"):
        steering.press(one, True, **WHO)
    steering.choose(one, "manual", **WHO)
    before = configuration.newest(gateway)[0]
    steering.press(one, True, **WHO)
    assert told(gateway).appliances[0].is_pressed
    assert configuration.newest(gateway)[0] == before + 1
    steering.choose(one, "solar", **WHO)
    assert not told(gateway).appliances[0].is_pressed
    steering.remove(one, **WHO)
    assert told(gateway) is None
    acts = [event.action for event in Event.objects.order_by("id") if "appliance" in event.action]
    assert acts == ["appliance.add", *["appliance.change"] * 3, "appliance.remove"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"channels": [8]}, "has the relays 1 to 8"),
        ({"channels": []}, "all else needs one"),
        ({"channels": [0, 1]}, "all else needs one"),
        ({"output": "sg_ready"}, "SG Ready needs two relays"),
        ({"output": "motor"}, "is no kind of output"),
        ({"driver": "nobody"}, "there is no driver 'nobody'"),
        ({"driver": "eastron_sdm630"}, "has the relays 1 to 0"),
        ({"driver": "shelly_pro_4pm"}, "does not fit the bus"),
        ({"settings": {"first": "x"}, "driver": "generic_relays"}, "first"),
        ({"address": ""}, "give the address"),
        ({"address": "999"}, "no gateway can be set up so"),
        ({"mode": "timer"}, "runs by timer and has no window"),
        ({"daily_s": 3600, "complete_by_minute": 30}, "daily_s is longer"),
        ({"output": "sg_ready", "channels": [0, 1], "sg_state": 2}, "sg_state is 3 or 4"),
    ],
)
def test_what_no_gateway_could_do_is_refused_and_nothing_is_stored(cellar, more, says):
    _, bus, _ = cellar
    with pytest.raises(BadSetUp, match=says):
        steering.save([boiler(bus, "first", channels=[7]), boiler(bus, **more)], **WHO)
    assert not Appliance.objects.exists()


def test_a_relay_switches_one_appliance_and_a_reference_names_one(cellar):
    _, bus, _ = cellar
    steering.save([boiler(bus)], **WHO)
    with pytest.raises(BadSetUp, match="relay 1 switches Boiler already"):
        steering.save([boiler(bus, "pump")], **WHO)
    with pytest.raises(BadSetUp, match="has this reference already"):
        steering.save([boiler(bus, channels=[1])], **WHO)
    other = gateways.add_bus(bus.gateway, "plug", "shelly", NET, **WHO)
    steering.save([boiler(other, "fan", driver="shelly_pro_4pm", address="7")], **WHO)
    assert Appliance.objects.get(ref="fan").address == "", "a Shelly has none"
    Meter.objects.get(ref="entry").connection.delete()
    with pytest.raises(BadSetUp, match="appliances are switched over rs485-1"):
        gateways.remove_bus(bus, **WHO)


def test_without_one_meter_at_the_grid_entry_nothing_can_follow_the_sun(cellar):
    _, bus, entry = cellar
    second = Meter.objects.create(site=entry.site, ref="entry-2", name="E2", mode="grid")
    gateways.connect(bus, [gateways.Wanted(second, "9")], SDM, **WHO)
    with pytest.raises(BadSetUp, match="more than one meter at the grid entry: entry, entry-2"):
        steering.save([boiler(bus)], **WHO)
    gateways.disconnect([entry, second], **WHO)
    with pytest.raises(BadSetUp, match="cannot tell a surplus"):
        steering.save([boiler(bus)], **WHO)
    steering.save([boiler(bus, mode="on")], **WHO)
    assert told(bus.gateway).grid is None


def test_an_appliance_stays_on_its_site(cellar, small):
    _, bus, _ = cellar
    steering.save([boiler(bus)], **WHO)
    other = Site.objects.create(organisation=small.organisation, ref="s2", name="Other")
    there = Meter.objects.create(site=other, ref="m1", name="M1")
    with pytest.raises(BadSetUp, match="is not on this site"):
        steering.save([boiler(bus, "pump", site=other)], **WHO)
    for column, value in (("site_id", other.pk), ("meter_id", there.pk)):
        with (
            pytest.raises(DatabaseError, match=r"its (own )?site"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"UPDATE equipment_appliance SET {column} = %s", [value])


def batch(gateway, values, first=1, name="boiler"):
    made = tuple(Measurement(AT + timedelta(minutes=n), Decimal(v)) for n, v in values)
    column = Column(name, SWITCHED, Kind.SWITCH, made)
    return Batch(gateway.name, "0" * 32, first, first + len(made) - 1, AT, (column,))


def test_switches_are_kept_once_and_forgotten_after_a_year(cellar):
    gateway, bus, _ = cellar
    steering.save([boiler(bus)], **WHO)
    on, off = switch_code(True, "surplus"), switch_code(False, "no_surplus")
    for sent in (batch(gateway, [(0, on), (20, off)]), batch(gateway, [(0, on), (20, off)])):
        accepted = receive_batch(gateway, sent, received_at=AT + timedelta(hours=1))
        assert accepted.findings[1:] == []
    rows = list(Switch.objects.order_by("switched_at").values_list("is_on", "reason"))
    assert rows == [(True, "surplus"), (False, "no_surplus")]
    later = AT + switching.LIVES + timedelta(minutes=10)
    switching.keep(gateway, batch(gateway, [(30, on)], 3), at=later)
    kept = Switch.objects.order_by("switched_at").values_list("switched_at", flat=True)
    assert list(kept) == [AT + timedelta(minutes=n) for n in (20, 30)]


def test_what_cannot_be_understood_is_said_and_costs_nothing_else(cellar):
    gateway, bus, _ = cellar
    steering.save([boiler(bus)], **WHO)
    on = switch_code(True, "surplus")
    found = switching.keep(gateway, batch(gateway, [(0, 99), (1, "0.5"), (2, -1), (3, on)]), at=AT)
    assert [one.code for one in found] == ["gateway.odd_switch"] * 3
    assert Switch.objects.count() == 1
    found = switching.keep(gateway, batch(gateway, [(60, on)]), at=AT)
    assert [one.code for one in found] == ["gateway.odd_switch"], "in the future"
    found = switching.keep(gateway, batch(gateway, [(0, on)], name="gone"), at=AT)
    assert [one.code for one in found] == ["gateway.no_appliance"]
    stranger = Gateway.objects.create(site=gateway.site, name="other")
    found = switching.keep(stranger, batch(stranger, [(0, on)]), at=AT)
    assert [one.code for one in found] == ["gateway.no_appliance"], "another gateway's"


def test_a_batch_without_switches_asks_nothing_and_more_of_them_ask_no_more(cellar):
    gateway, bus, _ = cellar
    steering.save([boiler(bus)], **WHO)
    empty = Batch(gateway.name, "0" * 32, 1, 1, AT, ())
    with CaptureQueriesContext(
        connection,
    ) as asked:
        switching.keep(gateway, empty, at=AT)
    assert len(asked) == 0
    counts = []
    for few in (2, 200):
        values = [(n / 60 - few, switch_code(n % 2 == 0, "surplus")) for n in range(few)]
        with CaptureQueriesContext(connection) as asked:
            switching.keep(gateway, batch(gateway, values), at=AT)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 4


def test_the_configuration_asks_as_often_for_more_appliances(cellar):
    gateway, bus, _ = cellar
    counts = []
    for n in range(3):
        steering.save(
            [boiler(bus, f"a{n}-{c}", channels=[c]) for c in range(n * 2, n * 2 + 2)], **WHO
        )
        with CaptureQueriesContext(connection) as asked:
            configuration.content_of(gateway)
        counts.append(len(asked))
    assert len(set(counts)) == 1
