"""The gateway's own program against the platform's own endpoints: nothing stands between but the
wire."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache

from quartier.apps.equipment import gateways, pairing
from quartier.apps.equipment.models import Device, Gateway, GatewayFinding, Meter, Register
from quartier.apps.metering.models import Reading
from quartier.formats.uplink.batch import Kind
from quartier.formats.uplink.pairing import PairingRequest, decode_answer, encode_request
from quartier.gateway.buffer import Buffer, Source
from quartier.gateway.home import Home, Pairing
from quartier.gateway.noticed import Ledger
from quartier.gateway.recorder import Recorder, Shown
from quartier.gateway.timekeeper import Timekeeper
from quartier.gateway.transport import Reply
from quartier.gateway.uplink import Uplink
from tests.gateway.clocks import FakeClock

pytestmark = [pytest.mark.django_db, pytest.mark.db]

ENERGY = Source("m1", "1-1:1.8.0", Kind.REGISTER, "77")
URL = "https://quartier.example"


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


def test_a_gateway_is_paired_told_what_to_read_and_heard(db, send, tmp_path):
    from quartier.apps.parties.models import Organisation
    from quartier.apps.sites.models import Site

    now = datetime.now(UTC)
    who = {"at": now, "actor": "t"}
    organisation = Organisation.objects.create(ref="north", name="North")
    site = Site.objects.create(organisation=organisation, ref="elm", name="Elm Street")
    meter = Meter.objects.create(site=site, ref="m1", name="M1")
    Register.objects.create(site=site, meter=meter, obis="1-1:1.8.0")
    Device.objects.create(meter=meter, serial="77", installed_at=now - timedelta(days=1))
    row = gateways.add_gateway(site, "elm-cellar", **who)
    bus = gateways.add_bus(row, "b", "modbus_tcp", {"host": "10.0.0.2", "port": 502}, **who)
    gateways.connect(bus, [gateways.Wanted(meter, "11")], gateways.How("eastron_sdm630"), **who)

    asked = encode_request(PairingRequest(pairing.draw_code(row, **who), "0" * 32, "0.1.0"))
    reply = done(send("POST", "/api/gateway/pairings", {}, asked))
    told = decode_answer(reply.body)
    home = Home(tmp_path)
    home.save_pairing(Pairing(URL, told.gateway, told.key, "123456"))
    clock, ledger, taken = FakeClock(now), Ledger(), []
    recorder = Recorder(Buffer(home.buffer_path), Timekeeper(clock), ledger)
    uplink = Uplink(
        home.pairing(), home, recorder, ledger, send, software="0.1.0", take=taken.append
    )
    for value in (1000, 1250):
        clock.monotonic_s += 2
        recorder.record([Shown(ENERGY, Decimal(value), clock.monotonic())])
    done(uplink.round())

    assert uplink.state.failures == 0
    assert recorder.buffer.waiting().count == 0
    assert list(Reading.objects.order_by("read_at").values_list("value", flat=True)) == [1000, 1250]
    assert [(one.number, one.meters[0].address) for one in taken] == [(1, "11")]
    done(uplink.round())
    assert len(taken) == 1

    row.refresh_from_db()
    assert (row.software, row.waiting) == ("0.1.0", 2)
    assert not GatewayFinding.objects.filter(origin="platform").exists()

    pairing.unpair(Gateway.objects.get(), **who)
    clock.monotonic_s += 2
    recorder.record([Shown(ENERGY, Decimal(1300), clock.monotonic())])
    done(uplink.round())
    assert (uplink.state.failures, recorder.buffer.waiting().count) == (1, 1)
    assert Reading.objects.count() == 2
