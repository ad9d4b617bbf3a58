"""A building with the sun on its roof, appliances behind relays, and a gateway that steers them, in
a simulated time. The meter at the grid entry shows what the relays make it show."""

import asyncio
import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from quartier.core.kernel.findings import error
from quartier.core.kernel.obis import Obis
from quartier.drivers.values import Value
from quartier.formats.uplink.appliances import (
    SG_READY,
    SWITCHED,
    ApplianceSettings,
    Grid,
    OutputSettings,
    Surplus,
    switch_of,
)
from quartier.formats.uplink.configuration import (
    BusKind,
    BusSettings,
    Configuration,
    MeterSettings,
    Plan,
    encode,
)
from quartier.formats.uplink.stations import Charging as Stations
from quartier.gateway.agent import Agent
from quartier.gateway.home import Home, Pairing
from quartier.gateway.ports import Charging, NotSwitched, Taken
from tests.gateway.clocks import LoopClock
from tests.gateway.platform import KEY, NAME, Platform

MIDNIGHT = datetime(2026, 7, 5, 22, 0, tzinfo=UTC)  # Monday, 6 July, 00:00 in Zurich
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENERGY, POWER = Obis.parse("1-1:1.8.0"), Obis.parse("1-1:16.7.0")
PEAK_W, BASE_W = 9000, 600
BUS = BusSettings("rs485", BusKind.MODBUS_TCP, "10.0.0.5", 502)
ENTRY = MeterSettings("entry", "rs485", "eastron_sdm630", "", "10", "", Plan.QUARTER_HOUR)


def relay(*channels, **more):
    return OutputSettings("rs485", "waveshare_relay", "200", channels, **more)


BOILER = tuple(
    ApplianceSettings(f"boiler-{phase}", 1000, "solar", relay(phase), on_s=600, off_s=300)
    for phase in range(3)
)
PUMP = ApplianceSettings("heat-pump", 2200, "solar", relay(4, 5, kind=SG_READY, sg_state=3), 1)


