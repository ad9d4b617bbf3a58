"""What a device of the second generation or later tells of its own accord, over WebSocket.

Whoever has asked once over the socket is told from then on what changes (maker's pages: RPC
protocol, RPC channels). What was told is merged into the status that was asked for at first. Only
wanted numbers are kept, so that no device can fill the memory. Whenever this does not work there is
no status, and whoever needs one asks over HTTP.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from quartier.protocols.shelly.answers import object_in
from quartier.protocols.shelly.digest import frame_login
from quartier.protocols.shelly.errors import BadAnswer, BadPassword, ShellyError

FRESH_S = 60.0
"""A device that has told nothing for so long is asked."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 5.0, 300.0
"""Before connecting again, twice as long each time."""
MOST_FRAME_BYTES = 64 * 1024
_PING_S = 20.0
_SOURCE = "quartier"
_UNAUTHORIZED = 401
_NOTIFICATIONS = ("NotifyStatus", "NotifyFullStatus")

_log = logging.getLogger("quartier.gateway")


class Push:
    """One device at ``host`` and ``port``. It connects when a status is first wanted."""

    def __init__(
        self, host: str, port: int, timeout_s: float, monotonic: Callable[[], float]
    ) -> None:
        self.name = f"{host}:{port}"
        self._uri = f"ws://{f'[{host}]' if ':' in host else host}:{port}/rpc"
        self._timeout_s, self._monotonic = timeout_s, monotonic
        self._wanted: dict[str, set[str]] = {}
        self._status: dict[str, dict[str, Any]] | None = None
        self._heard_s = 0.0
        self._task: asyncio.Task[None] | None = None
        self._has_worked = False

    def want(self, component: str, name: str) -> None:
        """Keep ``name`` of ``component`` from now on."""
        if name not in self._wanted.setdefault(component, set()):
            self._wanted[component].add(name)
            self.close()

    def status(self, password: str) -> dict[str, Any] | None:
        """What was wanted, as the device has it now; None where it has to be asked."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(password))
        if self._monotonic() - self._heard_s > FRESH_S:
            return None
        return self._status

    def refresh(self, status: dict[str, Any]) -> None:
        """``status`` was asked for just now: it is newer than what was told."""
        self._merge(status)

    def close(self) -> None:
        """Hang up; the next question for a status connects again."""
        if self._task is not None:
            self._task.cancel()
        self._task = self._status = None

    async def _run(self, password: str) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            self._has_worked = False
            try:
                await self._listen(password)
                problem: Exception | None = None
            except (OSError, UnicodeError, WebSocketException, ShellyError) as reason:
                problem = reason
            self._status = None
            pause_s = FIRST_PAUSE_S if self._has_worked else min(pause_s * 2, LONGEST_PAUSE_S)
            if isinstance(problem, BadPassword):
                pause_s = LONGEST_PAUSE_S
            said = problem or "it hung up"
            _log.log(logging.INFO, "%s tells nothing of its own accord (%s)", self.name, said)
            await asyncio.sleep(pause_s)

    async def _listen(self, password: str) -> None:
        async with connect(
            self._uri,
            compression=None,
            proxy=None,
            user_agent_header=None,
            open_timeout=self._timeout_s,
            close_timeout=self._timeout_s,
            ping_interval=_PING_S,
            ping_timeout=_PING_S,
            max_size=MOST_FRAME_BYTES,
            max_queue=4,
        ) as socket:
            await _ask(socket, 1)
            async for data in socket:
                frame = object_in(self.name, data.encode() if isinstance(data, str) else data)
                self._heard_s = self._monotonic()
                if "method" in frame:
                    if frame["method"] in _NOTIFICATIONS:
                        self._merge(frame.get("params"))
                elif "error" in frame:
                    challenge = self._challenge(frame, password)
                    await _ask(socket, 2, frame_login(challenge, password))
                else:
                    if isinstance(frame.get("result"), dict):  # else what was there stays gone
                        self._status = {}
                    self._merge(frame.get("result"))
                    self._has_worked = True

    def _merge(self, told: Any) -> None:
        if not isinstance(told, dict):
            raise BadAnswer(f"{self.name} answers with what is no object")
        if self._status is None:  # nothing to merge it with yet
            return
        for component, names in self._wanted.items():
            values = told.get(component)
            if isinstance(values, dict):
                kept = self._status.setdefault(component, {})
                kept |= {name: values[name] for name in names if name in values}

    def _challenge(self, frame: dict[str, Any], password: str) -> dict[str, Any]:
        fault = frame["error"]
        if not isinstance(fault, dict) or fault.get("code") != _UNAUTHORIZED:
            raise BadAnswer(f"{self.name} gives no status over WebSocket")
        if frame.get("id") != 1 or not password:
            said = "refuses the password" if password else "asks for a password"
            raise BadPassword(f"{self.name} {said}")
        return object_in(self.name, str(fault.get("message")).encode())


async def _ask(socket: ClientConnection, number: int, auth: dict[str, Any] | None = None) -> None:
    asked = {"id": number, "src": _SOURCE, "method": "Shelly.GetStatus"}
    await socket.send(json.dumps(asked | ({"auth": auth} if auth else {})))
