"""From a click on the page to the meter and back: the command `quartier field`, a gateway with a
simulated bus, and the page, on whichever database the run has."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from quartier.apps.audit.models import Event
from quartier.apps.equipment.models import (
    Bus,
    Connection,
    Gateway,
    Meter,
    RemoteCommand,
    RemotePresence,
)
from quartier.apps.equipment.pairing import draw_code, key_of, pair, unpair
from quartier.apps.parties.models import Organisation, User
from quartier.apps.sites.models import Site
from quartier.formats.uplink.pairing import PairingRequest
from tests.drivers.maps import sdm630
from tests.field.house import PATH, a_gateway, connected, headers
from tests.field.test_remote import configuration
from tests.servers.ports import free_port

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.db]

PAGE = "/sites/linde/gateways/linde/remote/"


@pytest.fixture
def page(client):
    """The page of a paired gateway with a meter, opened by an operator."""
    ours = Organisation.objects.create(ref="ours", name="Ours")
    site = Site.objects.create(organisation=ours, ref="linde", name="L", starts_date="2026-01-01")
    gateway = Gateway.objects.create(
        site=site, name="linde", salt=bytes(range(32)), paired_at=timezone.now()
    )
    bus = Bus.objects.create(gateway=gateway, name="rs485", kind="modbus_tcp", parameters={})
    meter = Meter.objects.create(site=site, ref="w001", name="Flat 1")
    since = timezone.now()
    Connection.objects.create(meter=meter, bus=bus, driver="d", address="11", since=since)
    user = User.objects.create_user("o@example.ch", ours, "pw", is_operator=True, language="en")
    client.force_login(user)
    yield client
    forget_the_trail()


def forget_the_trail():
    """What other connections saw has to be cleared by hand, also what is kept for good."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "ALTER TABLE audit_event DISABLE TRIGGER USER; DELETE FROM audit_event;"
                "ALTER TABLE audit_event ENABLE TRIGGER USER"
            )
            return
        cursor.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE type = 'trigger' AND tbl_name = 'audit_event'"
        )
        guards = cursor.fetchall()
        for name, _ in guards:
            cursor.execute(f"DROP TRIGGER {name}")
        cursor.execute("DELETE FROM audit_event")
        for _, sql in guards:
            cursor.execute(sql)


def database_url():
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


@contextlib.contextmanager
def field_server(port, networks="127.0.0.0/8", *, stations_port=0):
    """The command, once it listens."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "QUARTIER_SECRET_KEY": settings.SECRET_KEY,
        "QUARTIER_MQTT_NETWORKS": networks,
    }
    ports = ["--port", str(port), "--stations-port", str(stations_port)]
    command = [sys.executable, "-m", "quartier", "field", *ports]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert "listens on" in server.stderr.readline()
            yield server
        finally:
            server.kill()


@contextlib.contextmanager
def gateway_in_a_thread(folder, port):
    """A real gateway that connects to ``port``."""
    key = key_of(Gateway.objects.get())
    loop, stop = asyncio.new_event_loop(), asyncio.Event()

    async def live():
        async with (
            a_gateway(folder, key, configuration, sdm630()) as agent,
            connected(agent.client_of(port)),
        ):
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),))
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


def shows(page, pattern, url=PAGE):
    """The page once it shows it."""
    until = time.monotonic() + 20
    while not re.search(pattern, text := page.get(url).content.decode(), re.DOTALL):
        assert time.monotonic() < until, text
        time.sleep(0.05)
    return text


def test_a_click_reads_the_meter(page, tmp_path):
    port = free_port()
    with field_server(port) as server, gateway_in_a_thread(tmp_path, port):
        shows(page, r"> *connected")
        assert page.post(PAGE, {"action": "read_meter", "meter": "w001"}).url == PAGE
        assert "8123500" in shows(page, r"Read now w001.*done")
        (event,) = Event.objects.filter(action="gateway.remote_read_meter")
        assert (event.actor, event.subject, event.data) == (
            "o@example.ch", "linde", {"meter": "w001"},
        )  # fmt: skip
        for _ in range(2):
            answer = page.post(PAGE, {"action": "live_values"})
            assert answer.url.startswith(f"{PAGE}?live=")
        shows(page, r'id="live".*Flat 1.*8123500.*As of')
        assert Event.objects.filter(action="gateway.remote_live_values").count() == 1

        before = RemotePresence.objects.get().session
        os.kill(server.pid, signal.SIGKILL)
        server.wait(10)
        with field_server(port) as second:
            RemoteCommand.objects.all().delete()
            page.post(PAGE, {"action": "status"})
            assert "Last answer of the platform" in shows(page, r"Status.*done")
            assert RemotePresence.objects.get().session != before
            os.kill(second.pid, signal.SIGTERM)
            assert second.wait(10) == 0
    assert RemotePresence.objects.get().reason == "stopped"
    assert "The field server does not run" in page.get(PAGE).content.decode()
    refused = page.post(PAGE, {"action": "status"})
    assert "quartier field" in refused.content.decode()
    assert RemoteCommand.objects.filter(state="waiting").count() == 0


def _pair_again(gateway, at):
    code = draw_code(gateway, at=at, actor="t")
    pair(PairingRequest(code, "0" * 32, "0.1.0", ""), at=at)


@pytest.mark.parametrize(
    "void",
    [
        lambda gateway, at: unpair(gateway, at=at, actor="t"),
        _pair_again,
        lambda gateway, _: gateway.delete(),
    ],
    ids=["unpaired", "paired again", "removed"],
)
def test_whoever_is_connected_with_a_key_that_is_void_is_put_out_at_once(page, void):
    gateway, port = Gateway.objects.get(), free_port()
    Connection.objects.all().delete()
    sent = headers(key_of(gateway))
    with (
        field_server(port),
        connect(f"ws://127.0.0.1:{port}{PATH}", additional_headers=sent, proxy=None) as line,
    ):
        end = time.monotonic() + 5
        while not RemotePresence.objects.exists():
            assert time.monotonic() < end
        void(gateway, timezone.now())
        if gateway.pk:
            ask = {"kind": "restart", "asked_by": "t", "ends_at": timezone.now()}
            RemoteCommand.objects.create(gateway=gateway, asked_at=timezone.now(), **ask)
        with pytest.raises(ConnectionClosed):
            line.recv(timeout=8)
        assert not RemoteCommand.objects.exclude(state="waiting").exists()
