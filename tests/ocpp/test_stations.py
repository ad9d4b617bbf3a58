"""Stations of another make, simulated by the independent package ``ocpp``, on our server."""

import asyncio
import base64
import contextlib
import json
import socket

import pytest
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from quartier.ocpp.frames import MOST_BYTES
from quartier.ocpp.peer import CALL_TIMEOUT_S
from quartier.ocpp.problems import Problem
from quartier.ocpp.stations import Known, NoAnswer, NotAdmitted, Refused, StationServer
from quartier.ocpp.versions import Version

NOW = "2026-01-01T00:00:00Z"
BOOTED = {"status": "Accepted", "currentTime": NOW, "interval": 300}


class Reception:
    """Lets in whom it knows; answers boots and heartbeats."""

    versions = (Version.V201, Version.V16)

    def __init__(self):
        self.passwords = {"one": None, "two": b"0123456789abcdef"}
        self.log = []
        self.waits = None

    async def admit(self, identity, password):
        if identity not in self.passwords or self.passwords[identity] != password:
            raise NotAdmitted("it is not known here, or its password is another one")
        return Known(identity)

    async def arrived(self, station):
        self.log.append(("arrived", station.identity, station.peer.version))

    async def gone(self, station):
        self.log.append(("gone", station.identity))

    async def answer(self, station, asked):
        if self.waits:
            await self.waits.wait()
        if asked.action == "BootNotification":
            return BOOTED
        if asked.action == "Heartbeat":
            return {"currentTime": NOW}
        if asked.action == "Authorize":
            raise ZeroDivisionError
        if asked.action == "MeterValues":
            return {}
        raise Refused(Problem.NOT_SUPPORTED, f"{station.identity} asks for too much")


def live(scenario):
    """Runs ``scenario(server, desk)`` while the server does."""

    async def living():
        desk = Reception()
        server = StationServer(desk, "127.0.0.1", 0)
        running = asyncio.create_task(server.run())
        while not server.is_open:
            await asyncio.sleep(0.01)
        try:
            await asyncio.wait_for(scenario(server, desk), 60)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(living())


@contextlib.asynccontextmanager
async def station(server, identity="one", *, kind=ChargePoint, protocol="ocpp1.6", **more):
    offered = [protocol] if protocol else None
    url = f"ws://127.0.0.1:{server.port}/ocpp/{identity}"
    async with connect(url, subprotocols=offered, **more) as socket:
        point = kind(identity, socket)
        running = asyncio.create_task(point.start())
        try:
            yield point
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def until(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


def boot():
    return call.BootNotification(charge_point_model="M", charge_point_vendor="V")


def test_stations_of_both_versions_and_one_that_offers_none():
    async def scenario(server, desk):
        async with station(server) as one:
            assert (await one.call(boot())).status == "Accepted"
            assert server.stations["one"].peer.version is Version.V16
        async with station(server, kind=ChargePoint201, protocol="ocpp2.0.1") as one:
            told = call201.BootNotification(
                charging_station={"model": "M", "vendorName": "V"}, reason="PowerUp"
            )
            assert (await one.call(told)).interval == 300
        async with station(server, protocol=None) as one:
            assert (await one.call(call.Heartbeat())).current_time == NOW
        await until(lambda: len(desk.log) == 6)
        assert [row[0] for row in desk.log] == ["arrived", "gone"] * 3
        with pytest.raises(InvalidStatus) as refused:
            async with station(server, protocol="ocpp1.2"):
                pass
        assert refused.value.response.status_code == 400
        assert b"spoken are ocpp2.0.1, ocpp1.6" in refused.value.response.body

    live(scenario)


def test_what_cannot_be_done_is_said_and_hurts_nobody_else():
    async def scenario(server, _desk):
        def password(text):
            code = base64.b64encode(f"two:{text}".encode()).decode()
            return {"additional_headers": {"Authorization": f"Basic {code}"}}

        async with (
            station(server) as one,
            station(server, "two", **password("0123456789abcdef")) as two,
        ):
            socket = two._connection
            two_calls = [
                ('[2,"a","Reset",{"type":"Soft"}]', "NotSupported"),
                ('[2,"b","Boot",{}]', "NotImplemented"),
                (
                    '[2,"c","BootNotification",{"chargePointVendor":7}]',
                    "OccurenceConstraintViolation",
                ),
                ('[2,"d","Authorize",{"idTag":"A"}]', "InternalError"),
                ("garbage", "FormationViolation"),
            ]
            for text, code in two_calls:
                before = two.route_message
                came = asyncio.get_running_loop().create_future()

                async def look(raw, came=came):
                    came.set_result(json.loads(raw))

                two.route_message = look
                await socket.send(text)
                assert (await came)[2] == code
                two.route_message = before
            assert (await one.call(boot())).status == "Accepted"
            assert (await two.call(boot())).status == "Accepted"

    live(scenario)


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        ("/ocpp/nobody", None, 401),
        ("/ocpp/two", None, 401),
        ("/ocpp/two", "Basic dHdvOndyb25n", 401),
        ("/ocpp/two", "Basic b25lOjAxMjM0NTY3ODlhYmNkZWY=", 401),
        ("/ocpp/two", "Basic %%%", 401),
        ("/ocpp/two", "Bearer x", 401),
        ("/ocpp/", None, 404),
        ("/ocpp/" + "x" * 49, None, 404),
        ("/ocpp/%00", None, 404),
    ],
)
def test_strangers_are_not_let_in(path, header, status):
    async def scenario(server, desk):
        headers = {"Authorization": header} if header else {}
        with pytest.raises(InvalidStatus) as refused:
            await connect(
                f"ws://127.0.0.1:{server.port}{path}",
                subprotocols=["ocpp1.6"],
                additional_headers=headers,
            )
        assert refused.value.response.status_code == status
        assert desk.log == []

    live(scenario)


