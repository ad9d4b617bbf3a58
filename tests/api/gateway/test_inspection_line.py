"""A transformer that is turned round, from the wire to the verdict: asked for on the page, read by
the gateway's own poller from a simulated meter, sent, and judged."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from quartier.apps.equipment import gateways, pairing
from quartier.apps.equipment.inspecting import begin_inspection
from quartier.apps.equipment.models import Device, GatewayFinding, Meter, Register
from quartier.apps.metering.inspection import inspect_site
from quartier.formats.uplink.pairing import PairingRequest, decode_answer, encode_request
from quartier.gateway.home import Home, Pairing
from quartier.gateway.noticed import Ledger
from quartier.gateway.plan import What
from quartier.gateway.poller import Poller
from quartier.gateway.recorder import Recorder
from quartier.gateway.timekeeper import SystemClock, Timekeeper
from quartier.gateway.transport import Reply
from quartier.gateway.uplink import EVERY_S, INSPECTING_EVERY_S, Uplink
from tests.drivers.maps import sdm630
from tests.gateway.test_poller import ZURICH, Buffer, opener, port_of, run
from tests.protocols.modbus.simulator import device, simulated

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def done(coroutine):
    """What ``coroutine`` returns, which waits for nothing; no loop, so that rows may be used."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


def test_a_turned_transformer_is_found_from_the_page_to_the_wire_and_back(db, client, tmp_path):
    from quartier.apps.parties.models import Organisation
    from quartier.apps.sites.models import Site

    async def send(method, path, headers, body):
        answer = client.generic(
            method, path, body, content_type="application/octet-stream", headers=dict(headers)
        )
        return Reply(answer.status_code, dict(answer.headers), answer.content)

    async def read():
        async with simulated([device(11, inputs=sdm630(voltage=233.0))]) as bus:
            (settings,) = taken[-1].buses
            poller = Poller(
                replace(settings, host="127.0.0.1", port=port_of(bus)),
                taken[-1].meters,
                recorder,
                ledger,
                opener(clock.monotonic),
                zone=ZURICH,
                power_every_s=taken[-1].power_every_s,
                inspect_until=taken[-1].inspect_until,
            )
            await poller.read(What.REGISTERS)
            poller.close()

    cache.clear()
    at = datetime.now(UTC) - timedelta(days=1)
    by = {"at": at, "actor": "t"}
    organisation = Organisation.objects.create(ref="north", name="North")
    site = Site.objects.create(organisation=organisation, ref="elm", name="Elm Street")
    meter = Meter.objects.create(site=site, ref="m1", name="M1")
    for obis, direction in (("1-1:1.8.0", "import"), ("1-1:2.8.0", "export")):
        Register.objects.create(site=site, meter=meter, obis=obis, direction=direction)
    Device.objects.create(meter=meter, serial="s1", installed_at=at)
    row = gateways.add_gateway(site, "elm-cellar", **by)
    net = {"host": "192.168.1.20", "port": 502, "timeout_ms": 2000}
    bus = gateways.add_bus(row, "b", "modbus_tcp", net, **by)
    gateways.connect(bus, [gateways.Wanted(meter, "11")], gateways.How("eastron_sdm630"), **by)
    code = pairing.draw_code(row, at=datetime.now(UTC), actor="t")
    asked = encode_request(PairingRequest(code, "0" * 32, "0.1.0", ""))
    told = decode_answer(done(send("POST", "/api/gateway/pairings", {}, asked)).body)
    own = Pairing("https://quartier.example", told.gateway, told.key, "123456")
    home, ledger, taken, clock = Home(tmp_path), Ledger(), [], SystemClock()
    home.save_pairing(own)
    recorder = Recorder(Buffer(home.buffer_path), Timekeeper(clock), ledger)
    uplink = Uplink(
        own, home, recorder, ledger, send, software="0.1.0", take=taken.append, draw=lambda: 0.5
    )

    assert done(uplink.round()) == EVERY_S
    run(read())
    done(uplink.round())
    (before,) = inspect_site(site, at=datetime.now(UTC)).meters
    assert (before.phases, int(before.shown.power_w)) == ((), 1649)

    begin_inspection(site, at=datetime.now(UTC), actor="installer@example.ch")
    assert done(uplink.round()) == INSPECTING_EVERY_S
    assert taken[-1].number == taken[0].number + 1
    run(read())
    done(uplink.round())

    (found,) = inspect_site(site, at=datetime.now(UTC)).meters
    assert [int(one.voltage_v) for one in found.phases] == [233, 231, 229]
    said = {one.check.value: str(one.finding) for one in found.verdicts if one.finding}
    assert "Phase 2 shows -750 W, but this is a consumer" in said["direction"]
    assert "Phase 3 has 229 V" in said["voltage"]
    assert "fed in 44.5 kWh" in said["export"]
    assert {one.check.value: one.state.value for one in found.verdicts}["communication"] == "good"
    assert not GatewayFinding.objects.filter(origin="platform").exists()
    recorder.buffer.close()
