"""The local page over real HTTP: only with the PIN, only from its own forms, whatever is sent."""

import asyncio
import contextlib
import http.client
import socket
import threading
import time
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.uplink.configuration import (
    BusKind,
    BusSettings,
    Configuration,
    MeterSettings,
    Plan,
)
from quartier.gateway.agent import Agent
from quartier.gateway.home import Home, Pairing
from quartier.gateway.lines import opener
from quartier.gateway.local.requests import BadRequest, read, start
from quartier.gateway.local.server import Local
from quartier.gateway.local.texts import LANGUAGES, TEXTS, language_of
from quartier.gateway.timekeeper import SystemClock
from quartier.gateway.tools import Tools
from quartier.gateway.transport import Unreachable
from tests.drivers.maps import sdm630
from tests.protocols.modbus.simulator import device, simulated

PIN = "042042"


async def nobody(*_):
    raise Unreachable("there is no internet here")


class Browser:
    """A client in the thread of the test."""

    def __init__(self, port):
        self.port = port
        self.cookie = ""

    def ask(self, method, path, form=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        own = {"Cookie": self.cookie, "Origin": f"http://127.0.0.1:{self.port}"}
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, urlencode(form) if form is not None else None, own)
        answer = connection.getresponse()
        self.cookie = (answer.getheader("Set-Cookie") or self.cookie).partition(";")[0]
        body = answer.read().decode()
        connection.close()
        return answer, body

    def sign_in(self):
        return self.ask("POST", "/sign-in", {"pin": PIN})


@pytest.fixture
def building(tmp_path, monkeypatch):
    """A browser beside a gateway with a silent and a speaking meter, all real."""
    monkeypatch.setattr("quartier.drivers.modbus.line._SCANNED", [11])
    ready, browser, errors = threading.Event(), Browser(0), []

    async def work(stop):
        async with simulated([device(11, inputs=sdm630())]) as bus:
            port = int(bus.link.name.rpartition(":")[2])
            agent = _agent(tmp_path, port)
            running = asyncio.create_task(agent.run())
            local = Local(Tools(agent))
            server = await start(local.answer, "127.0.0.1", 0)
            browser.port = server.sockets[0].getsockname()[1]
            browser.agent = agent
            ready.set()
            await stop.wait()
            await local.tools.close()
            server.close()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    async def begin():
        browser.loop, browser.stop = asyncio.get_running_loop(), asyncio.Event()
        await work(browser.stop)

    def thread():
        try:
            asyncio.run(begin())
        except BaseException as problem:
            errors.append(problem)
            ready.set()
            raise

    worker = threading.Thread(target=thread)
    worker.start()
    assert ready.wait(20)
    yield browser
    browser.loop.call_soon_threadsafe(browser.stop.set)
    worker.join(20)
    assert not errors


def _agent(folder, port):
    home = Home(folder)
    pairing = Pairing("http://localhost", "linde", b"k" * 32, PIN)
    home.save_pairing(pairing)
    clock = SystemClock()
    agent = Agent(home, pairing, clock, opener(clock.monotonic), nobody, software="0.1.0")
    agent.configuration = Configuration(
        "linde",
        3,
        "Europe/Zurich",
        (BusSettings("rs485", BusKind.MODBUS_TCP, "127.0.0.1", port, timeout_ms=100),),
        (MeterSettings("w001", "rs485", "eastron_sdm630", "", "11", "", Plan.QUARTER_HOUR),),
    )
    return agent


def test_the_installers_way_through_the_page(building):
    answer, body = building.ask("GET", "/")
    assert answer.status == 200
    assert "PIN" in body
    assert "w001" not in body, "nothing is shown before"
    answer, _ = building.sign_in()
    assert answer.status == 303
    assert "HttpOnly; SameSite=Strict" in answer.getheader("Set-Cookie")
    answer, body = building.ask("POST", "/read", {"bus": "rs485", "meter": "w001"})
    assert answer.status == 303
    answer, body = building.ask("GET", "/", Accept_Language="de-CH,de;q=0.9")
    assert "8123500 Wh" in body
    assert "1-1:1.8.0" in body
    assert "Jetzt ablesen" in body
    assert "there is no internet here" in body
    assert "default-src 'none'" in answer.getheader("Content-Security-Policy")
    assert "<script" not in body
    answer, _ = building.ask("POST", "/scan", {"bus": "rs485"})
    assert answer.getheader("Location") == "/scan"
    until = time.monotonic() + 20
    while "refresh" in (body := building.ask("GET", "/scan")[1]):
        assert time.monotonic() < until
    assert "eastron_sdm630" in body


