"""The running field server: one task for each service, until it is told to stop.

A service that fails is logged with its traceback and begun again; the others go on. To add one
(MQTT, charging stations): write what has ``name`` and ``run``, and name it in ``cli/field.py``.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

AGAIN_S = 5.0
"""After a fault a service rests so long."""

_log = logging.getLogger("quartier.field")


class Service(Protocol):
    """One thing that the server holds connections for."""

    @property
    def name(self) -> str:
        """For the log."""

    async def run(self) -> None:
        """Serve until cancelled; what was taken over is on the disk then."""


class CannotStart(Exception):
    """The service can never run as it is set up; the text says why and what to do."""


async def run(services: Sequence[Service], *, again_s: float = AGAIN_S) -> None:
    """Run ``services`` until SIGTERM or SIGINT, or until one raises :class:`CannotStart`."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    tasks = [asyncio.create_task(_kept_up(one.name, one.run, again_s)) for one in services]
    stopping = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stopping, *tasks):
            task.cancel()
        results = await asyncio.gather(stopping, *tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, CannotStart):
            raise result


async def _kept_up(
    name: str, begin: Callable[[], Coroutine[Any, Any, None]], again_s: float
) -> None:
    while True:
        try:
            await begin()
        except CannotStart:
            raise
        except Exception:  # noqa: BLE001 - it is logged, and the rest goes on
            _log.exception("%s has failed and is begun again in %.0f s", name, again_s)
            await asyncio.sleep(again_s)
        else:
            return
