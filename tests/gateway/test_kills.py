"""The real program killed with SIGKILL while it reads and sends: what it stored arrives, once."""

import asyncio
import random
import sqlite3
import sys
from datetime import UTC, datetime

from quartier.gateway.home import Home, Pairing
from tests.counts import examples
from tests.drivers.maps import sdm630
from tests.gateway.platform import KEY, NAME, Platform
from tests.protocols.modbus.simulator import device, simulated

METERS = 20


def configuration(port):
    net = {"host": "127.0.0.1", "port": port, "timeout_ms": 1000, "pause_ms": 0}
    meters = [
        {
            "name": f"w{number:03}",
            "bus": "b",
            "driver": "eastron_sdm630",
            "model": "",
            "address": str(number),
            "serial": "",
            "plan": "quarter_hour",
            "settings": {},
        }
        for number in range(1, METERS + 1)
    ]
    bus = {"name": "b", "kind": "modbus_tcp", **net}
    return {"timezone": "Europe/Zurich", "buses": [bus], "meters": meters, "power_every_s": 10}


def stored(path):
    """The numbers of what waits, and the last that was given."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        waiting = [number for (number,) in connection.execute("SELECT number FROM measurement")]
        row = connection.execute("SELECT seq FROM sqlite_sequence").fetchone()
    finally:
        connection.close()
    return waiting, row[0] if row else 0


def test_what_was_stored_arrives_once(tmp_path):
    platform = Platform(lambda: datetime.now(UTC))
    draw = random.Random(1)
    home = Home(tmp_path)
    command = [sys.executable, "-m", "quartier.gateway.program", "--home", str(tmp_path)]

    async def start():
        return await asyncio.create_subprocess_exec(*command, "run", "--page", "off")

    async def scenario():
        inputs = [device(number, inputs=sdm630(1000.0 + number)) for number in range(1, METERS + 1)]
        async with simulated(inputs) as bus:
            platform.configure(configuration(int(bus.link.name.rpartition(":")[2])))
            with platform.serve() as url:
                home.save_pairing(Pairing(url, NAME, KEY, "123456"))
                for _ in range(examples(3)):
                    running = await start()
                    reports = len(platform.reports)
                    async with asyncio.timeout(30):
                        while len(platform.reports) == reports:
                            await asyncio.sleep(0.01)
                        await asyncio.sleep(draw.random() * 0.8)
                    running.kill()
                    await running.wait()
                reports = len(platform.reports)
                running = await start()
                async with asyncio.timeout(60):
                    before = stored(home.buffer_path)[1]
                    while (
                        len(platform.reports) == reports
                        or max(platform.kept.values(), default=0) < before
                    ):
                        await asyncio.sleep(0.01)
                running.terminate()
                assert await running.wait() == 0

    asyncio.run(scenario())
    waiting, last = stored(home.buffer_path)
    assert len(platform.kept) == 1, "one buffer"
    (kept,) = platform.kept.values()
    arrived = sum(len(rows) for rows in platform.rows.values())
    assert last > METERS
    assert arrived == kept, "each number once"
    # What was kept while the program was told to end waits for an answer still.
    assert sorted(number for number in waiting if number > kept) == [*range(kept + 1, last + 1)]
