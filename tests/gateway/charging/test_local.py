"""The gateway serves stations by itself: who may charge, what they may take, what is kept."""

import asyncio
import hashlib
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from websockets.exceptions import InvalidStatus

from quartier.formats.uplink.stations import Charging, StationSettings
from quartier.gateway.buffer import Buffer
from quartier.gateway.charging.connectors import power_of
from quartier.gateway.charging.server import LocalStations
from quartier.gateway.noticed import Ledger
from quartier.gateway.ports import NotSwitched
from quartier.gateway.recorder import Recorder
from quartier.gateway.timekeeper import Timekeeper
from tests.gateway.charging.garage import FastClock, station, until

CAR = StationSettings("car", "TACW1", tags=("04A1B2C3", "visitor"))


def live(folder, scenario, *stations):
    """Runs ``scenario(local)`` while the stations are served, twice on the same folder or more."""

    async def living():
        ledger = Ledger()
        buffer = Buffer(folder / "buffer.sqlite3")
        recorder = Recorder(buffer, Timekeeper(FastClock()), ledger)
        recorder.look()
        local = LocalStations(Charging(stations or (CAR,), 0), ledger, recorder, host="127.0.0.1")
        running = asyncio.create_task(local.run())
        await until(lambda: local.server.is_open)
        try:
            return await asyncio.wait_for(scenario(local), 60)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            buffer.close()

    return asyncio.run(living())


def test_a_station_boots_is_set_up_and_charges_by_its_limit(tmp_path):
    async def scenario(local):
        async with station(local.server.port) as car:
            assert (await car.boot()).interval == 60
            await until(lambda: car.triggers == ["StatusNotification", "MeterValues"])
            assert car.keys["MeterValueSampleInterval"] == "60"
            assert (car.default_a, local.state("car").wants) == (6, False)
            with pytest.raises(NotSwitched, match="nobody charges there"):
                await local.limit("car", 10, 180)
            await car.plug_in()
            assert local.state("car").wants
            assert local.state("car").amperes == 6
            await local.limit("car", 11, 180)
            assert car.amperes(local.desk.date()) == local.state("car").amperes == 11
            await car.tell_power(local.desk.date())
            assert local.state("car").drawn_w == 11 * 690
            await car.say("SuspendedEV")
            assert not local.state("car").wants, "it is full"
            await car.say("Charging")
            await asyncio.sleep(3.5)  # three minutes and a half
            assert car.amperes(local.desk.date()) == local.state("car").amperes == 6
            assert local.state("car").drawn_w is None, "that is old"
            await car.unplug()
            assert not local.state("car").wants
        await until(lambda: local.state("car") is None)

    live(tmp_path, scenario)


def test_a_new_connection_without_a_boot_is_set_up_too(tmp_path):
    async def scenario(local):
        async with station(local.server.port) as car:
            await until(lambda: car.triggers)
            assert car.default_a == 6

    live(tmp_path, scenario)


def test_a_station_that_takes_no_profiles_is_said(tmp_path):
    async def scenario(local):
        async with station(local.server.port, takes_profiles=False) as car:
            await car.boot()
            await until(lambda: car.triggers)
            await car.plug_in()
            assert local.state("car").wants
            with pytest.raises(NotSwitched, match="refuses charging profiles"):
                await local.limit("car", 10, 180)
            found = [one.code for one in local._ledger.current(datetime.now(UTC))]
            assert found == ["charging.no_limits"]

    live(tmp_path, scenario)


def test_badges_in_every_order_of_their_bytes_and_no_others(tmp_path):
    async def scenario(local):
        async with station(local.server.port) as car:
            await car.boot()
            numbers = []
            for tag, status in (
                ("04a1b2c3", "Accepted"),
                ("C3B2A104", "Accepted"),
                ("VISITOR", "Accepted"),
                ("04A1B2C4", "Invalid"),
                ("", "Invalid"),
                ("?", "Invalid"),
            ):
                running = local.desk.connectors["TACW1"].transaction
                told = await car.plug_in(tag)
                assert told.id_tag_info["status"] == status
                numbers.append(told.transaction_id)
                now_runs = local.desk.connectors["TACW1"].transaction
                assert now_runs == (told.transaction_id if status == "Accepted" else running)
            assert numbers == [1, 2, 3, 4, 5, 6], "each has its number, refused or not"

    live(tmp_path, scenario)


def test_a_restart_forgets_no_transaction_and_gives_no_number_twice(tmp_path):
    async def first(local):
        async with station(local.server.port) as car:
            await car.boot()
            return (await car.plug_in()).transaction_id

    async def second(local):
        async with station(local.server.port) as car:
            car.transaction = 1
            await until(lambda: car.triggers)
            await local.limit("car", 9, 180)
            assert car.amperes(local.desk.date()) == 9
            await car.unplug()
            return (await car.plug_in()).transaction_id

    assert live(tmp_path, first) == 1
    assert live(tmp_path, second) == 2


def test_the_password_of_a_station(tmp_path):
    secret = b"0123456789abcdef"
    locked = StationSettings(
        "car", "TACW1", is_free=True, password_sha256=hashlib.sha256(secret).hexdigest()
    )

    def header(password):
        return {"Authorization": "Basic " + b64encode(b"TACW1:" + password).decode()}

    async def scenario(local):
        for headers in ({}, header(b"wrong")):
            with pytest.raises(InvalidStatus) as refused:
                async with station(local.server.port, additional_headers=headers):
                    pass
            assert refused.value.response.status_code == 401
        async with station(local.server.port, additional_headers=header(secret)) as car:
            assert (await car.plug_in("anybody")).id_tag_info["status"] == "Accepted"

    live(tmp_path, scenario, locked)


def test_a_port_that_is_taken_is_said(tmp_path):
    async def scenario(local):
        ledger = Ledger()
        taken = Charging((CAR,), local.server.port)
        other = LocalStations(taken, ledger, local.desk._recorder, host="127.0.0.1")
        running = asyncio.create_task(other.run())
        await until(lambda: ledger.current(datetime.now(UTC)))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert [one.code for one in ledger.current(datetime.now(UTC))] == ["charging.port"]

    live(tmp_path, scenario)


@pytest.mark.parametrize(
    ("values", "power_w"),
    [
        ([{"value": "7360", "measurand": "Power.Active.Import"}], 7360),
        ([{"value": "7.36", "measurand": "Power.Active.Import", "unit": "kW"}], 7360),
        (
            [
                {"value": "2000", "measurand": "Power.Active.Import", "phase": phase}
                for phase in ("L1", "L2", "L3")
            ],
            6000,
        ),
        ([{"value": "10.0", "measurand": "Current.Import", "phase": "L1"}], 2300),
        ([{"value": "16", "measurand": "Current.Import", "location": "Inlet"}], None),
        ([{"value": "OCMF|{}|{}", "format": "SignedData"}], None),
        ([{"value": "-5", "measurand": "Power.Active.Import"}], None),
        ([{"value": "nan", "measurand": "Power.Active.Import"}], None),
        ([{"value": "12345"}], None),
        ([], None),
    ],
)
def test_power_of_sampled_values(values, power_w):
    assert power_of(values) == power_w
