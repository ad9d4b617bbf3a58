"""M-Bus meters from the platform and back: its configuration goes to the gateway, which reads water
meters behind a converter and sends what they show."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.cache import cache

from quartier.apps.equipment import gateways, pairing
from quartier.apps.equipment.models import Device, GatewayFinding, Meter, Register
from quartier.apps.metering.comparing import not_compared
from quartier.apps.metering.models import Reading
from quartier.apps.parties.models import Organisation
from quartier.apps.sites.models import Site
from quartier.formats.uplink.pairing import PairingRequest, decode_answer, encode_request
from quartier.gateway.buffer import Buffer
from quartier.gateway.home import Home, Pairing
from quartier.gateway.lines import opener
from quartier.gateway.noticed import Ledger
from quartier.gateway.plan import What
from quartier.gateway.poller import Poller
from quartier.gateway.recorder import Recorder
from quartier.gateway.timekeeper import SystemClock, Timekeeper
from quartier.gateway.transport import Reply
from quartier.gateway.uplink import Uplink
from tests.protocols.mbus import slaves
from tests.protocols.mbus.captures import CAPTURES

pytestmark = [pytest.mark.django_db, pytest.mark.db]

WATER = CAPTURES["oms_frame2"].frame
HEADER = bytes.fromhex("08 06 72 78 56 34 12 2D 2C 01 00 05 00 00 00")
PULSES = slaves.closed(HEADER + bytes.fromhex("0C 13 27 04 85 02 8C 40 13 34 12 00 00"))
"""A counter that names no medium, with the pulses of two inputs in litres."""
SECOND_INPUT = {"register": "8-0:1.0.0", "dib": "8C 40", "vib": "13"}


def done(coroutine):
    """What a coroutine returns that waits for nothing; Django shuns a running event loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


@pytest.fixture
def send(client):
    """What the gateway sends with, to Django in this process."""
    cache.clear()

    async def asked(method, path, headers, body):
        answer = client.generic(
            method, path, body, content_type="application/octet-stream", headers=dict(headers)
        )
        return Reply(answer.status_code, dict(answer.headers), answer.content)

    return asked


def read_all(configuration, recorder, ledger, port):
    """One pass of the gateway over the meters of its only bus, which stands at ``port``."""
    (bus,) = configuration.buses
    assert bus.port == port

    async def passed():
        async with slaves.Converter(slaves.Device(5, [WATER]), slaves.Device(6, [PULSES])) as far:
            here = type(bus)(bus.name, bus.kind, "127.0.0.1", far.port, timeout_ms=200)
            poller = Poller(
                here,
                configuration.meters,
                recorder,
                ledger,
                opener(time.monotonic),
                zone=ZoneInfo(configuration.timezone),
                power_every_s=60,
            )
            await poller.read(What.REGISTERS_OF_ALL)
            poller.close()

    asyncio.run(passed())


def test_water_meters_from_their_settings_to_their_readings(db, send, tmp_path):
    now = datetime.now(UTC)
    who = {"at": now, "actor": "t"}
    organisation = Organisation.objects.create(ref="north", name="North")
    site = Site.objects.create(organisation=organisation, ref="elm", name="Elm Street")
    row = gateways.add_gateway(site, "elm-cellar", **who)
    bus = gateways.add_bus(row, "b", "mbus_tcp", {"host": "10.0.0.2", "port": 10001}, **who)
    for ref, serial in (("w1", "92752244"), ("w2", "12345678")):
        meter = Meter.objects.create(site=site, ref=ref, name=ref)
        Register.objects.create(site=site, meter=meter, obis="8-0:1.0.0", unit="l")
        Device.objects.create(meter=meter, serial=serial, installed_at=now - timedelta(days=1))
        settings = {} if ref == "w1" else SECOND_INPUT
        how = gateways.How("mbus_meter", "any", "day", settings)
        gateways.connect(bus, [gateways.Wanted(meter, serial)], how, **who)

    asked = encode_request(PairingRequest(pairing.draw_code(row, **who), "0" * 32, "0.1.0"))
    told = decode_answer(done(send("POST", "/api/gateway/pairings", {}, asked)).body)
    home = Home(tmp_path)
    home.save_pairing(Pairing("https://quartier.example", told.gateway, told.key, "123456"))
    ledger, taken = Ledger(), []
    recorder = Recorder(Buffer(home.buffer_path), Timekeeper(SystemClock()), ledger)
    uplink = Uplink(
        home.pairing(), home, recorder, ledger, send, software="0.1.0", take=taken.append
    )
    done(uplink.round())
    (configuration,) = taken
    assert [one.settings for one in configuration.meters] == [{}, SECOND_INPUT]
    read_all(configuration, recorder, ledger, 10001)
    done(uplink.round())

    refs = dict(Register.objects.values_list("pk", "meter__ref"))
    read = {refs[pk]: value for pk, value in Reading.objects.values_list("register_id", "value")}
    assert read == {"w1": 2850427, "w2": 1234}
    assert not GatewayFinding.objects.exists()
    waiting = not_compared(site, now + timedelta(days=2))
    assert [one.meter.ref for one in waiting] == ["w2"], "an installer chose its record"
