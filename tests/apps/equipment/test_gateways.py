"""What an installer sets up, and the configuration that a gateway gets of it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, transaction

from quartier.apps.audit.models import Event
from quartier.apps.equipment import configuration, gateways, pairing
from quartier.apps.equipment.models import Connection, Device, Gateway, GatewayNonce, Meter
from quartier.apps.sites.models import Note
from quartier.formats.uplink.configuration import decode
from quartier.formats.uplink.pairing import PairingRequest
from quartier.formats.uplink.signature import NotSigned, sign

pytestmark = [pytest.mark.django_db, pytest.mark.db]

AT = datetime(2026, 11, 1, 9, tzinfo=UTC)
NET = {"host": "192.168.1.20", "port": 502}
SDM = gateways.How("eastron_sdm630", "SDM630-Modbus")
WHO = {"at": AT, "actor": "i@example.ch"}


@pytest.fixture
def cellar(small):
    gateway = gateways.add_gateway(small.site, "linde-keller", **WHO)
    bus = gateways.add_bus(gateway, "rs485-1", "modbus_rtu_tcp", NET, **WHO)
    meters = [Meter.objects.create(site=small.site, ref=f"m{n}", name=f"M{n}") for n in range(1, 4)]
    return gateway, bus, meters


def asked(code, software="0.1.0"):
    return PairingRequest(code, "0" * 32, software)


def test_the_configuration_counts_up_only_when_its_content_changes(cellar):
    gateway, bus, (first, second, _) = cellar
    assert configuration.newest(gateway)[0] == 1
    assert configuration.newest(gateway)[0] == 1
    gateways.connect(bus, [gateways.Wanted(first, "11"), gateways.Wanted(second, "12")], SDM, **WHO)
    number, data = configuration.newest(gateway)
    assert number == 2
    told = decode(data)
    assert (told.number, told.gateway, told.timezone) == (2, "linde-keller", "Europe/Zurich")
    assert [(one.name, one.address, one.driver) for one in told.meters] == [
        ("m1", "11", "eastron_sdm630"),
        ("m2", "12", "eastron_sdm630"),
    ]
    Device.objects.create(meter=first, serial="4711", installed_at=AT)
    number, data = configuration.newest(gateway)
    assert (number, decode(data).meters[0].serial) == (3, "4711")
    gateways.disconnect([second], **WHO)
    assert [one.name for one in decode(configuration.newest(gateway)[1]).meters] == ["m1"]
    assert Connection.objects.get(meter=second).driver == "eastron_sdm630"


def test_what_an_unverified_driver_read_stops_the_bill_also_when_it_is_changed(cellar):
    gateway, bus, (first, second, _) = cellar
    both = [gateways.Wanted(first, "11"), gateways.Wanted(second, "12")]
    pro = gateways.How("inepro_pro380", "PRO380-Mod")
    issues = Note.objects.filter(site=gateway.site, kind="issue", resolved_at=None)
    gateways.connect(bus, both, SDM, **WHO)
    gateways.connect(bus, both, pro, **WHO)
    assert not issues.exists(), "a gateway that was never paired has read nothing"
    pairing.pair(asked(pairing.draw_code(gateway, **WHO)), at=AT)
    gateways.connect(bus, both, pro, **WHO)
    assert not issues.exists(), "nothing has changed"
    gateways.connect(bus, [both[0]], SDM, **WHO)
    gateways.disconnect([second], **WHO)
    gateways.connect(bus, [both[1]], SDM, **WHO)
    assert [one.text for one in issues.order_by("pk")] == [
        f"Compare what was read before 01.11.2026, by an unverified driver: {name}"
        for name in ("m1", "m2")
    ]


def test_another_password_reads_the_same(cellar):
    gateway, _, (first, *_) = cellar
    net = {"host": "10.0.0.9", "port": 80}
    bus = gateways.add_bus(gateway, "plug", "shelly", net, **WHO)
    pairing.pair(asked(pairing.draw_code(gateway, **WHO)), at=AT)
    for at, password in ((AT, "one"), (AT + timedelta(days=1), "two")):
        how = gateways.How("shelly_plus_1pm", "Plus 1PM", settings={"password": password})
        gateways.connect(bus, [gateways.Wanted(first, "1")], how, at=at, actor="t")
    row = Connection.objects.get(meter=first)
    assert (row.settings, row.since) == ({"password": "two"}, AT)
    assert not Note.objects.exists()


def test_a_gateway_that_knows_a_higher_number_gets_a_higher_one_still(cellar):
    gateway, _, _ = cellar
    assert configuration.newest(gateway, has=17)[0] == 18
    assert configuration.newest(gateway, has=18)[0] == 18


def test_a_gateway_without_buses_has_no_configuration(small):
    gateway = gateways.add_gateway(small.site, "empty", **WHO)
    assert configuration.newest(gateway) == (0, b"")


@pytest.mark.parametrize(
    ("addresses", "how", "words"),
    [
        (["11", "11"], SDM, "two meters have the address 11"),
        (["248"], SDM, "an address from 1 to 247"),
        (["11"], gateways.How("eastron_sdm999"), "no driver 'eastron_sdm999'"),
        (["11"], gateways.How("eastron_sdm630", "SDM9"), "has no model 'SDM9'"),
        (["11"], gateways.How("mbus"), "any other bus with a driver"),
        (["11"], gateways.How("eastron_sdm630", plan="hourly"), "no plan"),
        (["11"], gateways.How("eastron_sdm630", settings={"x": "1"}), "no setting 'x'"),
        ([], SDM, "choose from 1"),
    ],
)
def test_what_no_gateway_can_read_is_refused_whole(cellar, addresses, how, words):
    _, bus, meters = cellar
    wanted = [gateways.Wanted(*one) for one in zip(meters, addresses, strict=False)]
    with pytest.raises(gateways.BadSetUp, match=words):
        gateways.connect(bus, wanted, how, **WHO)
    assert not Connection.objects.exists()


def test_a_taken_address_and_a_meter_of_another_site_are_refused(cellar, small):
    gateway, bus, (first, second, _) = cellar
    gateways.connect(bus, [gateways.Wanted(first, "11")], SDM, **WHO)
    with pytest.raises(gateways.BadSetUp, match="has one of these addresses"):
        gateways.connect(bus, [gateways.Wanted(second, "11")], SDM, **WHO)
    other = type(small.site).objects.create(organisation=small.organisation, ref="s9", name="S")
    elsewhere = Meter.objects.create(site=other, ref="m9", name="M9")
    with pytest.raises(gateways.BadSetUp, match="not on the site"):
        gateways.connect(bus, [gateways.Wanted(elsewhere, "12")], SDM, **WHO)
    with pytest.raises(DatabaseError, match="of its own site"), transaction.atomic():
        Connection.objects.create(meter=elsewhere, bus=bus, driver="x", address="1", since=AT)
    with pytest.raises(gateways.BadSetUp, match="take them off it first"):
        gateways.remove_bus(bus, **WHO)
    with pytest.raises(gateways.BadSetUp, match="is taken"):
        gateways.add_gateway(other, gateway.name, **WHO)


@pytest.mark.parametrize(
    ("kind", "parameters", "words"),
    [
        ("can", NET, "no kind of bus"),
        ("modbus_tcp", {"host": "a b", "port": 502}, "host"),
        ("modbus_tcp", {"host": "h", "port": 0}, "port"),
        ("mbus_serial", {"device": "/dev/../etc", "baud": 2400}, "device"),
        ("modbus_tcp", {**NET, "colour": "red"}, "does not know"),
    ],
)
def test_a_bus_that_cannot_be_is_refused(cellar, kind, parameters, words):
    with pytest.raises(gateways.BadSetUp, match=words):
        gateways.add_bus(cellar[0], "second", kind, parameters, **WHO)
    assert cellar[0].buses.count() == 1


def test_a_code_pairs_once_within_a_day(cellar):
    gateway = cellar[0]
    code = pairing.draw_code(gateway, **WHO)
    assert code not in str(Gateway.objects.values().get())
    paired, key = pairing.pair(asked(code), at=AT + timedelta(hours=23))
    assert (paired.pk, len(key), paired.software) == (gateway.pk, 32, "0.1.0")
    late = pairing.draw_code(gateway, **WHO)
    refusals = []
    for wrong, at in ((code, AT), ("0000-0000-0000", AT), (late, AT + timedelta(hours=24))):
        with pytest.raises(pairing.NotPaired) as refused:
            pairing.pair(asked(wrong), at=at)
        refusals.append(str(refused.value))
    assert len(set(refusals)) == 1
    again = pairing.draw_code(gateway, **WHO)
    assert pairing.pair(asked(again), at=AT)[1] != key
    assert Event.objects.filter(action="gateway.pair").count() == 2


def signed(gateway, key, nonce="a" * 32, at=AT, body=b"x"):
    return sign(key, gateway=gateway.name, now=at, nonce=nonce, what="POST /x", body=body)


def test_a_request_is_taken_once_with_the_newest_key(cellar):
    gateway = cellar[0]
    _, old = pairing.pair(asked(pairing.draw_code(gateway, **WHO)), at=AT)
    one = signed(gateway, old)
    assert pairing.verified(one, what="POST /x", body=b"x", at=AT) == gateway
    with pytest.raises(NotSigned, match="came before"):
        pairing.verified(one, what="POST /x", body=b"x", at=AT)
    _, new = pairing.pair(asked(pairing.draw_code(gateway, **WHO)), at=AT)
    with pytest.raises(NotSigned, match="not the gateway's"):
        pairing.verified(signed(gateway, old, "b" * 32), what="POST /x", body=b"x", at=AT)
    later = AT + timedelta(seconds=601)
    fresh = signed(gateway, new, "c" * 32, later)
    pairing.verified(fresh, what="POST /x", body=b"x", at=later)
    assert list(GatewayNonce.objects.values_list("nonce", flat=True)) == ["c" * 32]
    gateway.refresh_from_db()
    pairing.unpair(gateway, **WHO)
    with pytest.raises(NotSigned, match="no gateway of that name"):
        pairing.verified(signed(gateway, new, "d" * 32), what="POST /x", body=b"x", at=AT)


def test_neither_the_row_nor_the_secret_alone_gives_the_key(cellar, settings):
    gateway = cellar[0]
    paired, key = pairing.pair(asked(pairing.draw_code(gateway, **WHO)), at=AT)
    settings.SECRET_KEY = "another secret of the platform, long enough"
    assert pairing.key_of(paired) != key
