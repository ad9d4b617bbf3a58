"""Cloud gateways publish to a real broker; the field server keeps it whatever is killed, and the
worker makes readings of it, each once."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone

import quartier.field.mqtt as service_room
import quartier.formats.mqtt_mapping as room
from quartier.apps.equipment.models import (
    Bus,
    Connection,
    Device,
    Gateway,
    GatewayFinding,
    Meter,
    MqttMessage,
    MqttSource,
    Register,
)
from quartier.apps.metering import mqtt
from quartier.apps.metering.comparing import compare_with_display, not_compared
from quartier.apps.metering.models import Reading, Unplaced
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Note, Site
from quartier.config.wiring import database_of
from quartier.field.brokers import NOT_ALLOWED
from quartier.field.mqtt import TOO_LONG, MqttService
from quartier.field.storage.mqtt import StoredSources
from tests.counts import is_drill
from tests.field.test_page import field_server
from tests.servers.bad_broker import BadBroker, length, packet
from tests.servers.mosquitto import PASSWORD, USER, Broker
from tests.servers.ports import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

FIELDS = (Path(room.__path__[0]) / "presets" / "fields.json").read_text()
T0 = datetime(2026, 11, 1, tzinfo=UTC)
KILLS = 20 if is_drill() else 3
PATIENCE_S = 30
HERE = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def broker(tmp_path):
    with Broker(tmp_path).running() as running:
        yield running


@pytest.fixture
def source(db, broker):
    ours = Organisation.objects.create(ref="ours", name="Ours")
    site = Site.objects.create(organisation=ours, ref="linde", name="L", starts_date="2026-01-01")
    gateway = Gateway.objects.create(site=site, name="linde-rut")
    meter = Meter.objects.create(site=site, ref="w001", name="Flat 1")
    for obis, direction in (("1-1:1.8.0", "import"), ("1-1:2.8.0", "export")):
        Register.objects.create(site=site, meter=meter, obis=obis, direction=direction)
    Device.objects.create(meter=meter, serial="1", installed_at=T0 - timedelta(days=1))
    return MqttSource.objects.create(
        gateway=gateway,
        host="127.0.0.1",
        port=broker.port,
        is_tls=False,
        username=USER,
        password=PASSWORD,
        mapping=FIELDS,
    )


def said(number, **more):
    at = T0 + timedelta(minutes=15 * number)
    content = {"time": at.isoformat(), "energy_import": 1000 + number, "energy_export": 5}
    return json.dumps({**content, "power": 250, **more})


def until(condition):
    end = timezone.now() + timedelta(seconds=PATIENCE_S)
    while not condition():
        assert timezone.now() < end, MqttSource.objects.values().get()


def connected():
    return MqttSource.objects.get().connected_at is not None


def kept():
    """The different messages that are there."""
    return {bytes(one) for one in MqttMessage.objects.values_list("payload", flat=True)}


@contextlib.contextmanager
def for_now():
    """What is written within is taken back: readings are kept for good."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextlib.contextmanager
def service():
    """The service alone, in a thread, which looks at its sources all the time."""
    loop = asyncio.new_event_loop()

    async def live():
        database = database_of(connection.settings_dict)
        sources = StoredSources(database, "here")
        try:
            await MqttService(sources, allowed=HERE, looks_every_s=0.1).run()
        finally:
            await database.close()

    running = loop.create_task(live())
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(asyncio.gather(running, return_exceptions=True))
    )
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(running.cancel)
        thread.join(20)
        loop.close()


def free():
    """Whoever was killed says nothing any more, and its time is over."""
    MqttSource.objects.update(held_until=timezone.now() - timedelta(days=1), connected_at=None)


