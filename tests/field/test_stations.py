"""Stations of another make (the package ``ocpp``) on the platform's server, on both databases: what
they say is on the disk before they are answered, once, whoever is killed."""

import asyncio
import base64
import contextlib
import json
import signal
import threading
from datetime import UTC, datetime

import pytest
from django.db import connection
from ocpp.v16 import ChargePoint, call
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from quartier.apps.audit.models import Event
from quartier.apps.charging import operations
from quartier.apps.charging.models import (
    ChargingMessage,
    ChargingStation,
    StartedTransaction,
    UnknownStation,
)
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from quartier.cli import main
from quartier.config.wiring import database_of
from quartier.core.charging.facts import Step
from quartier.field.ports import StorageDown
from quartier.field.stations import StationService
from quartier.field.storage.stations import StoredStations
from quartier.ocpp.facts import fact_of
from quartier.ocpp.versions import Version
from tests.counts import is_drill
from tests.field.test_page import field_server, forget_the_trail
from tests.servers.ports import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

NOW = "2026-01-01T00:00:00Z"
KILLS = 20 if is_drill() else 3


@pytest.fixture
def site(db):
    ours = Organisation.objects.create(ref="ours", name="Ours")
    yield Site.objects.create(organisation=ours, ref="linde", name="L", starts_date="2026-01-01")
    forget_the_trail()
    for model in (ChargingMessage, StartedTransaction, UnknownStation, ChargingStation):
        model.objects.all().delete()


def let_in(site, identity="one", **more):
    """A new station and its password."""
    wanted = {"needs_password": True, "is_free": True, **more}
    return operations.add(site, identity, identity, at=datetime.now(UTC), actor="test", **wanted)


@contextlib.contextmanager
def service(store=StoredStations, server="here", **more):
    """The service alone, in a thread; its port."""
    loop = asyncio.new_event_loop()
    opened = threading.Event()
    made = []

    async def live():
        database = database_of(connection.settings_dict)
        made.append(StationService(store(database, server), "127.0.0.1", 0, **more))
        running = asyncio.create_task(made[0].run())
        while not made[0].server.is_open:
            await asyncio.sleep(0.01)
        opened.set()
        try:
            await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await database.close()

    living = loop.create_task(live())
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(asyncio.gather(living, return_exceptions=True))
    )
    thread.start()
    try:
        assert opened.wait(20)
        yield made[0].server.port
    finally:
        loop.call_soon_threadsafe(living.cancel)
        thread.join(20)
        loop.close()


