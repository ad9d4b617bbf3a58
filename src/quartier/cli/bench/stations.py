"""Charging stations: what a message costs the server that answers it."""

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from quartier.cli.bench._counts import Counts
from quartier.cli.bench._figure import Figure
from quartier.ocpp.versions import Version

STATIONS = 20
WARM = 20
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_AT = "2026-01-01T12:00:00Z"


def _values(number: int) -> str:
    """What a station sends while a car charges: its register, and the currents of three phases."""
    register = {"value": str(1_000_000 + number), "unit": "Wh", "context": "Sample.Periodic"}
    currents = [
        {"value": "16.0", "measurand": "Current.Import", "unit": "A", "phase": phase}
        for phase in ("L1", "L2", "L3")
    ]
    sampled = [{"timestamp": _AT, "sampledValue": [register, *currents]}]
    payload = {"connectorId": 1, "transactionId": 7, "meterValue": sampled}
    return json.dumps([2, f"m{number}", "MeterValues", payload])


def measure(folder: Path, counts: Counts) -> Iterator[Figure]:
    """``meter_values_us``."""
    del folder
    served, echoed = [], []
    for _ in range(counts.fleet_runs):  # in turn, since a shared machine is not always as fast
        served.append(_cpu_us("served", counts.messages))
        echoed.append(_cpu_us("echo", counts.messages))
    yield Figure(
        "meter_values_us",
        statistics.median(served),
        "us",
        "CPU of the server for a MeterValues of 1.6 with 4 samples, checked in and out, and "
        f"answered; {STATIONS} stations",
        floor=statistics.median(echoed),
        floor_what="the same text sent back by the bare library",
        goal=100,
        samples=served,
    )


def _cpu_us(how: str, messages: int) -> float:
    with _server(how) as (port, pid):
        return asyncio.run(_ask(port, pid, messages))


@contextlib.contextmanager
def _server(how: str) -> Iterator[tuple[int, int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "quartier.cli.bench._stations", how],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def _ask(port: int, pid: int, messages: int) -> float:
    async with contextlib.AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(
                connect(
                    f"ws://127.0.0.1:{port}/ocpp/s{number}",
                    subprotocols=[Subprotocol(Version.V16.value)],
                    compression=None,
                )
            )
            for number in range(STATIONS)
        ]
        each = max(messages // STATIONS, 1)
        await asyncio.gather(*(_talk(socket, WARM) for socket in sockets))
        before_s = _cpu_s(pid)
        await asyncio.gather(*(_talk(socket, each) for socket in sockets))
        return max(_cpu_s(pid) - before_s, _TICK_S) / (each * STATIONS) * 1e6


async def _talk(socket: ClientConnection, messages: int) -> None:
    for number in range(messages):
        await socket.send(_values(number))
        kind, *_ = json.loads(await socket.recv())
        if kind not in (2, 3):
            raise RuntimeError("the server refused a message")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S