def test_a_frame_of_64_kib_is_served_and_one_that_is_too_large_ends_the_connection():
    async def scenario(server, _desk):
        value = {"value": "1", "context": "Sample.Clock"}
        sample = {"timestamp": NOW, "sampled_value": [value]}
        async with station(server) as one:
            large = call.MeterValues(connector_id=1, meter_value=[sample] * 1000)
            await one.call(large)
            with contextlib.suppress(ConnectionClosed):
                await one._connection.send("[" + " " * MOST_BYTES)
            await one._connection.wait_closed()
            assert one._connection.close_code == 1009

    live(scenario)


class Slow(ChargePoint):
    """Answers a reset, and never a trigger."""

    @on("Reset")
    async def reset(self, type):  # noqa: A002
        return call_result.Reset(status="Accepted")

    @on("TriggerMessage")
    async def trigger(self, **_):
        await asyncio.sleep(3600)


def test_what_we_ask_is_answered_or_given_up():
    async def scenario(server, desk):
        async with station(server, kind=Slow) as one:
            await one.call(boot())
            ours = server.stations["one"]
            assert await ours.ask("Reset", {"type": "Soft"}) == {"status": "Accepted"}
            with pytest.raises(NoAnswer, match="NotImplemented"):
                await ours.ask("ClearCache", {})
            trigger = {"requestedMessage": "Heartbeat"}
            with pytest.raises(NoAnswer, match="Timeout: no answer within 0 s"):
                await ours.ask("TriggerMessage", trigger, timeout_s=0.2)
            asking = asyncio.create_task(ours.ask("TriggerMessage", trigger))
            await asyncio.sleep(0.1)
            await one._connection.close()
            with pytest.raises(NoAnswer, match="Lost"):
                await asking
        assert CALL_TIMEOUT_S > 1
        assert desk.log[-1] == ("gone", "one")

    live(scenario)


def test_a_new_connection_replaces_the_old_one():
    async def scenario(server, desk):
        async with station(server) as old:
            await old.call(boot())
            async with station(server) as new:
                await new.call(boot())
                await until(lambda: old._connection.close_code is not None)
                assert server.stations["one"].peer.to_send(0) == []
                await new.call(call.Heartbeat())
            await until(lambda: len(desk.log) == 4)
            assert [row[0] for row in desk.log] == ["arrived", "gone", "arrived", "gone"]
        assert server.stations == {}

    live(scenario)


def test_a_station_that_asks_much_at_once_is_answered_in_order():
    async def scenario(server, desk):
        desk.waits = asyncio.Event()
        url = f"ws://127.0.0.1:{server.port}/ocpp/one"
        async with connect(url, subprotocols=["ocpp1.6"]) as socket:
            sending = [
                asyncio.create_task(socket.send(json.dumps([2, f"n{n}", "Heartbeat", {}])))
                for n in range(200)
            ]
            await asyncio.sleep(0.2)
            desk.waits.set()
            answers = [json.loads(await socket.recv())[1] for _ in range(200)]
            assert answers == [f"n{n}" for n in range(200)]
            await asyncio.gather(*sending)

    live(scenario)


def test_who_never_finishes_to_connect_holds_nobody_up():
    async def scenario(server, _desk):
        idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
        try:
            async with station(server) as one:
                assert (await one.call(boot())).status == "Accepted"
        finally:
            for each in idle:
                each.close()

    live(scenario)