@contextlib.asynccontextmanager
async def station(port, password, identity="one", *, kind=ChargePoint, protocol="ocpp1.6"):
    headers = {}
    if password:
        code = base64.b64encode(f"{identity}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {code}"
    url = f"ws://127.0.0.1:{port}/ocpp/{identity}"
    async with connect(url, subprotocols=[protocol], additional_headers=headers) as socket:
        point = kind(identity, socket, response_timeout=20)
        running = asyncio.create_task(point.start())
        try:
            yield point
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def start(tag="04A1B2C3", meter=100, at=NOW):
    return call.StartTransaction(connector_id=1, id_tag=tag, meter_start=meter, timestamp=at)


def stop(transaction, meter=900):
    return call.StopTransaction(meter_stop=meter, timestamp=NOW, transaction_id=transaction)


def values(number, transaction=1):
    sampled = [{"value": str(number)}]
    return call.MeterValues(
        connector_id=1,
        transaction_id=transaction,
        meter_value=[{"timestamp": NOW, "sampled_value": sampled}],
    )


def kept():
    """The payloads of what is on the disk, in order."""
    rows = ChargingMessage.objects.order_by("number")
    return [(row.action, json.loads(row.asked), json.loads(row.answer)) for row in rows]


def facts():
    found = []
    for row in ChargingMessage.objects.order_by("number"):
        asked, answer = json.loads(row.asked), json.loads(row.answer)
        fact, findings = fact_of(Version(row.version), row.action, asked, answer)
        assert findings == []
        found.append(fact)
    return found


def refused(port, password):
    async def trying():
        with pytest.raises(InvalidStatus) as problem:
            async with station(port, password):
                pass
        return problem.value.response.status_code

    return asyncio.run(trying())


def test_a_station_waits_until_it_is_let_in_and_then_needs_its_password(site, capsys):
    with service() as port:
        assert refused(port, None) == 401
        assert refused(port, "x") == 401
        (row,) = UnknownStation.objects.all()
        assert (row.identity, row.attempts, row.has_password) == ("one", 1, False)
        assert main(["stations", "waiting"]) == 0
        assert "one: 1 attempts without a password" in capsys.readouterr().out
        assert main(["stations", "add", "linde", "one", "--free"]) == 0
        password = capsys.readouterr().out.strip()
        assert 16 <= len(password) <= 20
        assert UnknownStation.objects.count() == 0
        assert refused(port, None) == refused(port, password[:-1]) == 401

        async def living():
            async with station(port, password) as one:
                booted = await one.call(
                    call.BootNotification(charge_point_model="M", charge_point_vendor="V")
                )
                assert booted.status == "Accepted"
                await one.call(call.Heartbeat())

        asyncio.run(living())
        assert [action for action, *_ in kept()] == ["BootNotification"]
        assert main(["stations", "log", "one"]) == 0
        assert "BootNotification" in capsys.readouterr().out
        assert main(["stations", "disable", "one"]) == 0
        assert refused(port, password) == 401
    assert Event.objects.filter(action__startswith="station.").count() == 2
    assert main(["stations", "list"]) == 0
    assert "linde: one: one, seen " in capsys.readouterr().out
    for words in (["linde", "one"], ["linde", "o ne"], ["nowhere", "x"]):
        assert main(["stations", "add", *words]) == 2
    assert main(["stations", "add", "linde", "x", "--badge", "a b"]) == 2
    assert main(["stations", "password", "x"]) == 2
    capsys.readouterr()
    assert main(["stations", "password", "one"]) == 0
    assert len(capsys.readouterr().out.strip()) == 20
    assert ChargingStation.objects.get().server == ""


def test_a_charge_of_1_6_from_its_begin_to_its_end(site):
    _, password = let_in(site)

    async def living(port):
        async with station(port, password) as one:
            first = await one.call(start())
            again = await one.call(start())
            assert first.transaction_id == again.transaction_id == 1
            await one.call(values(500))
            other = await one.call(start(meter=600))
            assert other.transaction_id == 2, "the first was never ended"
            await one.call(stop(1))
        async with station(port, password) as one:
            assert (await one.call(start(meter=600))).transaction_id == 2, "after a restart too"
            await one.call(stop(2))

    with service() as port:
        asyncio.run(living(port))
    told = [(fact.step, fact.transaction_id) for fact in facts()]
    assert told == [
        (Step.STARTED, "1"), (Step.STARTED, "1"), (Step.UPDATED, "1"), (Step.STARTED, "2"),
        (Step.ENDED, "1"), (Step.STARTED, "2"), (Step.ENDED, "2"),
    ]  # fmt: skip
    assert [row.number for row in StartedTransaction.objects.order_by("number")] == [1, 2]


def test_a_refused_start_has_a_number_of_its_own(site):
    _, password = let_in(site, is_free=False, tags=["04a1b2c3"])

    async def living(port):
        async with station(port, password) as one:
            assert (await one.call(call.Authorize(id_tag="C3B2A104"))).id_tag_info["status"] == (
                "Accepted"
            ), "the same badge, read backward"
            good = await one.call(start())
            bad = await one.call(start("FFFFFFFF"))
            return good, bad

    with service() as port:
        good, bad = asyncio.run(living(port))
    assert (good.transaction_id, good.id_tag_info["status"]) == (1, "Accepted")
    assert (bad.transaction_id, bad.id_tag_info["status"]) == (2, "Invalid")
    assert [fact.is_refused for fact in facts()[1:]] == [False, True]


def test_a_charge_of_2_0_1(site):
    _, password = let_in(site)

    async def living(port):
        async with station(port, password, kind=ChargePoint201, protocol="ocpp2.0.1") as one:
            event = call201.TransactionEvent(
                event_type="Started",
                timestamp=NOW,
                trigger_reason="Authorized",
                seq_no=0,
                transaction_info={"transaction_id": "t"},
                id_token={"id_token": "A", "type": "ISO14443"},
            )
            told = await one.call(event)
            assert told.id_token_info == {"status": "Accepted"}

    with service() as port:
        asyncio.run(living(port))
    (fact,) = facts()
    assert (fact.step, fact.transaction_id, fact.token.text) == (Step.STARTED, "t", "A")


def test_what_another_server_wrote_meanwhile_ends_the_connection_and_nothing_else(site):
    _, password = let_in(site)
    _, other = let_in(site, "two")

    async def living(port, second):
        async with station(port, other, "two") as two:
            async with station(port, password) as one:
                await one.call(values(1))
                async with station(second, password) as moved:
                    await moved.call(values(2))
                    with contextlib.suppress(ConnectionClosed, TimeoutError):
                        one._response_timeout = 2
                        await one.call(values(3))
                    assert one._connection.close_code == 1013
                    await moved.call(values(3))
            await two.call(values(4))

    with service() as port, service(server="there") as second:
        asyncio.run(living(port, second))
    rows = ChargingMessage.objects.order_by("station_id", "number")
    sampled = [json.loads(row.asked)["meterValue"][0]["sampledValue"][0]["value"] for row in rows]
    assert sampled == ["1", "2", "3", "4"]


class Failing(StoredStations):
    """Its disk is full, the third time."""

    count = 0

    async def append(self, said):
        Failing.count += 1
        if Failing.count == 3:
            raise StorageDown("the disk is full")
        await super().append(said)


def test_what_cannot_be_kept_is_not_answered(site):
    _, password = let_in(site)
    Failing.count = 0

    async def living(port):
        answered = []
        number = 0
        while number < 5:
            async with station(port, password) as one:
                one._response_timeout = 2
                try:
                    while number < 5:
                        await one.call(values(number))
                        answered.append(number)
                        number += 1
                except (ConnectionClosed, TimeoutError):
                    assert one._connection.close_code == 1013
        return answered

    with service(Failing) as port:
        assert asyncio.run(living(port)) == [0, 1, 2, 3, 4]
    assert len(kept()) == 5


def test_who_may_not_be_here_any_more_is_hung_up(site):
    row, password = let_in(site)

    async def living(port, change):
        async with station(port, password) as one:
            await one.call(values(1))
            await asyncio.to_thread(change)
            await asyncio.wait_for(one._connection.wait_closed(), 10)
            assert one._connection.close_code == 1013

    def change():
        operations.enable(row, False, at=datetime.now(UTC), actor="test")
        connection.close()

    with service(beat_s=0.1) as port:
        asyncio.run(living(port, change))


def test_many_stations_share_a_commit(site):
    passwords = {f"s{n}": let_in(site, f"s{n}")[1] for n in range(20)}
    batches = []

    class Counting(StoredStations):
        async def append(self, said):
            batches.append(len(said))
            await super().append(said)

    async def living(port):
        async with contextlib.AsyncExitStack() as stack:
            ones = [
                await stack.enter_async_context(station(port, password, name))
                for name, password in passwords.items()
            ]
            for n in range(5):
                await asyncio.gather(*(one.call(values(n)) for one in ones))

    with service(Counting) as port:
        asyncio.run(living(port))
    assert sum(batches) == ChargingMessage.objects.count() == 100
    assert len(batches) < 60, batches


@pytest.mark.drill
def test_nothing_that_was_answered_is_lost_when_the_server_is_killed(site):
    _, password = let_in(site)
    answered, number, gateways, stations = [], 0, free_port(), free_port()

    async def talk(server):
        nonlocal number
        ends = asyncio.get_running_loop().time() + 20
        while True:
            try:
                async with station(stations, password) as one:
                    one._response_timeout = 1
                    begun = number
                    while True:
                        if number == begun + 25:
                            server.send_signal(signal.SIGKILL)
                        number += 1
                        await one.call(values(number))
                        answered.append(number)
            except ConnectionRefusedError:
                assert asyncio.get_running_loop().time() < ends
                await asyncio.sleep(0.05)
            except (ConnectionClosed, TimeoutError):
                return

    for _ in range(KILLS):
        with field_server(gateways, stations_port=stations) as server:
            asyncio.run(talk(server))
    stored = [int(asked["meterValue"][0]["sampledValue"][0]["value"]) for _, asked, _ in kept()]
    assert len(answered) >= 25 * KILLS
    assert set(answered) <= set(stored)
    assert stored == sorted(set(stored)), "each once, in order"
