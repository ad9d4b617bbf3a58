"""The running gateway: a task for each bus and each reader of badges, one that steers appliances
and one that talks to the platform.

A part that fails is said, logged with its traceback and begun again; the others go on.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any

from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import timezone_of
from quartier.formats.uplink.appliances import ApplianceSettings, Surplus
from quartier.formats.uplink.configuration import Configuration
from quartier.formats.uplink.stations import Charging
from quartier.gateway.buffer import Buffer
from quartier.gateway.home import Home, Pairing
from quartier.gateway.noticed import Ledger
from quartier.gateway.poller import Poller
from quartier.gateway.ports import Chargers, OpenBus, OpenChargers
from quartier.gateway.readers.listeners import BadgeReaders
from quartier.gateway.recorder import Recorder
from quartier.gateway.surplus.steering import STEERING, Steering
from quartier.gateway.timekeeper import Clock, Timekeeper
from quartier.gateway.transport import Send
from quartier.gateway.uplink import Uplink

AGAIN_S = 60.0
"""After a fault a part rests so long."""
STUCK_S = 1800.0
"""A bus that has done nothing for so long is stuck: its longest pass is shorter."""

_log = logging.getLogger("quartier.gateway")


class Agent:
    """One gateway. ``run`` ends when its task is cancelled."""

    def __init__(
        self,
        home: Home,
        pairing: Pairing,
        clock: Clock,
        open_bus: OpenBus,
        send: Send,
        *,
        software: str,
        draw: Callable[[], float] | None = None,
        open_chargers: OpenChargers | None = None,
    ) -> None:
        self.pairing = pairing
        self.ledger = Ledger()
        self.buffer = Buffer(home.buffer_path)
        self.recorder = Recorder(self.buffer, Timekeeper(clock), self.ledger)
        self.recorder.look()
        self.configuration: Configuration | None = home.configuration(pairing)
        self.pollers: dict[str, Poller] = {}
        self._open_bus = open_bus
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._reads_anew = True
        self.badge_readers = BadgeReaders(self.ledger, clock, self._date, self.kept_up)
        self.chargers: Chargers | None = None
        self._charging: Charging | None = None
        self._charging_task: asyncio.Task[None] | None = None
        self._open_chargers = open_chargers
        self.steering: Steering | None = None
        self._steering_task: asyncio.Task[None] | None = None
        drawn = {} if draw is None else {"draw": draw}
        self.uplink = Uplink(
            pairing,
            home,
            self.recorder,
            self.ledger,
            send,
            software=software,
            take=self._take,
            **drawn,
        )
        for finding in home.findings:
            self.ledger.event(finding, self._date())

    @property
    def is_alive(self) -> bool:
        """Whether every bus has done something lately."""
        now_s = self._clock.monotonic()
        return all(now_s - one.beat_s < STUCK_S for one in self.pollers.values() if one.meters)

    async def run(self) -> None:
        """Read and send until cancelled; what was read is on the disk then."""
        sending = asyncio.create_task(self.kept_up("the uplink", self.uplink.run))
        try:
            while True:
                self._changed.clear()
                await self._follow()
                await self._changed.wait()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await self._stop_steering()
            await self._stop_charging()
            await self.badge_readers.stop()
            await self._stop_polling()
            self.recorder.record([])
            self.buffer.close()

    def _take(self, configuration: Configuration) -> None:
        _log.info("configuration %s is used from now on", configuration.number)
        before, self.configuration = self.configuration, configuration
        until = configuration.inspect_until
        if before and before.reads_as(configuration):
            # The buses are left at what they do, and M-Bus meters on batteries are not read.
            for poller in self.pollers.values():
                poller.inspect_until = until
            if not configuration.steers_otherwise(before):
                return
        else:
            self._reads_anew = True
        self._changed.set()

    async def _follow(self) -> None:
        """Poll, listen and steer as the configuration says."""
        await self.badge_readers.follow(self.configuration.readers if self.configuration else ())
        surplus = self.configuration.surplus if self.configuration else None
        await self._stop_steering({one.name: one for one in surplus.appliances} if surplus else {})
        if self._reads_anew:
            self._reads_anew = False
            await self._stop_polling()
            self._poll()
        await self._serve_stations()
        stations = self._charging.stations if self._charging else ()
        if self.configuration is None or not (surplus or stations):
            return
        self.steering = Steering(
            surplus or Surplus(()),
            self.configuration.timezone,
            self.pollers,
            self.recorder,
            self.ledger,
            power_every_s=self.configuration.power_every_s,
            stations=stations,
            chargers=self.chargers,
        )
        self._steering_task = asyncio.create_task(self.kept_up(STEERING, self.steering.run))

    async def _stop_steering(self, kept: Mapping[str, ApplianceSettings] | None = None) -> None:
        """Leave the appliances that are not ``kept`` switched off."""
        if self.steering is None or self._steering_task is None:
            return
        self._steering_task.cancel()
        await asyncio.gather(self._steering_task, return_exceptions=True)
        await self.steering.release(kept)
        self.steering = self._steering_task = None

    async def _serve_stations(self) -> None:
        """Serve the charging stations of the configuration; they stay connected if they may."""
        charging = self.configuration.charging if self.configuration else None
        if charging == self._charging:
            return
        await self._stop_charging()
        if charging is None:
            return
        if self._open_chargers is None:
            self.ledger.hold("charging", [_no_server()], self._date())
            return
        self.chargers = self._open_chargers(charging, self.ledger, self.recorder)
        self._charging = charging
        run = self.kept_up("the charging stations", self.chargers.run)
        self._charging_task = asyncio.create_task(run)

    async def _stop_charging(self) -> None:
        if self._charging_task is not None:
            self._charging_task.cancel()
            await asyncio.gather(self._charging_task, return_exceptions=True)
        self.chargers = self._charging = self._charging_task = None
        self.ledger.hold("charging", [], None)

    def _poll(self) -> None:
        if self.configuration is None:
            return
        zone = timezone_of(self.configuration.timezone)
        for bus in self.configuration.buses:
            poller = Poller(
                bus,
                [one for one in self.configuration.meters if one.bus == bus.name],
                self.recorder,
                self.ledger,
                self._open_bus,
                zone=zone,
                power_every_s=self.configuration.power_every_s,
                inspect_until=self.configuration.inspect_until,
            )
            self.pollers[bus.name] = poller
            name = f"bus {bus.name}"
            self._tasks[name] = asyncio.create_task(self.kept_up(name, poller.run))

    async def _stop_polling(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for poller in self.pollers.values():
            poller.close()
        self._tasks.clear()
        self.pollers.clear()

    async def kept_up(self, name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a part; one that fails is said, and begun again after a rest."""
        while True:
            try:
                await run()
            except Exception as problem:  # noqa: BLE001 - it is logged and said, and the rest goes on
                _log.exception("%s has failed", name)
                found = error(
                    "gateway.fault",
                    f"{name} has failed ({type(problem).__name__}) and is begun again.",
                    where=name,
                    remedy="Send the log of the gateway to the operator.",
                )
                self.ledger.event(found, self._date())
                await self._clock.sleep(AGAIN_S)
            else:
                return

    def _date(self) -> datetime | None:
        keeper = self.recorder.timekeeper
        return keeper.now() if keeper.is_set else None


def _no_server() -> Finding:
    return error(
        "charging.no_server",
        "this gateway's program has no server of charging stations.",
        where="charging",
        remedy="Install the package of the gateway that has one.",
    )
