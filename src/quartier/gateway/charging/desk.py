"""Answers the stations of a gateway, by OCPP 1.6, and keeps what a restart must not forget.

A transaction is on the disk before its station is told its number. A second one on a connector
takes the place of one that was never ended; one that is refused takes nobody's.
"""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from quartier.formats.uplink.stations import Charging, StationSettings
from quartier.gateway.buffer import Buffer
from quartier.gateway.charging import profiles
from quartier.gateway.charging.connectors import Connector
from quartier.gateway.recorder import Recorder
from quartier.ocpp.peer import Asked, QueueFull
from quartier.ocpp.problems import Problem
from quartier.ocpp.stations import Known, NoAnswer, NotAdmitted, Refused, Station
from quartier.ocpp.tokens import ACCEPTED, verdict
from quartier.ocpp.versions import Version

HEARTBEAT_S = 60
"""How often stations say that they live, and set their clocks."""
BOOTS_WITHIN_S = 10.0
"""A station that says nothing of a boot for so long had none: only its connection was new."""
_REMEMBERED = "charging"
_SETTINGS = {
    "HeartbeatInterval": str(HEARTBEAT_S),
    "MeterValueSampleInterval": "60",
    "MeterValuesSampledData": "Energy.Active.Import.Register,Power.Active.Import",
    "ClockAlignedDataInterval": "900",
    "MeterValuesAlignedData": "Energy.Active.Import.Register",
}
"""Configuration keys of OCPP 1.6, 9.1; a station that knows one not goes on without."""
_log = logging.getLogger("quartier.gateway")


