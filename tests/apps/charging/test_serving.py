"""A station that a gateway serves: what may be set, and what the gateway gets."""

from datetime import UTC, datetime

import pytest

from quartier.apps.audit.models import Event
from quartier.apps.charging import operations
from quartier.apps.charging.models import ChargingStation
from quartier.apps.charging.operations import BadStation, serve_from
from quartier.apps.equipment import configuration, gateways, steering
from quartier.apps.equipment.models import Meter
from quartier.apps.sites.models import Site
from quartier.cli import main
from quartier.formats.uplink.appliances import Grid, Surplus
from quartier.formats.uplink.configuration import decode
from quartier.gateway.surplus.charging import SteeredStations
from tests.apps.equipment.test_steering import NET, SDM, boiler

pytestmark = [pytest.mark.django_db, pytest.mark.db]

WHO = {"at": datetime(2026, 11, 1, 9, tzinfo=UTC), "actor": "i@example.ch"}


@pytest.fixture
def garage(small):
    """A gateway, and a station that connects to the platform still."""
    gateway = gateways.add_gateway(small.site, "linde-keller", **WHO)
    about = {"needs_password": True, "is_free": False, "tags": ["04A1B2C3"]}
    station, _ = operations.add(small.site, "TACW*1", "Garage 1", **about, **WHO)
    return gateway, station


def entry(gateway):
    bus = gateways.add_bus(gateway, "rs485-1", "modbus_rtu_tcp", NET, **WHO)
    meter = Meter.objects.create(site=gateway.site, ref="entry", name="E", mode="grid")
    gateways.connect(bus, [gateways.Wanted(meter, "10")], SDM, **WHO)
    return bus


def told(gateway):
    return decode(configuration.newest(gateway)[1])


def test_the_gateway_gets_the_station_with_its_badges_and_password(garage):
    gateway, station = garage
    assert configuration.newest(gateway) == (0, b"")
    serve_from(station, gateway, max_a=32, fallback_a=0, **WHO)
    found = told(gateway)
    (one,) = found.charging.stations
    assert (one.name, one.identity, one.tags) == ("TACW*1", "TACW*1", ("04A1B2C3",))
    assert (one.max_a, one.fallback_a, one.follows_sun) == (32, 0, False)
    assert one.password_sha256 == station.password_sha256 != ""
    assert found.surplus is None
    number = configuration.newest(gateway)[0]
    operations.enable(station, False, **WHO)
    assert told(gateway).charging is None
    operations.enable(station, True, **WHO)
    serve_from(station, None, **WHO)
    assert told(gateway).charging is None
    assert configuration.newest(gateway)[0] > number
    assert Event.objects.filter(action="station.serve").count() == 2


def test_one_order_with_the_appliances(garage):
    gateway, station = garage
    with pytest.raises(BadStation, match="not one meter at the grid entry"):
        serve_from(station, gateway, follows_sun=True, **WHO)
    bus = entry(gateway)
    serve_from(station, gateway, follows_sun=True, priority=2, **WHO)
    assert told(gateway).surplus == Surplus((), Grid("entry"))
    steering.save([boiler(bus, priority=1)], **WHO)
    found = told(gateway)
    assert [one.name for one in found.surplus.appliances] == ["boiler"]
    steered = SteeredStations(found.charging.stations, object(), lambda *_: None)
    assert [(one.name, one.priority) for one in steered.consumers] == [("TACW*1", 2)]


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"min_a": 5}, "min_a: Ensure this value is greater than or equal to 6"),
        ({"max_a": 126}, "max_a: Ensure this value is less than or equal to 125"),
        ({"phases": 4}, "phases: "),
        ({"min_a": 20}, "less at most than at least"),
        ({"fallback_a": 3}, "takes 0, or what lies between"),
        ({"fallback_a": 17}, "takes 0, or what lies between"),
        ({"priority": 1000}, "priority: "),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(garage, how, says):
    gateway, station = garage
    with pytest.raises(BadStation, match=says):
        serve_from(station, gateway, **how, **WHO)
    stored = ChargingStation.objects.get()
    assert (stored.gateway, stored.max_a, stored.phases) == (None, 16, 3)


def test_a_station_called_like_an_appliance_is_refused(garage):
    gateway, station = garage
    steering.save([boiler(entry(gateway), ref="TACW*1")], **WHO)
    with pytest.raises(BadStation, match="two appliances or stations called"):
        serve_from(station, gateway, **WHO)
    assert ChargingStation.objects.get().gateway is None


def test_a_gateway_of_another_site_is_refused_and_the_sun_needs_one(garage, small):
    _, station = garage
    other = Site.objects.create(
        organisation=small.site.organisation, ref="other", name="O", starts_date="2026-01-01"
    )
    elsewhere = gateways.add_gateway(other, "other-keller", **WHO)
    with pytest.raises(BadStation, match="of another site"):
        serve_from(station, elsewhere, **WHO)
    with pytest.raises(BadStation, match="shared by a gateway"):
        serve_from(station, None, follows_sun=True, **WHO)


def test_on_the_command_line(garage, capsys):
    gateway, station = garage
    entry(gateway)
    serve = ["stations", "serve", "TACW*1", "--gateway"]
    assert main([*serve, "linde-keller", "--sun", "--priority", "3"]) == 0
    station.refresh_from_db()
    assert (station.gateway, station.follows_sun, station.priority) == (gateway, True, 3)
    assert main(["stations", "list"]) == 0
    assert "served by linde-keller, by the sun" in capsys.readouterr().out
    assert main([*serve, "nobody"]) == 2
    assert "has no gateway nobody" in capsys.readouterr().err
    assert main([*serve, "linde-keller", "--phases", "9"]) == 2
    assert "phases: " in capsys.readouterr().err
