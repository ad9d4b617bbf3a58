"""The gateway: how fast it reads meters, and what memory it needs with a hundred of them."""

import asyncio
import contextlib
import os
import re
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from quartier.cli.bench._counts import Counts
from quartier.cli.bench._figure import Figure
from quartier.formats.uplink import configuration as told
from quartier.formats.uplink.signature import sign
from quartier.gateway.home import Home, Pairing
from quartier.gateway.lines import opener

DRIVER, MODEL = "eastron_sdm630", "SDM630-Modbus"
METERS = 100
LIMIT_MB = 60
ROUNDS = 3
POWER_EVERY_S = 10
LONGEST_S = 120


def measure(folder: Path, counts: Counts) -> Iterator[Figure]:
    """``meters_polled_per_s`` and ``gateway_100_meters_mb``."""
    with _bus() as port:
        yield asyncio.run(_polled(port, counts.polls))
        yield _memory(folder / "gateway", port, METERS if counts.is_full else 2)


@contextlib.contextmanager
def _bus() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "quartier.cli.bench._slave"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _settings(port: int) -> told.BusSettings:
    return told.BusSettings("bench", told.BusKind.MODBUS_TCP, host="127.0.0.1", port=port)


def _meter(number: int) -> told.MeterSettings:
    address, plan = str(number % 247 + 1), told.Plan.QUARTER_HOUR
    return told.MeterSettings(f"m{number}", "bench", DRIVER, MODEL, address, "", plan)


async def _polled(port: int, polls: int) -> Figure:
    """One meter after the other, as a bus allows no more; the floor is the bare conversation."""
    bus = opener(time.monotonic)(_settings(port))
    meters = [bus.meter(_meter(number)) for number in range(METERS)]
    first = await meters[0].registers()
    if not first.values or first.findings:
        raise RuntimeError(f"the meter gave {first}")
    cpu_s, started = time.process_time(), time.perf_counter()
    for number in range(polls):
        await meters[number % METERS].registers()
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_s
    bus.close()
    return Figure(
        "meters_polled_per_s",
        polls / wall_s,
        "meters/s",
        f"one Modbus TCP bus, all counting registers of a meter ({DRIVER}), one after the other; "
        f"CPU {cpu_s / polls * 1e6:,.0f} us a meter",
        floor=polls / await _bare(port, polls),
        floor_what="one bare question and answer each",
        higher_is_better=True,
    )


async def _bare(port: int, polls: int) -> float:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.perf_counter()
    for _ in range(polls):
        writer.write(bytes.fromhex("000100000006010400000002"))
        await reader.readexactly(13)
    wall_s = time.perf_counter() - started
    writer.close()
    return wall_s


def _memory(folder: Path, port: int, meters: int) -> Figure:
    """The program itself, paired with a platform that is away, until it has read the power of all
    meters a few times."""
    home = _paired_home(folder, port, meters)
    command = [sys.executable, "-m", "quartier.gateway.program", "--home", str(folder)]
    process = subprocess.Popen(
        [*command, "--allow-http", "run", "--page", "127.0.0.1:0"],
        stderr=subprocess.DEVNULL,
        env={**os.environ, "NOTIFY_SOCKET": ""},
    )
    try:
        until = time.monotonic() + LONGEST_S
        while _kept(home.buffer_path) < ROUNDS * meters:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the gateway did not read its meters")
            time.sleep(0.2)
        peak_mb = _peak_mb(process.pid)
    finally:
        process.terminate()
        process.wait()
    return Figure(
        "gateway_100_meters_mb",
        peak_mb,
        "MB",
        f"most memory of the gateway's program with {meters} meters",
        floor=LIMIT_MB,
        floor_what="limit",
    )


def _paired_home(folder: Path, port: int, meters: int) -> Home:
    folder.mkdir()
    home, key = Home(folder), secrets.token_bytes(32)
    pairing = Pairing("http://127.0.0.1:9", "bench", key, "000000")
    home.save_pairing(pairing)
    wanted = told.encode(
        told.Configuration(
            "bench",
            1,
            "Europe/Zurich",
            (_settings(port),),
            tuple(_meter(number) for number in range(meters)),
            POWER_EVERY_S,
        )
    )
    now, nonce = datetime.now(UTC), "0" * 32
    seal = sign(key, gateway="bench", now=now, nonce=nonce, what=nonce, body=wanted)
    home.take(pairing, wanted, seal.headers, now=now, nonce=nonce)
    return home


def _kept(path: Path) -> int:
    if not path.exists():
        return 0
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        (count,) = connection.execute("SELECT count(*) FROM measurement").fetchone()
    except sqlite3.OperationalError:  # it is being made
        return 0
    finally:
        connection.close()
    return int(count)


def _peak_mb(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1e6