class ChargingDesk:
    """The stations of ``charging``; ``now`` may be wrong, but is the same for all."""

    versions = (Version.V16,)

    def __init__(self, charging: Charging, recorder: Recorder) -> None:
        self.connectors = {one.identity: Connector(one) for one in charging.stations}
        self._recorder = recorder
        self._clock = recorder.timekeeper.clock
        self._transactions = _Transactions(recorder.buffer)
        self._setting_up: dict[str, asyncio.Task[None]] = {}
        for identity, connector in self.connectors.items():
            connector.transaction = self._transactions.running.get(identity)

    async def admit(self, identity: str, password: bytes | None) -> Known:
        """By the configuration; raises :class:`NotAdmitted`."""
        connector = self.connectors.get(identity)
        if connector is None:
            raise NotAdmitted("no station of that identity is set up for this gateway")
        wanted = connector.settings.password_sha256
        given = hashlib.sha256(password or b"").hexdigest()
        if wanted and not hmac.compare_digest(wanted, given):
            raise NotAdmitted("the password of the station is another one")
        return Known(identity)

    async def arrived(self, station: Station) -> None:
        """Set it up, soon: after it has booted, or when it does not say that it did."""
        self._set_up_later(station, BOOTS_WITHIN_S)

    async def gone(self, station: Station) -> None:
        """Nobody knows how it stands."""
        self.connectors[station.identity].is_ready = False
        task = self._setting_up.pop(station.identity, None)
        if task is not None:
            task.cancel()

    async def answer(self, station: Station, asked: Asked) -> dict[str, Any]:
        """The payload of the answer; raises :class:`Refused`."""
        handle = _HANDLERS.get(asked.action)
        if handle is None:
            text = f"{asked.action} is not asked of a central system, or not served here"
            raise Refused(Problem.NOT_SUPPORTED, text)
        return await handle(self, station, asked.payload)

    def date(self) -> datetime:
        """What stations are told that the time is."""
        keeper = self._recorder.timekeeper
        return keeper.now() if keeper.is_set else self._clock.now()

    async def close(self) -> None:
        """Set nothing up any more."""
        tasks = [*self._setting_up.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._setting_up.clear()

    async def _boot(self, station: Station, _payload: dict[str, Any]) -> dict[str, Any]:
        self._set_up_later(station, 0.5)
        return {
            "status": "Accepted",
            "currentTime": _written(self.date()),
            "interval": HEARTBEAT_S,
        }

    async def _heartbeat(self, _station: Station, _payload: dict[str, Any]) -> dict[str, Any]:
        return {"currentTime": _written(self.date())}

    async def _status(self, station: Station, payload: dict[str, Any]) -> dict[str, Any]:
        connector = self.connectors[station.identity]
        if payload["connectorId"] == 1:
            connector.status = payload["status"]
            if connector.status == "Available":
                self._end(station.identity)
        return {}

    async def _authorize(self, station: Station, payload: dict[str, Any]) -> dict[str, Any]:
        settings = self.connectors[station.identity].settings
        return {"idTagInfo": {"status": _verdict(settings, payload["idTag"])}}

    async def _start(self, station: Station, payload: dict[str, Any]) -> dict[str, Any]:
        connector = self.connectors[station.identity]
        found = _verdict(connector.settings, payload["idTag"])
        is_accepted = found == ACCEPTED
        number = self._transactions.begin(station.identity if is_accepted else None)
        if is_accepted:
            connector.transaction, connector.limit = number, None
        return {"transactionId": number, "idTagInfo": {"status": found}}

    async def _stop(self, station: Station, payload: dict[str, Any]) -> dict[str, Any]:
        if payload["transactionId"] == self.connectors[station.identity].transaction:
            self._end(station.identity)
        return {}

    async def _meter_values(self, station: Station, payload: dict[str, Any]) -> dict[str, Any]:
        if payload["connectorId"] == 1:
            connector = self.connectors[station.identity]
            connector.measured(payload["meterValue"], self._clock.monotonic())
        return {}

    async def _noted(self, station: Station, payload: dict[str, Any]) -> dict[str, Any]:
        _log.info("%s says %s", station.identity, payload)
        return {}

    async def _data(self, _station: Station, _payload: dict[str, Any]) -> dict[str, Any]:
        return {"status": "UnknownVendorId"}

    def _end(self, identity: str) -> None:
        connector = self.connectors[identity]
        if connector.transaction is not None:
            self._transactions.end(identity)
            connector.transaction = connector.limit = connector.drawn = None

    def _set_up_later(self, station: Station, pause_s: float) -> None:
        before = self._setting_up.pop(station.identity, None)
        if before is not None:
            before.cancel()
        self._setting_up[station.identity] = asyncio.create_task(self._set_up(station, pause_s))

    async def _set_up(self, station: Station, pause_s: float) -> None:
        await self._clock.sleep(pause_s)
        connector = self.connectors[station.identity]
        settings = connector.settings
        for key, value in _SETTINGS.items():
            told = await _ask(station, "ChangeConfiguration", {"key": key, "value": value})
            if told not in ("Accepted", "RebootRequired"):
                _log.info("%s: %s is not set (%s)", station.identity, key, told)
        wanted = profiles.fallback(connector.fallback_a, settings.phases)
        told = await _ask(station, "SetChargingProfile", wanted)
        connector.refused = "" if told == "Accepted" else told
        connector.is_ready = True
        for message in ("StatusNotification", "MeterValues"):
            wanted = {"requestedMessage": message, "connectorId": 1}
            await _ask(station, "TriggerMessage", wanted)


async def _ask(station: Station, action: str, payload: dict[str, Any]) -> str:
    """The status that the station answers, or why it answers none."""
    try:
        return str((await station.ask(action, payload)).get("status", ""))
    except (NoAnswer, QueueFull) as problem:
        return str(problem)


def _verdict(settings: StationSettings, tag: str) -> str:
    return ACCEPTED if settings.is_free else verdict(tag, settings.tags)


def _written(date: datetime) -> str:
    return date.strftime("%Y-%m-%dT%H:%M:%SZ")


class _Transactions:
    """Numbers of transactions, each once, and which runs where; on the disk when it returns."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self.running: dict[str, int] = {}
        self._last = 0
        stored = buffer.remembered(_REMEMBERED)
        if stored is not None:
            content = json.loads(stored)
            self._last, self.running = content["last"], content["running"]

    def begin(self, identity: str | None) -> int:
        """A new number, for the transaction that runs at ``identity`` from now on."""
        self._last += 1
        if identity is not None:
            self.running[identity] = self._last
        self._keep()
        return self._last

    def end(self, identity: str) -> None:
        """None runs there any more."""
        self.running.pop(identity, None)
        self._keep()

    def _keep(self) -> None:
        content = {"last": self._last, "running": self.running}
        self._buffer.remember(_REMEMBERED, json.dumps(content))


Handler = Callable[[ChargingDesk, Station, dict[str, Any]], Awaitable[dict[str, Any]]]
_HANDLERS: dict[str, Handler] = {
    "BootNotification": ChargingDesk._boot,
    "Heartbeat": ChargingDesk._heartbeat,
    "StatusNotification": ChargingDesk._status,
    "Authorize": ChargingDesk._authorize,
    "StartTransaction": ChargingDesk._start,
    "StopTransaction": ChargingDesk._stop,
    "MeterValues": ChargingDesk._meter_values,
    "DataTransfer": ChargingDesk._data,
    "DiagnosticsStatusNotification": ChargingDesk._noted,
    "FirmwareStatusNotification": ChargingDesk._noted,
    "LogStatusNotification": ChargingDesk._noted,
    "SecurityEventNotification": ChargingDesk._noted,
    "SignedFirmwareStatusNotification": ChargingDesk._noted,
}