def sun_w(at, seed=1):
    """Power of the roof at ``at``: a clear day's curve with passing clouds of a minute."""
    hour = (at - MIDNIGHT).total_seconds() / 3600 % 24
    clear = max(0.0, math.sin((hour - 6) / 15 * math.pi)) * PEAK_W if 6 < hour < 21 else 0.0
    minute = int((at - MIDNIGHT).total_seconds() // 60)
    return round(clear * random.Random(f"{seed} {minute}").choice((1, 1, 1, 0.9, 0.4)))


class Relays:
    """A module of eight relays; ``log`` says when each changed."""

    def __init__(self, house):
        self.house = house
        self.closed = set()
        self.log = []
        self.is_silent = False

    def set(self, channel, is_on):
        if (channel in self.closed) != is_on:
            self.closed ^= {channel}
            self.log.append((self.house.clock.truth, channel, is_on))


class Contact:
    """One relay of it."""

    opens_itself = False

    def __init__(self, relays, channel):
        self.relays, self.channel = relays, channel

    async def switch(self, is_on, _hold_s):
        await self._reach()
        self.relays.set(self.channel, is_on)

    async def is_on(self):
        await self._reach()
        return self.channel in self.relays.closed

    async def _reach(self):
        await asyncio.sleep(0.05)
        if self.relays.is_silent:
            await asyncio.sleep(2)
            raise NotSwitched(error("modbus.no_answer", "silent.", where="relays"))


class Garage:
    """A station whose car takes what it may, up to ``car_a`` a phase; told nothing for long it
    falls back. ``log`` says what it was told and when."""

    def __init__(self, house, car_a=16):
        self.house, self.car_a = house, car_a
        self.settings = None
        self.is_plugged = self.is_connected = True
        self.told = None
        self.log = []

    def open(self, charging, _ledger, _timekeeper):
        (self.settings,) = charging.stations
        return self

    async def run(self):
        await asyncio.Event().wait()

    @property
    def amperes(self):
        if self.told is None or self.house.clock.truth > self.told[1]:
            return self.settings.fallback_a
        return self.told[0]

    @property
    def drawn_w(self):
        if self.settings is None or not self.is_plugged:
            return 0
        return min(self.amperes, self.car_a) * 230 * self.settings.phases

    def state(self, _name):
        if not self.is_connected:
            return None
        return Charging(self.is_plugged, self.amperes, self.drawn_w)

    async def limit(self, name, amperes, hold_s):
        await asyncio.sleep(0.05)
        if not self.is_connected:
            raise NotSwitched(error("ocpp.no_answer", "silent.", where=name))
        now = self.house.clock.truth
        if self.amperes != amperes:
            self.log.append((now, amperes))
        self.told = amperes, now + timedelta(seconds=hold_s)


class House:
    """``sun``: power of the roof by the time; ``drawn_w`` by channel what hangs on each relay."""

    def __init__(
        self, folder, *appliances, sun=sun_w, starts_at=MIDNIGHT, station=None, clock=None
    ):
        self.folder, self.sun = folder, sun
        self.station, self.garage = station, Garage(self)
        self.clock = clock or LoopClock(starts_at)
        self.platform = Platform(lambda: self.clock.truth)
        self.relays, self.port = Relays(self), 9000
        self.drawn_w = {}
        self.is_entry_silent = False
        self.wh = {"solar": 0.0, "own": 0.0}
        self.running = None
        self.configure(*appliances)
        folder.mkdir(exist_ok=True)
        home = Home(folder)
        home.save_pairing(Pairing("https://quartier.example", NAME, KEY, "123456"))

    def configure(self, *appliances):
        """A new configuration for the gateway, which fetches it by itself."""
        self.drawn_w |= {one.output.channels[-1]: one.power_w for one in appliances}
        is_steered = appliances or self.station
        surplus = Surplus(appliances, Grid("entry")) if is_steered else None
        charging = Stations((self.station,), self.port) if self.station else None
        made = Configuration(
            NAME, 1, "Europe/Zurich", (BUS,), (ENTRY,), surplus=surplus, charging=charging
        )
        self.platform.number += 1
        self.platform.configuration = encode(replace(made, number=self.platform.number))

    def open_bus(self, _settings):
        return self

    def meter(self, _settings):
        return self

    def output(self, _settings, channel, _name):
        return Contact(self.relays, channel)

    def close(self):
        pass

    def grid_w(self):
        at = self.clock.truth
        relays_w = sum(self.drawn_w[one] for one in self.relays.closed)
        return BASE_W + relays_w + self.garage.drawn_w - self.sun(at)

    async def registers(self):
        await asyncio.sleep(0.04)
        shown = Value(str(ENERGY), ENERGY, Decimal(1000), "Wh", True)
        return Taken((shown,), self.clock.monotonic(), (), not self.is_entry_silent, "1")

    async def power(self):
        await asyncio.sleep(0.04)
        if self.is_entry_silent:
            return Taken((), self.clock.monotonic(), (), False)
        shown = Value("16.7.0", POWER, Decimal(self.grid_w()), "W")
        return Taken((shown,), self.clock.monotonic(), (), True)

    async def start(self):
        self.agent = Agent(
            Home(self.folder),
            Home(self.folder).pairing(),
            self.clock,
            self.open_bus,
            self.platform.send,
            software="0.1.0",
            draw=lambda: 0.5,
            open_chargers=self.garage.open,
        )
        self.running = asyncio.create_task(self.agent.run())
        await asyncio.sleep(5)

    async def stop(self):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    async def cut_power(self):
        """Nothing is tidied up: what is on the disk is what there is."""
        self.agent.steering.release = _nothing
        await self.stop()

    async def pass_time(self, **length):
        """Let time pass, and count the sun's energy and how much of it was used in the house."""
        end = self.clock.truth + timedelta(**length)
        while self.clock.truth < end:
            sun_w = self.sun(self.clock.truth)
            self.wh["solar"] += sun_w / 60
            self.wh["own"] += (sun_w + min(0, self.grid_w())) / 60
            await asyncio.sleep(min(60, (end - self.clock.truth).total_seconds()))

    def told(self):
        """What the platform was told: instant, name, is on, reason, in order of time."""
        return sorted(
            (EPOCH + timedelta(milliseconds=ms), name, *switch_of(value))
            for (name, obis), rows in self.platform.rows.items()
            if obis == SWITCHED
            for ms, (value, _decimals, _serial) in rows.items()
        )

    def codes(self):
        return [one.code for one in self.agent.ledger.current(self.clock.truth)]


async def _nothing(_kept=None):
    return None
