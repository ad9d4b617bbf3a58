"""The gateway and the platform, each as it is: from the code on the page to the quarter-hour."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache

from quartier.apps.equipment import gateways, pairing
from quartier.apps.equipment.models import Device, Gateway, GatewayFinding, Meter, Register
from quartier.apps.metering.models import Reading
from quartier.core.kernel.findings import warning
from quartier.formats.uplink.batch import Kind
from quartier.formats.uplink.pairing import PairingRequest, decode_answer, encode_request
from quartier.gateway.buffer import Buffer, Source
from quartier.gateway.home import Home, Pairing
from quartier.gateway.noticed import Ledger
from quartier.gateway.recorder import Recorder, Shown
from quartier.gateway.timekeeper import SystemClock, Timekeeper
from quartier.gateway.transport import Reply
from quartier.gateway.uplink import Uplink

pytestmark = [pytest.mark.django_db, pytest.mark.db]

ENERGY = Source("m1", "1-1:1.8.0", Kind.REGISTER, "s1")


def done(coroutine):
    """What ``coroutine`` returns, which waits for nothing; no loop, so that rows may be used."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


@pytest.fixture
def gateway(db):
    from quartier.apps.parties.models import Organisation
    from quartier.apps.sites.models import Site

    cache.clear()
    at = datetime.now(UTC) - timedelta(days=1)
    organisation = Organisation.objects.create(ref="north", name="North")
    site = Site.objects.create(organisation=organisation, ref="elm", name="Elm Street")
    gateway = gateways.add_gateway(site, "elm-cellar", at=at, actor="t")
    meter = Meter.objects.create(site=site, ref="m1", name="M1")
    Register.objects.create(site=site, meter=meter, obis="1-1:1.8.0")
    Device.objects.create(meter=meter, serial="s1", installed_at=at)
    net = {"host": "192.168.1.20", "port": 502}
    bus = gateways.add_bus(gateway, "b", "modbus_tcp", net, at=at, actor="t")
    how = gateways.How("eastron_sdm630")
    gateways.connect(bus, [gateways.Wanted(meter, "11")], how, at=at, actor="t")
    return gateway


def test_from_the_code_to_the_reading(gateway, client, tmp_path):
    async def send(method, path, headers, body):
        answer = client.generic(
            method, path, body, content_type="application/octet-stream", headers=headers
        )
        return Reply(answer.status_code, dict(answer.headers.items()), answer.content)

    code = pairing.draw_code(gateway, at=datetime.now(UTC), actor="t")
    asked = encode_request(PairingRequest(code, "0" * 32, "0.1.0", ""))
    told = decode_answer(done(send("POST", "/api/gateway/pairings", {}, asked)).body)
    home, ledger, taken = Home(tmp_path), Ledger(), []
    own = Pairing("https://quartier.example", told.gateway, told.key, "123456")
    home.save_pairing(own)
    clock = SystemClock()
    recorder = Recorder(Buffer(home.buffer_path), Timekeeper(clock), ledger)
    uplink = Uplink(own, home, recorder, ledger, send, software="0.1.0", take=taken.append)
    begun_s = clock.monotonic()
    recorder.record([Shown(ENERGY, Decimal(value), begun_s - 60 + value) for value in (10, 20)])
    noticed = warning("modbus.no_answer", "it is silent.", where="m1")
    ledger.hold("meter m1", [noticed], datetime.now(UTC), "m1")

    done(uplink.round())

    assert ledger.current(datetime.now(UTC))[0].code == "modbus.no_answer"
    assert len(ledger.current(datetime.now(UTC))) == 1, "nothing else is wrong"
    (configuration,) = taken
    assert [(one.name, one.address) for one in configuration.meters] == [("m1", "11")]
    assert home.configuration(own) == configuration
    assert recorder.buffer.waiting().count == 0
    assert sorted(one.value for one in Reading.objects.all()) == [10, 20]
    assert [one.code for one in GatewayFinding.objects.all()] == ["modbus.no_answer"]

    recorder.record([Shown(ENERGY, Decimal(30), begun_s)])
    ledger.hold("meter m1", [], None)
    done(uplink.round())

    assert len(taken) == 1, "the same configuration is not taken twice"
    assert Reading.objects.count() == 3
    assert not GatewayFinding.objects.exists()
    row = Gateway.objects.get()
    assert (row.used_configuration, row.waiting) == (configuration.number, 1)
