"""A boiler follows the sun, from the page to the relay and back: set up on the platform, decided by
the gateway's own code by a meter that a simulator shows, switched in that simulator, and told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from quartier.apps.equipment import gateways, pairing, steering
from quartier.apps.equipment.models import Appliance, GatewayFinding, Meter, Switch
from quartier.drivers.catalog import family
from quartier.formats.uplink.pairing import PairingRequest, decode_answer, encode_request
from quartier.gateway.home import Home, Pairing
from quartier.gateway.lines import opener
from quartier.gateway.noticed import Ledger
from quartier.gateway.plan import What
from quartier.gateway.poller import Poller
from quartier.gateway.recorder import Recorder
from quartier.gateway.surplus.steering import Steering
from quartier.gateway.timekeeper import Timekeeper
from quartier.gateway.transport import Reply
from quartier.gateway.uplink import Uplink
from tests.api.gateway.test_inspection_line import done
from tests.drivers.maps import sdm630
from tests.gateway.clocks import FakeClock
from tests.gateway.test_poller import ZURICH, Buffer, port_of, run
from tests.protocols.modbus.simulator import coils, device, simulated

pytestmark = [pytest.mark.django_db, pytest.mark.db]

NET = {"host": "192.168.1.20", "port": 502, "timeout_ms": 2000}
MODULE = family("waveshare_relay")


def test_a_boiler_follows_the_sun_from_the_page_to_the_relay_and_back(db, client, tmp_path):
    from quartier.apps.parties.models import Organisation
    from quartier.apps.sites.models import Site

    async def send(method, path, headers, body):
        answer = client.generic(
            method, path, body, content_type="application/octet-stream", headers=dict(headers)
        )
        return Reply(answer.status_code, dict(answer.headers), answer.content)

    async def minutes(count, power_w, closed):
        """So many minutes with that power at the grid entry; whether the relay is closed then."""
        module = device(200, bits=[coils(0, [closed] + [False] * 15)])
        async with simulated([device(10, inputs=sdm630(power=power_w)), module]) as bus:
            poller = Poller(
                replace(taken[-1].buses[0], host="127.0.0.1", port=port_of(bus)),
                taken[-1].meters,
                recorder,
                ledger,
                opener(clock.monotonic),
                zone=ZURICH,
                power_every_s=60,
            )
            await poller.read(What.REGISTERS)
            steered = Steering(taken[-1].surplus, "Europe/Zurich", {"b": poller}, recorder, ledger)
            steered.resume()
            for _ in range(count):
                clock.monotonic_s += 60
                await poller.read(What.POWER)
                await steered.step()
            relay = poller.bus.line.output(MODULE, "200", 0, "boiler")
            is_closed = await relay.is_on()
            poller.close()
            return is_closed

    cache.clear()
    at = datetime.now(UTC) - timedelta(days=1)
    by = {"at": at, "actor": "t"}
    organisation = Organisation.objects.create(ref="north", name="North")
    site = Site.objects.create(organisation=organisation, ref="elm", name="Elm Street")
    meter = Meter.objects.create(site=site, ref="entry", name="Entry", mode="grid")
    row = gateways.add_gateway(site, "elm-cellar", **by)
    bus = gateways.add_bus(row, "b", "modbus_tcp", NET, **by)
    gateways.connect(bus, [gateways.Wanted(meter, "10")], gateways.How("eastron_sdm630"), **by)
    relay = {"driver": "waveshare_relay", "address": "200", "channels": [0], "output": "relay"}
    boiler = Appliance(site=site, ref="boiler", name="Boiler", bus=bus, **relay)
    boiler.power_w, boiler.mode = 3000, "solar"
    steering.save([boiler], **by)
    code = pairing.draw_code(row, at=datetime.now(UTC), actor="t")
    asked = encode_request(PairingRequest(code, "0" * 32, "0.1.0", ""))
    told = decode_answer(done(send("POST", "/api/gateway/pairings", {}, asked)).body)
    own = Pairing("https://quartier.example", told.gateway, told.key, "123456")
    home, ledger, taken, clock = Home(tmp_path), Ledger(), [], FakeClock(datetime.now(UTC))
    home.save_pairing(own)
    recorder = Recorder(Buffer(home.buffer_path), Timekeeper(clock), ledger)
    recorder.look()
    uplink = Uplink(
        own, home, recorder, ledger, send, software="0.1.0", take=taken.append, draw=lambda: 0.5
    )
    done(uplink.round())

    # The drawn power is told in W: below 0 is fed in.
    assert not run(minutes(2, -4000.0, closed=False)), "it has to last"
    assert run(minutes(3, -4000.0, closed=False))
    assert run(minutes(2, 500.0, closed=True)), "its minimum time"
    assert not run(minutes(12, 500.0, closed=True))
    # What was lived through lies ahead of the platform's clock: it is moved to before it.
    recorder.buffer.move(1, -timedelta(seconds=clock.monotonic_s))
    recorder = Recorder(recorder.buffer, Timekeeper(FakeClock(datetime.now(UTC))), ledger)
    recorder.look()
    again = Uplink(own, home, recorder, ledger, send, software="0.1.0", take=taken.append)
    done(again.round())
    rows = list(Switch.objects.order_by("switched_at").values_list("is_on", "reason"))
    assert rows == [(True, "surplus"), (False, "no_surplus")]
    assert not GatewayFinding.objects.filter(origin="platform").exists()
    recorder.buffer.close()