@pytest.mark.drill
def test_nothing_is_lost_when_the_server_is_killed_and_each_reading_is_there_once(source, broker):
    wanted, number = set(), 0
    with broker.publisher() as send:
        with field_server(free_port()):
            until(connected)  # from now on the broker keeps what nobody takes
        for _ in range(KILLS):
            free()
            with field_server(free_port()) as server:
                until(connected)
                for _ in range(40):
                    payload = said(number)
                    send("building/w001/state", payload)
                    wanted.add(payload.encode())
                    number += 1
                os.kill(server.pid, signal.SIGKILL)
                server.wait(10)
            send("building/w001/state", said(number))
            wanted.add(said(number).encode())
            number += 1
        free()
        with field_server(free_port()) as server:
            until(lambda: kept() == wanted)
            os.kill(server.pid, signal.SIGTERM)
            assert server.wait(10) == 0
    assert MqttSource.objects.get().held_by == "", "another may hold it at once"
    with for_now():
        while mqtt.read_waiting(at=timezone.now()):
            pass
        readings = Reading.objects.filter(register_id=Register.objects.get(direction="import").pk)
        assert list(readings.order_by("read_at").values_list("value", flat=True)) == [
            Decimal(1000 + n) * 1000 for n in range(number)
        ]
        assert not MqttMessage.objects.filter(read_at=None).exists()
        assert not GatewayFinding.objects.exists()
        assert Gateway.objects.get().seen_at is not None


def test_what_cannot_be_understood_is_said_kept_and_looked_at_again(source, broker):
    with field_server(free_port()), broker.publisher() as send:
        until(connected)
        send("building/w001/state", said(0))
        send("building/w001/state", b"\xff\x00")
        send("building/w001/state", "x" * 70_000)
        send("building/w001/state", said(1, energy_import="12 kWh"))
        send("building/nobody/state", said(2))
        send("building/w001/other", said(3))
        send("building/w001/state", said(4, time="2099-01-01T00:00:00Z"))
        until(lambda: MqttMessage.objects.count() == 6)
    with for_now():
        assert mqtt.read_waiting(at=timezone.now()) == 6
        problems = list(
            MqttMessage.objects.exclude(problem="").order_by("id").values_list("problem", flat=True)
        )
        assert problems == [
            "the payload is not JSON in UTF-8",
            "the payload has more than 64 KiB",
            "in the message energy_import is not a number",
        ]
        reasons = set(Unplaced.objects.values_list("meter", "reason"))
        assert reasons == {("nobody", "meter"), ("w001", "clock")}
        assert Reading.objects.count() == 2
        source.mapping = FIELDS.replace('"meter": "{meter}"', '"meter": "{meter}", "meters": {}')
        source.save()
        assert mqtt.look_again(source) == 3
        assert mqtt.read_waiting(at=timezone.now()) == 3
        assert Reading.objects.count() == 2


def test_nothing_is_billed_by_a_mapping_before_the_display_was_looked_at(source):
    at = T0 + timedelta(minutes=20)

    def come(number):
        MqttMessage.objects.create(
            source=source,
            topic="building/w001/state",
            payload=said(number).encode(),
            received_at=at,
        )
        mqtt.read_waiting(at=at)

    with for_now():
        come(1)
        site, later = source.gateway.site, at + timedelta(minutes=1)
        waits = not_compared(site, later)
        assert {one.obis for one in waits} == {"1-1:1.8.0", "1-1:2.8.0"}
        for one in waits:
            shown = Decimal(1001 if one.obis == "1-1:1.8.0" else 5)
            compare_with_display(one, shown, at=at, actor="t")
        assert not_compared(site, later) == []
        assert not Note.objects.exists()
        source.mapping = source.mapping.replace('"kWh"}', '"kWh", "scale": 1}')
        source.save()
        at = later
        come(2)
        assert len(not_compared(site, at + timedelta(minutes=1))) == 2, "another mapping"
        assert Note.objects.get().kind == "issue"
    with for_now():
        gateway = source.gateway
        bus = Bus.objects.create(gateway=gateway, name="b", kind="modbus_tcp")
        meter = Meter.objects.get(ref="w001")
        about = {"driver": "eastron_sdm630", "address": "1", "since": T0}
        Connection.objects.create(meter=meter, bus=bus, **about)
        come(3)
        assert "is read over a bus too" in MqttMessage.objects.get().problem
        assert not Reading.objects.exists()


