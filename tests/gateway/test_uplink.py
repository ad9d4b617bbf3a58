"""Nothing is forgotten before the platform has it, whatever lies between."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from quartier.formats.uplink.batch import Kind
from quartier.gateway.buffer import Buffer, Source
from quartier.gateway.home import Home, Pairing
from quartier.gateway.noticed import Ledger
from quartier.gateway.recorder import Recorder, Shown
from quartier.gateway.timekeeper import Timekeeper
from quartier.gateway.transport import BadUrl, Reply, Unreachable, transport
from quartier.gateway.uplink import LONGEST_DELAY_S, Uplink
from tests.gateway.clocks import FakeClock
from tests.gateway.platform import KEY, NAME, Platform

AT = datetime(2026, 11, 23, 10, 15, tzinfo=UTC)
ENERGY = Source("w001", "1-1:1.8.0", Kind.REGISTER, "77")
EMPTY = {"timezone": "Europe/Zurich", "buses": [], "meters": [], "power_every_s": 60}


class Building:
    """One gateway without meters, and its platform."""

    def __init__(self, folder, send=None):
        self.clock = FakeClock(AT)
        self.platform = Platform(lambda: self.clock.truth)
        self.home = Home(folder)
        self.pairing = Pairing("https://quartier.example", NAME, KEY, "123456")
        self.home.save_pairing(self.pairing)
        self.ledger = Ledger()
        self.taken = []
        self.recorder = Recorder(Buffer(self.home.buffer_path), Timekeeper(self.clock), self.ledger)
        self.uplink = self.made(send or self.platform.send)

    def made(self, send):
        return Uplink(
            self.pairing,
            self.home,
            self.recorder,
            self.ledger,
            send,
            software="0.1.0",
            take=self.taken.append,
            draw=lambda: 0.5,
        )

    def read(self, value):
        self.clock.monotonic_s += 60
        self.recorder.record([Shown(ENERGY, Decimal(value), self.clock.monotonic())])

    def round(self):
        return asyncio.run(self.uplink.round())

    def arrived(self):
        return [row[0] for row in self.platform.rows.get(("w001", "1-1:1.8.0"), {}).values()]

    @property
    def waiting(self):
        return self.recorder.buffer.waiting().count

    def codes(self):
        return [one.code for one in self.ledger.current(self.clock.truth)]


@pytest.fixture
def building(tmp_path):
    return Building(tmp_path)


def test_what_was_read_arrives_and_is_forgotten_then(building):
    building.read(100)
    building.read(101)
    assert building.round() == pytest.approx(60)
    assert building.arrived() == [100, 101]
    assert building.waiting == 0
    (report,) = building.platform.reports
    assert report["buffer"]["waiting"] == 2
    assert report["configuration"] == 0
    building.round()
    assert len(building.platform.reports) == 1, "nothing has changed"


def test_over_real_http(tmp_path):
    building = Building(tmp_path)
    with building.platform.serve() as url:
        building.uplink = building.made(transport(url))
        building.platform.configure(EMPTY)
        building.read(100)
        building.round()
        building.round()
    assert building.arrived() == [100]
    assert [one.number for one in building.taken] == [1]
    assert building.codes() == []
    building.clock.monotonic_s += 900
    building.round()
    assert building.codes() == ["gateway.unreachable"]


def test_while_the_platform_is_away_tries_come_ever_more_rarely(building):
    building.platform.is_away = True
    building.read(100)
    delays = [building.round() for _ in range(12)]
    assert delays == sorted(delays)
    assert delays[0] < 10
    assert delays[-1] == pytest.approx(LONGEST_DELAY_S * 0.75)
    assert building.codes() == ["gateway.unreachable"], "said once"
    building.platform.is_away = False
    assert building.round() == pytest.approx(60)
    assert building.arrived() == [100]
    assert building.codes() == []


def test_an_answer_that_is_lost_changes_nothing(building):
    building.round()
    building.read(100)
    building.platform.loses_answers = 3
    for _ in range(3):
        building.round()
        assert building.waiting == 1
    building.round()
    assert building.waiting == 0
    assert building.arrived() == [100]


def test_a_forged_answer_forgets_nothing(building):
    building.round()
    building.read(100)
    building.platform.forges = True
    building.round()
    assert building.waiting == 1
    assert building.codes() == ["gateway.answer_not_signed"]


@pytest.mark.parametrize("status", [400, 401, 409, 413, 429, 503])
def test_a_refusal_keeps_the_data_and_says_why(building, status):
    building.round()
    building.read(100)
    building.platform.refuses = (status, "Not like this.")
    building.round()
    assert building.waiting == 1
    (found,) = building.ledger.current(AT + timedelta(days=1))
    assert found.code == f"gateway.refused_{status}"
    assert "Not like this." in found.text
    building.platform.refuses = None
    building.round()
    assert building.arrived() == [100]


def test_a_platform_that_keeps_only_a_part_gets_the_rest_again(building):
    building.round()
    building.read(100)
    building.read(101)
    keep = building.platform._keep

    def keeps_one(sent):
        keep(sent)
        building.platform.kept[sent["buffer"]] = sent["first"]

    building.platform._keep = keeps_one
    building.round()
    assert building.waiting == 1
    assert building.codes() == ["gateway.not_kept"]
    building.platform._keep = keep
    building.round()
    assert building.waiting == 0


def test_a_backlog_goes_in_many_batches(building, monkeypatch):
    monkeypatch.setattr("quartier.gateway.uplink.MOST_AT_ONCE", 3)
    building.uplink = building.made(building.platform.send)
    for value in range(10):
        building.read(value)
    building.round()
    assert building.arrived() == list(range(10))
    assert building.platform.sent == [(1, 3), (4, 6), (7, 9), (10, 10)]


def test_a_proxy_that_takes_small_bodies_alone_gets_small_ones(building):
    """It knows no key, so it signs nothing (nginx takes 1 MiB where nobody says otherwise)."""

    async def through_proxy(method, path, headers, body):
        if path.endswith("/batches"):
            sent = json.loads(gzip.decompress(body))
            if sent["last"] - sent["first"] >= 3:
                return Reply(413, {}, b"<html>413 Request Entity Too Large</html>")
        return await building.platform.send(method, path, headers, body)

    building.uplink = building.made(through_proxy)
    for value in range(10):
        building.read(value)
    building.round()
    assert building.arrived() == list(range(10))
    assert building.codes() == []


def test_a_new_configuration_is_taken_and_a_bad_one_is_not(building):
    building.platform.configure(EMPTY)
    building.round()
    assert [one.number for one in building.taken] == [1]
    building.platform.configure({**EMPTY, "color": "red"})
    building.clock.monotonic_s += 900
    building.round()
    assert building.codes() == ["gateway.configuration_refused"]
    assert building.home.configuration(building.pairing).number == 1
    building.platform.configure(EMPTY)
    building.round()
    building.round()
    assert [one.number for one in building.taken] == [1, 3]
    assert building.codes() == []
    assert building.platform.reports[-1]["configuration"] == 3


def test_findings_are_reported_when_they_begin_and_when_they_end(building):
    building.round()
    building.recorder.buffer._connection.execute("PRAGMA query_only = 1")
    building.recorder.record([Shown(ENERGY, Decimal(1), building.clock.monotonic())])
    building.recorder.buffer._connection.execute("PRAGMA query_only = 0")
    building.round()
    (found,) = building.platform.reports[-1]["findings"]
    assert found["code"] == "gateway.disk_broken"
    building.read(2)
    building.round()
    assert building.platform.reports[-1]["findings"] == []


def test_an_event_is_told_once(building):
    building.read(100)
    building.clock.wrong = timedelta(seconds=20)
    building.round()
    assert [one["code"] for one in building.platform.reports[-1]["findings"]] == [
        "gateway.clock_set"
    ]
    building.clock.monotonic_s += 900
    building.round()
    assert building.platform.reports[-1]["findings"] == []


def test_a_clock_that_was_never_set_is_set_by_the_platform(building):
    building.clock.boot_without_battery()
    building.read(100)
    building.round()
    assert building.waiting == 0
    building.round()
    building.read(101)
    building.round()
    (first, second) = building.platform.rows["w001", "1-1:1.8.0"]
    assert abs(first - (AT + timedelta(seconds=60)).timestamp() * 1000) < 2000
    assert second - first == 60_000


def test_nothing_is_sent_before_the_time_is_known_to_be_right(building):
    building.clock.wrong = timedelta(hours=-7)
    building.read(100)
    building.round()
    assert building.platform.sent == []
    building.read(101)
    building.round()
    first = min(building.platform.rows["w001", "1-1:1.8.0"])
    assert abs(first - (AT + timedelta(seconds=60)).timestamp() * 1000) < 2000


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://quartier.example", "would send the key in the clear"),
        ("ftp://quartier.example", "is not an address"),
        ("quartier.example", "is not an address"),
        ("https://", "is not an address"),
        ("https://x:y:z", "is not an address"),
        ("https://quartier.example/a/b", "is not an address"),
    ],
)
def test_an_address_that_is_none_is_refused(url, says):
    with pytest.raises(BadUrl, match=says):
        transport(url)
    assert transport("http://quartier.example", allows_plain=True)


def test_an_answer_without_end_is_not_read_whole(monkeypatch):
    monkeypatch.setattr("quartier.gateway.transport.MOST_ANSWER_BYTES", 10)
    platform = Platform(lambda: AT)
    body = json.dumps({"code": "x"}).encode()
    with platform.serve() as url, pytest.raises(Unreachable, match="more than 10 bytes"):
        asyncio.run(transport(url)("POST", "/api/gateway/pairings", {}, body))
