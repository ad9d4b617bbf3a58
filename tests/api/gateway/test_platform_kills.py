"""The platform killed with SIGKILL while a gateway sends: what it acknowledged is there, once."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from quartier.formats.uplink.batch import Kind, Measurement
from quartier.gateway.buffer import Buffer, Source
from quartier.gateway.home import Home, Pairing
from quartier.gateway.noticed import Ledger
from quartier.gateway.recorder import Recorder
from quartier.gateway.timekeeper import SystemClock, Timekeeper
from quartier.gateway.transport import transport
from quartier.gateway.uplink import Uplink
from tests.api.gateway.killed_platform import METERS, NAME, QUARTER, T0, state_wh
from tests.servers import tables
from tests.servers.ports import free_port
from tests.servers.postgresql import Postgresql

ROOT = Path(__file__).resolve().parents[3]
SOURCES = [Source(f"m{number}", "1-1:1.8.0", Kind.REGISTER, "s") for number in range(METERS)]


class Platform:
    """``quartier serve`` on a database of its own."""

    def __init__(self, folder, url):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder, self._process = folder, None
        kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        own = {"QUARTIER_HOME": str(folder), "QUARTIER_PUBLIC_URL": self.url}
        self._environment = {**kept, **own, "PYTHONPATH": str(ROOT)} | (
            {"DATABASE_URL": url} if url else {}
        )

    def start(self):
        command = [sys.executable, "-m", "quartier", "serve", "--no-worker"]
        with (self._folder / "serve.log").open("a") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self):
        until = time.monotonic() + 60
        while True:
            assert self._process.poll() is None, (self._folder / "serve.log").read_text()[-2000:]
            assert time.monotonic() < until
            try:
                with urllib.request.urlopen(f"{self.url}/account/login/", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)

    def kill(self):
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def ask(self, what):
        command = [sys.executable, "-m", "tests.api.gateway.killed_platform", what]
        done = subprocess.run(
            command, env=self._environment, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


class Cellar:
    """The gateway's own buffer and uplink; its meters count through a spring, as fast as asked."""

    def __init__(self, folder, url, key):
        folder.mkdir()
        home = Home(folder)
        home.save_pairing(Pairing(url, NAME, key, "123456"))
        self.buffer = Buffer(home.buffer_path)
        ledger = Ledger()
        self.slot = 0
        self._uplink = Uplink(
            home.pairing(),
            home,
            Recorder(self.buffer, Timekeeper(SystemClock()), ledger),
            ledger,
            transport(url),
            software="0.1.0",
            take=lambda _: None,
        )

    def count(self, slots):
        for slot in range(self.slot, self.slot + slots):
            self.buffer.append(
                (source, Measurement(T0 + slot * QUARTER, Decimal(state_wh(number, slot))))
                for number, source in enumerate(SOURCES)
            )
        self.slot += slots

    async def send(self):
        """One round; whether the platform has all."""
        await self._uplink.round()
        return self.buffer.waiting().count == 0


@pytest.fixture(params=["sqlite", "postgresql"])
def platform(request, tmp_path):
    url, server = "", None
    folder = tmp_path / "platform"
    folder.mkdir()
    if request.param == "sqlite":
        tables.copy_to(folder)
    else:
        server = Postgresql()
        tables.postgresql(server)
        url = server.create("drill", tables.TEMPLATE)
    made = Platform(folder, url)
    yield made
    made.kill()
    if server:
        server.stop()


@pytest.mark.drill
def test_what_was_acknowledged_is_there_once(platform, tmp_path, drill_count):
    draw = random.Random(int(os.environ["QUARTIER_SEED"]))
    cellar = Cellar(tmp_path / "gateway", platform.url, bytes.fromhex(platform.ask("build")))

    async def until_killed():
        """Count and send without a pause, while the platform is killed at some moment."""
        loop = asyncio.get_running_loop()
        moment = loop.call_later(draw.uniform(0.05, 0.8), platform.kill)
        while not moment.when() < loop.time():
            cellar.count(draw.randint(1, 8))
            await cellar.send()

    for _ in range(drill_count(50, 1)):
        platform.start()
        platform.wait()
        asyncio.run(until_killed())
    platform.start()
    platform.wait()
    cellar.count(1)
    assert asyncio.run(cellar.send())
    stored = json.loads(platform.ask("look"))
    assert stored["unplaced"] == 0
    for number in range(METERS):
        states = [state_wh(number, slot) for slot in range(cellar.slot)]
        found = stored["meters"][f"m{number}"]
        assert found["states"] == states
        assert found["energy_wh"] == [after - before for before, after in pairwise(states)]
