"""Meter inspection: what an installer sees of each meter, and what is wrong in words."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from quartier.apps.equipment.gateways import How, Wanted, add_bus, add_gateway, connect
from quartier.apps.equipment.models import Bus, Device, Gateway, Meter, Register
from quartier.apps.metering.inspection import inspect_site
from quartier.apps.metering.models import Momentary, Reading

pytestmark = [pytest.mark.django_db, pytest.mark.db]

PAGE = "/sites/linde/inspection/"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def cellar(world, now):
    """A gateway that reads the flats, the entry and the plant."""
    by = {"at": now, "actor": "t"}
    gateway = add_gateway(world.site, "linde-cellar", **by)
    Gateway.objects.update(paired_at=now)
    add_bus(gateway, "rs485-1", "modbus_rtu_tcp", {"host": "10.0.0.2", "port": 502}, **by)
    Meter.objects.exclude(ref__in=["m001", "m002", "grid", "pv"]).update(is_enabled=False)
    Meter.objects.filter(source=Meter.Source.CURVE).update(source=Meter.Source.REGISTER)
    return gateway


def read_by(gateway, now, *refs):
    bus = Bus.objects.get(gateway=gateway)
    taken = bus.connections.count()
    wanted = [
        Wanted(Meter.objects.get(ref=ref), str(11 + taken + number))
        for number, ref in enumerate(refs)
    ]
    connect(bus, wanted, How("eastron_sdm630", "SDM630-Modbus"), at=now, actor="t")


def shows(ref, at, **values):
    """``shows("m001", now, c32=231, ...)``: by value group C."""
    at_ms = (at - EPOCH) // timedelta(milliseconds=1)
    told = {f"1-1:{code[1:]}.7.0": [str(value), at_ms] for code, value in values.items()}
    Momentary.objects.update_or_create(meter=Meter.objects.get(ref=ref), defaults={"shown": told})


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def states(site, at, **more):
    return {
        (one.meter.ref, v.check.value): v.state.value
        for one in inspect_site(site, at=at, **more).meters
        for v in one.verdicts
    }


def test_a_meter_with_a_swapped_transformer_is_a_fault_in_words(world, cellar, now):
    read_by(cellar, now, "m001", "m002")
    shows("m001", now, c32=233, c52=234, c72=232, c31=2, c51=1, c71=3, c36=460, c56=-230, c76=690)
    shows("m002", now - timedelta(hours=1), c16=5)
    page = text(world.as_("installer").get(PAGE))
    assert "Phase 2 shows -230 W, but this is a consumer" in page
    assert "swap S1 and S2" in page
    assert "The meter does not answer" in page
    for shown in ("233.0", "460", "920", "fault"):
        assert shown in page
    found = states(world.site, now)
    assert found["m001", "voltage"] == "good"
    assert found["m001", "direction"] == "fault"
    assert found["m002", "communication"] == "fault"
    assert ("m002", "voltage") not in found


def test_the_entry_is_held_against_the_sum(world, cellar, now):
    read_by(cellar, now, "m001", "m002", "grid", "pv")
    Meter.objects.exclude(ref__in=["m001", "m002", "grid", "pv"]).delete()
    shows("m001", now, c16=900)
    shows("m002", now, c16=600)
    shows("pv", now, c16=-4000)
    shows("grid", now, c16=-2500)
    assert states(world.site, now)["grid", "balance"] == "good"
    shows("grid", now, c1=0, c2=2000)
    assert states(world.site, now)["grid", "balance"] == "fault"
    assert states(world.site, now)["grid", "direction"] == "unknown"
    assert states(world.site, now, is_sun_off=True)["grid", "direction"] == "fault"
    Meter.objects.filter(ref="m002").update(source=Meter.Source.CURVE)
    assert states(world.site, now)["grid", "balance"] == "unknown"


def test_factor_wiring_and_export_count(world, cellar, now):
    read_by(cellar, now, "m001")
    meter = Meter.objects.get(ref="m001")
    serial = {"serial": "s", "installed_at": now - timedelta(days=1), "factor": 40}
    Device.objects.create(meter=meter, **serial)
    Meter.objects.filter(ref="m001").update(is_swapped=True)
    shows("m001", now, c32=233, c31=2, c36=-460)
    register, _ = Register.objects.get_or_create(
        site=world.site, meter=meter, direction="import", defaults={"obis": "1-1:1.8.0"}
    )
    Reading.objects.create(
        site_id=world.site.pk, register_id=register.pk, read_at=now, source="gateway linde-cellar",
        value=50, quality=1, received_at=now,
    )  # fmt: skip
    (one,) = [one for one in inspect_site(world.site, at=now).meters if one.meter.ref == "m001"]
    assert (one.phases[0].current_a, one.shown.power_w) == (80, 18400)
    assert one.phases[0].power_w == 18400
    assert one.export_index == 2000
    assert one.state.value == "fault"


def test_an_inspection_is_asked_for_and_ended(world, cellar, now):
    read_by(cellar, now, "m001")
    client = world.as_("installer")
    assert client.post(PAGE, {"action": "begin"}).url == PAGE
    assert Gateway.objects.get().inspect_until > now
    assert "End the inspection" in text(client.get(PAGE))
    client.post(PAGE, {"action": "end"})
    assert Gateway.objects.get().inspect_until is None
    assert client.post(PAGE, {"action": "explode"}).status_code == 403
    Gateway.objects.update(paired_at=None)
    assert "is paired yet" in text(client.post(PAGE, {"action": "begin"}, follow=True))


def test_what_loads_itself_again_is_the_meters_alone(world, cellar, now):
    read_by(cellar, now, "m001")
    part = text(world.as_("installer").get(PAGE, headers={"HX-Request": "true"}))
    assert "m001" in part
    assert "<html" not in part


def test_without_meters_the_page_says_what_to_do(world):
    Meter.objects.update(is_enabled=False)
    assert "Connect meters to a gateway first" in text(world.as_("installer").get(PAGE))


def test_more_meters_ask_no_more(world, cellar, now):
    def asked():
        with CaptureQueriesContext(connection) as queries:
            text(world.as_("installer").get(PAGE))
        return len(queries)

    read_by(cellar, now, "m001")
    shows("m001", now, c32=233)
    asked()
    few = asked()
    for number in range(2, 9):
        meter = Meter.objects.create(site=world.site, ref=f"x{number}", name=f"X{number}")
        Register.objects.create(site=world.site, meter=meter, obis="1-1:1.8.0")
        read_by(cellar, now, f"x{number}")
        shows(f"x{number}", now, c32=233, c36=-500)
    assert asked() == few
    assert few <= 40