def test_wrong_pins_lock_the_page(building):
    for _ in range(5):
        answer, _ = building.ask("POST", "/sign-in", {"pin": "000000"})
        assert answer.status == 403
    answer, body = building.sign_in()
    assert answer.status == 429
    assert "Too many wrong PINs" in body


def test_a_form_of_another_site_does_nothing(building):
    building.sign_in()
    for origin in ("http://evil.example", "null", ""):
        answer, _ = building.ask("POST", "/scan", {"bus": "rs485"}, Origin=origin)
        assert answer.status == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(
            ("gateway", 200),
            ("gateway.local", 200),
            ("GATEWAY.lan.:8080", 200),
            ("[::1]:8080", 200),
        ),
        *(("192.168.1.7:8080", 200), ("evil.example", 421), ("evil.example.:8080", 421)),
        *(("127.0.0.1.evil.example", 421), ("evil.example:x", 421), ("[::1", 421), ("local", 200)),
    ],
)
def test_a_site_that_points_its_own_name_here_can_try_no_pin(building, host, status):
    page, _ = building.ask("GET", "/", Host=host)
    tried, _ = building.ask("POST", "/sign-in", {"pin": PIN}, Host=host, Origin=f"http://{host}")
    assert (page.status, tried.status) == (status, 303 if status == 200 else 421)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nOrigin: http://[\r\n\r\n", 403),
        (b"GET / HTTP/1.1\r\nHost: [\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\n" + b"x: " + b"y" * 20_000 + b"\r\n\r\n", 431),
        (b"DELETE / HTTP/1.1\r\n\r\n", 405),
        (b"\x16\x03\x01\x02\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\xff\xff", 400),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400),
        (b'GET /../../etc/passwd HTTP/1.0\r\nCookie: session="\xe9\r\n\r\n', 200),
    ],
)
def test_hostile_requests_are_refused(building, sent, status):

    with socket.create_connection(("127.0.0.1", building.port), 10) as channel:
        channel.sendall(sent)
        answer = channel.makefile("rb").read()
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"w001" not in answer
    assert building.ask("GET", "/")[0].status == 200


def test_many_who_say_nothing_keep_nobody_out_and_are_hung_up(building):
    where = "127.0.0.1", building.port
    with contextlib.ExitStack() as opened:
        silent = [opened.enter_context(socket.create_connection(where, 10)) for _ in range(200)]
        for one in silent[::2]:
            with contextlib.suppress(OSError):
                one.sendall(b"GET / HTTP/1.1\r\nHost: gate")
        begun_s = time.monotonic()
        assert building.ask("GET", "/")[0].status == 200
        assert time.monotonic() - begun_s < 2
        held = 0
        for one in silent:
            one.settimeout(0.02)
            try:
                held += bool(one.recv(1))
            except TimeoutError:
                held += 1
            except OSError:
                continue
        assert held <= 20


def test_every_text_is_there_in_four_languages():
    for name, texts in TEXTS.items():
        assert len(texts) == len(LANGUAGES), name
        assert all(texts), name
        assert "ß" not in texts[0]
    assert [language_of(one) for one in ("fr-CH", "rm,it;q=0.5", "", "ja")] == [
        "fr",
        "it",
        "en",
        "en",
    ]


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=80).map(lambda one: b"POST / HTTP/1.1\r\n" + one + b"\r\n\r\n"),
    )
)
def test_any_bytes_are_a_request_or_refused(data):
    async def scenario():
        reader = asyncio.StreamReader(limit=1000)
        reader.feed_data(data)
        reader.feed_eof()
        with contextlib.suppress(BadRequest, asyncio.IncompleteReadError):
            request = await read(reader)
            assert request.method in ("GET", "POST")
            assert isinstance(request.session, str)
            assert not request.is_own_form or request.headers["host"]

    asyncio.run(scenario())
