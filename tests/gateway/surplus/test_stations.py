"""A charging station in the one order with appliances, steered by the gateway's program."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from quartier.formats.uplink.stations import StationSettings
from quartier.gateway.surplus.controller import Reason
from tests.gateway.surplus.house import BASE_W, BOILER, MIDNIGHT
from tests.gateway.surplus.test_steering import NOON, dark, lived

CAR = StationSettings("car", "TACW1", is_free=True, priority=1)
ONE = BOILER[0]


def exporting(watts):
    return lambda _at: BASE_W + watts


def test_the_car_follows_the_sun_and_what_is_left_heats_the_water(tmp_path):
    async def scenario(house):
        await house.pass_time(minutes=15)
        assert house.garage.amperes == 9
        assert house.relays.closed == set()
        house.sun = exporting(7000)
        await house.pass_time(minutes=15)
        assert house.garage.amperes == 10
        house.garage.car_a = 7  # of 10 that it may take: what is left is another's
        await house.pass_time(minutes=15)
        assert (house.garage.amperes, house.relays.closed) == (10, {0})
        house.sun = dark
        await house.pass_time(minutes=15)
        assert house.garage.amperes == 0
        decided = house.agent.steering.decisions["car"]
        assert (decided.is_on, decided.reason) == (False, Reason.NO_SURPLUS)
        assert {name for _, name, *_ in house.told()} == {ONE.name}, "a station has its own log"
        assert house.codes() == []

    lived(tmp_path, scenario, ONE, sun=exporting(6500), starts_at=NOON, station=CAR)


def test_priority_decides_between_car_and_boiler(tmp_path):
    async def scenario(house):
        await house.pass_time(minutes=20)
        return house.garage.amperes, set(house.relays.closed)

    about = {"sun": exporting(5200), "starts_at": NOON}
    first = lived(tmp_path / "1", scenario, ONE, station=CAR, **about)
    last = lived(
        tmp_path / "2",
        scenario,
        replace(ONE, priority=1),
        station=replace(CAR, priority=2),
        **about,
    )
    assert first == (7, set())
    assert last == (6, {0})


def test_without_a_car_or_a_connection_the_boiler_has_the_sun(tmp_path):
    async def scenario(house):
        house.garage.is_plugged = False
        await house.pass_time(minutes=10)
        assert house.relays.closed == {0}
        assert house.codes() == []
        house.garage.is_connected = False
        await house.pass_time(minutes=3)
        assert house.codes() == ["charging.not_connected"]
        house.garage.is_plugged = house.garage.is_connected = True
        await house.pass_time(minutes=15)
        assert house.codes() == []
        assert house.garage.amperes >= 6

    lived(tmp_path, scenario, ONE, sun=exporting(5500), starts_at=NOON, station=CAR)


def test_a_gateway_that_dies_leaves_the_car_its_fallback(tmp_path):
    async def scenario(house):
        await house.pass_time(minutes=10)
        assert house.garage.amperes == 16
        await house.cut_power()
        await asyncio.sleep(200)
        assert house.garage.amperes == CAR.fallback_a
        house.sun = dark
        await house.start()
        await house.pass_time(minutes=20)
        assert house.garage.amperes == 0

    lived(tmp_path, scenario, sun=exporting(14000), starts_at=NOON, station=CAR)


def test_it_is_told_each_minute_and_changes_little(tmp_path):
    """A station told nothing for three minutes falls back; amperes that jump wear the contactor."""

    async def scenario(house):
        await house.pass_time(hours=15)
        return house.wh, house.garage.log

    dawn = MIDNIGHT + timedelta(hours=6)
    wh, log = lived(tmp_path, scenario, starts_at=dawn, station=CAR)
    assert len([after for _, after in log if after == 0]) < 10
    assert len(log) < 15 * 60 / 2
    assert wh["own"] > 0.6 * wh["solar"]