def test_a_source_that_changes_or_cannot_be_reached_is_followed_and_said(source, broker):
    MqttSource.objects.update(password="wrong")
    with service(), broker.publisher() as send:
        until(lambda: "refuses" in MqttSource.objects.get().problem)
        MqttSource.objects.update(password=PASSWORD)
        until(connected)
        assert MqttSource.objects.get().problem == ""
        MqttSource.objects.update(mapping="{}")
        until(lambda: "lacks the field topic" in MqttSource.objects.get().problem)
        MqttSource.objects.update(mapping=FIELDS.replace("building", "house"))
        until(connected)
        send("house/w001/state", said(0))
        until(lambda: MqttMessage.objects.count() == 1)
        MqttSource.objects.update(is_tls=True, ca="no certificate")
        until(lambda: "cannot be used so" in MqttSource.objects.get().problem)
        MqttSource.objects.update(is_tls=False, ca="", port=9)
        until(lambda: "cannot be reached" in MqttSource.objects.get().problem)


def test_a_broker_in_the_operators_network_is_not_connected_to_unless_it_is_named(source, broker):
    told = set()
    with socket.create_server(("127.0.0.1", 0)) as knocked:
        knocked.settimeout(0.2)
        closed = free_port()
        with field_server(free_port(), networks="127.0.0.2/32"):
            for host in ("127.0.0.1", "localhost", "2130706433", "0177.0.0.1"):
                for port in (knocked.getsockname()[1], closed):
                    MqttSource.objects.update(host=host, port=port, problem="", held_until=None)
                    until(lambda: MqttSource.objects.get().problem)
                    told.add(MqttSource.objects.get().problem)
        with pytest.raises(TimeoutError):
            knocked.accept()
    assert told == {NOT_ALLOWED}, "an open port and a closed one look the same"


def test_a_broker_that_sends_a_giant_takes_no_memory(source):
    giant = (1 << 28) - 1

    def sent():
        yield b"\x32" + length(giant)
        for _ in range(giant >> 16):
            yield bytes(1 << 16)

    with BadBroker(sent).running() as bad, service():
        MqttSource.objects.update(port=bad.port)
        until(lambda: MqttSource.objects.get().problem == TOO_LONG)
        assert 0 < max(bad.sent) < 1 << 24, "what the kernel holds"


def test_a_topic_that_is_no_text_stops_nothing(source):
    def sent():
        yield packet(b"building/\xff/state", b"{}", 1)
        yield packet(b"building/w001/state", said(0).encode(), 2)

    with BadBroker(sent).running() as bad, service():
        MqttSource.objects.update(port=bad.port)
        until(lambda: len(bad.acknowledged) >= 2)
    assert list(MqttMessage.objects.order_by("id").values_list("topic", "problem")[:2]) == [
        ("", "the topic is not one of the mapping"),
        ("building/w001/state", ""),
    ]


def test_what_comes_faster_than_it_is_kept_waits_at_the_broker(source, broker, monkeypatch):
    monkeypatch.setattr(service_room, "MOST_WAITING", 10)
    waiting, is_down = [], threading.Event()
    keep = StoredSources.keep

    async def keep_later(self, source_id, rows):
        while is_down.is_set():
            await asyncio.sleep(0.05)
        await keep(self, source_id, rows)

    class Watched(asyncio.Queue):
        def put_nowait(self, one):
            super().put_nowait(one)
            waiting.append(self.qsize())

    monkeypatch.setattr(StoredSources, "keep", keep_later)
    monkeypatch.setattr(service_room.asyncio, "Queue", Watched)
    is_down.set()
    with service(), broker.publisher() as send:
        until(connected)
        for number in range(200):
            send("building/w001/state", said(number), qos=number % 2)
        assert max(waiting) <= 10
        is_down.clear()
        until(lambda: MqttMessage.objects.count() == 200)
    assert max(waiting) <= 10


def test_one_server_at_a_time_holds_a_source(source, broker):
    with field_server(free_port()), field_server(free_port()), broker.publisher() as send:
        until(connected)
        holder = MqttSource.objects.get().held_by
        for number in range(10):
            send("building/w001/state", said(number))
        until(lambda: MqttMessage.objects.count() >= 10)
        assert MqttMessage.objects.count() == 10
        assert MqttSource.objects.get().held_by == holder


def test_old_messages_go_once_they_were_read(source):
    at = timezone.now()
    for age, is_read in ((1, True), (100, True), (100, False)):
        came = at - timedelta(days=age)
        MqttMessage.objects.create(
            source=source,
            topic="building/w001/state",
            payload=said(age).encode(),
            received_at=came,
            read_at=came if is_read else None,
        )
    with for_now():
        mqtt.read_waiting(at=at)
        assert MqttMessage.objects.count() == 2
