"""The endpoints as a gateway sees them: signed both ways, and nothing else gets in."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.apps.equipment import gateways, pairing
from quartier.apps.equipment.models import Device, Gateway, GatewayFinding, Meter, Register
from quartier.apps.metering.models import Reading
from quartier.formats.uplink import answers, batch, reports
from quartier.formats.uplink.configuration import decode
from quartier.formats.uplink.pairing import PairingRequest, decode_answer, encode_request
from quartier.formats.uplink.signature import check, sign, signature_of

pytestmark = [pytest.mark.django_db, pytest.mark.db]

T0 = datetime(2026, 11, 2, 9, tzinfo=UTC)
BATCHES, REPORTS = "/api/gateway/batches", "/api/gateway/reports"
CONFIGURATION, PAIRINGS = "/api/gateway/configuration", "/api/gateway/pairings"


class Cellar:
    """A gateway on the other end of the line."""

    def __init__(self, client, gateway, key):
        self.client, self.gateway, self.key = client, gateway, key
        self.count = 0

    def ask(self, method, path, body=b"", *, name=None, key=None, nonce=None, signs=None, now=None):
        self.count += 1
        made = sign(
            key or self.key,
            gateway=name or self.gateway.name,
            now=now or datetime.now(UTC),
            nonce=nonce or f"{self.count:032x}",
            what=f"{method} {signs or path}",
            body=body,
        )
        self.nonce = made.nonce
        return self.client.generic(
            method, path, body, content_type="application/octet-stream", headers=made.headers
        )

    def believe(self, answer):
        signature = signature_of(answer.headers)
        check(signature, self.key, now=datetime.now(UTC), what=self.nonce, body=answer.content)
        return answer


@pytest.fixture
def cellar(db, client):
    from quartier.apps.parties.models import Organisation
    from quartier.apps.sites.models import Site

    cache.clear()  # how many codes were tried, by other tests too
    organisation = Organisation.objects.create(ref="north", name="North")
    site = Site.objects.create(organisation=organisation, ref="elm", name="Elm Street")
    gateway = gateways.add_gateway(site, "elm-cellar", at=T0, actor="t")
    meter = Meter.objects.create(site=site, ref="m1", name="M1")
    Register.objects.create(site=site, meter=meter, obis="1-1:1.8.0")
    Device.objects.create(meter=meter, serial="s1", installed_at=T0 - timedelta(hours=1))
    code = pairing.draw_code(gateway, at=datetime.now(UTC), actor="t")
    asked = encode_request(PairingRequest(code, "0" * 32, "0.1.0", "board-1"))
    answer = client.post(PAIRINGS, asked, content_type="application/json")
    assert answer.status_code == 200
    told = decode_answer(answer.content)
    assert told.gateway == "elm-cellar"
    again = client.post(PAIRINGS, asked, content_type="application/json")
    assert again.status_code == 403
    return Cellar(client, gateway, told.key)


def sent(*values, first=1, gateway="elm-cellar"):
    now = datetime.now(UTC).replace(microsecond=0)
    found = tuple(
        batch.Measurement(T0 + n * timedelta(minutes=15), Decimal(value))
        for n, value in enumerate(values)
    )
    column = batch.Column("m1", "1-1:1.8.0", batch.Kind.REGISTER, found, "s1")
    return batch.encode(
        batch.Batch(gateway, "b" * 32, first, first + len(values) - 1, now, (column,))
    )


def test_a_batch_is_acknowledged_once_it_is_stored(cellar):
    answer = cellar.believe(cellar.ask("POST", BATCHES, sent(0, 10)))
    told = answers.decode(answer.content, is_to_batch=True)
    assert (answer.status_code, told.kept, told.configuration, told.findings) == (200, 2, 0, ())
    assert Reading.objects.count() == 2
    again = cellar.believe(cellar.ask("POST", BATCHES, sent(0, 10)))
    assert answers.decode(again.content, is_to_batch=True).kept == 2
    assert Reading.objects.count() == 2


def test_the_answer_comes_after_the_end_of_the_transaction(cellar, monkeypatch):
    from django.db import connection

    outer = len(connection.savepoint_ids)
    seen = []

    def encode(answer):
        seen.append((len(connection.savepoint_ids) - outer, Reading.objects.count()))
        return real(answer)

    real = answers.encode
    monkeypatch.setattr(answers, "encode", encode)
    cellar.ask("POST", BATCHES, sent(0, 10))
    assert seen == [(0, 2)]


def test_the_configuration_is_told_until_the_gateway_has_it(cellar):
    nothing = cellar.believe(cellar.ask("GET", f"{CONFIGURATION}?have=0"))
    assert (nothing.status_code, nothing.content) == (304, b"")
    net = {"host": "192.168.1.20", "port": 502}
    bus = gateways.add_bus(cellar.gateway, "b", "modbus_tcp", net, at=T0, actor="t")
    meter = Meter.objects.get(ref="m1")
    how = gateways.How("eastron_sdm630")
    gateways.connect(bus, [gateways.Wanted(meter, "11")], how, at=T0, actor="t")
    answer = cellar.believe(cellar.ask("GET", f"{CONFIGURATION}?have=0"))
    told = decode(answer.content)
    assert (told.number, [one.name for one in told.meters]) == (1, ["m1"])
    assert cellar.ask("GET", f"{CONFIGURATION}?have=1").status_code == 304
    assert cellar.believe(cellar.ask("GET", f"{CONFIGURATION}?have=x")).status_code == 400
    kept = answers.decode(cellar.ask("POST", BATCHES, sent(0)).content, is_to_batch=True)
    assert kept.configuration == 1


def test_a_report_replaces_the_one_before(cellar):
    for findings in (("x.y", "one"), ("x.z", "two")), (("x.z", "two"),):
        noticed = tuple(reports.Noticed(code, text, "warning", T0, "m1") for code, text in findings)
        made = reports.Report("0.2.0", 7, T0, 5, T0, 4096, ())
        body = json.loads(reports.encode(made))
        body["findings"] = [
            {
                "code": n.code,
                "text": n.text,
                "severity": n.severity,
                "since_ms": 10**12,
                "meter": "m1",
            }
            for n in noticed
        ]
        answer = cellar.believe(cellar.ask("POST", REPORTS, json.dumps(body).encode()))
        assert answers.decode(answer.content, is_to_batch=False).kept is None
    assert [one.text for one in GatewayFinding.objects.all()] == ["two"]
    row = Gateway.objects.get()
    assert (row.software, row.used_configuration, row.waiting) == ("0.2.0", 7, 5)
    assert row.seen_at is not None


def test_what_is_not_signed_by_it_just_now_for_this_is_refused(cellar):
    body = sent(0, 10)
    old = datetime.now(UTC) - timedelta(seconds=302)
    refused = [
        cellar.client.post(BATCHES, body, content_type="application/octet-stream"),
        cellar.ask("POST", BATCHES, body, key=b"x" * 32),
        cellar.ask("POST", BATCHES, body, name="nobody"),
        cellar.ask("POST", BATCHES, body, signs=REPORTS),
        cellar.ask("GET", f"{CONFIGURATION}?have=1", signs=f"{CONFIGURATION}?have=2"),
        cellar.ask("POST", BATCHES, body, now=old),
    ]
    assert [one.status_code for one in refused] == [401] * 6
    assert not any("Quartier-Signature" in one.headers for one in refused)
    assert not Reading.objects.exists()
    first = cellar.ask("POST", BATCHES, body, nonce="f" * 32)
    replayed = cellar.ask("POST", BATCHES, body, nonce="f" * 32)
    assert (first.status_code, replayed.status_code) == (200, 401)


def test_what_cannot_be_read_is_refused_signed_and_noted(cellar):
    bomb = gzip.compress(b"0" * (65 << 20), 9)
    assert len(bomb) < batch.MOST_BYTES
    for path, body, words in (
        (BATCHES, b"\x1f\x8b", "cannot be read"),
        (BATCHES, bomb, "unpacks to more"),
        (BATCHES, sent(0, gateway="another"), "of the gateway another"),
        (REPORTS, b"{}", "has no"),
    ):
        answer = cellar.believe(cellar.ask("POST", path, body))
        assert answer.status_code == 400
        assert words in answers.decode_refusal(answer.content)
    codes = set(GatewayFinding.objects.values_list("code", flat=True))
    assert codes == {"gateway.bad_batch", "gateway.bad_report"}


def test_what_is_too_big_is_refused_before_it_is_read(cellar, monkeypatch):
    def read(_request):
        raise AssertionError("it was read")

    monkeypatch.setattr("django.http.HttpRequest.body", property(read))
    big = b"0" * (batch.MOST_BYTES + 1)
    assert cellar.ask("POST", BATCHES, big).status_code == 413
    assert cellar.client.post(PAIRINGS, big, content_type="x/y").status_code == 413


def test_a_copy_of_a_disk_is_a_conflict(cellar):
    cellar.ask("POST", BATCHES, sent(0))
    site = cellar.gateway.site
    twin = gateways.add_gateway(site, "twin", at=T0, actor="t")
    code = pairing.draw_code(twin, at=T0, actor="t")
    paired, key = pairing.pair(PairingRequest(code, "0" * 32, "0.1.0"), at=T0)
    other = Cellar(cellar.client, paired, key)
    answer = other.believe(other.ask("POST", BATCHES, sent(5, gateway="twin")))
    assert answer.status_code == 409


def test_codes_cannot_be_tried_without_end(cellar):
    cache.clear()
    wrong = encode_request(PairingRequest("0000-0000-0000", "0" * 32, "0.1.0"))
    got = [
        cellar.client.post(PAIRINGS, wrong, content_type="application/json").status_code
        for _ in range(11)
    ]
    cache.clear()
    assert got == [403] * 10 + [429]


def test_hostile_bodies_never_break_it(cellar):
    @settings(max_examples=25)
    @given(
        path=st.sampled_from([BATCHES, REPORTS]),
        body=st.binary(max_size=60)
        | st.binary(max_size=60).map(gzip.compress)
        | st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["version", "columns", "findings"]), inner)
            ),
            max_leaves=6,
        ).map(lambda one: gzip.compress(json.dumps(one).encode())),
    )
    def hostile(path, body):
        assert cellar.believe(cellar.ask("POST", path, body)).status_code == 400

    hostile()
    assert not Reading.objects.exists()
