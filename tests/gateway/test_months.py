"""Two months of a building in a simulated time, around both changes of the clock: the platform away
for a week, answers lost, power cuts, a clock that jumps and one without a battery, a meter
exchanged. Afterwards what arrived is the registers' own differences to the Wh."""

import asyncio
import os
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from quartier.core.kernel.obis import Obis
from quartier.core.kernel.period import slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.core.metering.boundaries import BOUNDARY_SECONDS
from quartier.core.metering.registers import Device, Reading, intervals
from quartier.drivers.values import Value
from quartier.formats.uplink.configuration import BusKind
from quartier.gateway.agent import Agent
from quartier.gateway.home import Home, Pairing
from quartier.gateway.ports import Taken
from tests.counts import is_drill
from tests.gateway.clocks import LoopClock, run
from tests.gateway.platform import KEY, NAME, Platform

MONTHS = {
    "spring": datetime(2026, 3, 23, 23, 7, tzinfo=UTC),
    "autumn": datetime(2026, 10, 19, 22, 7, tzinfo=UTC),
}
"""Five days before the clock changes, at local midnight and some minutes."""
DAYS = 31 if is_drill() else 12
MOST_W = 8000
AWAY = range(100, 100 + 7 * 24)
CLOCK_JUMPS = (20, 60, 274, 410, 530)
BOOTS_WITHOUT_BATTERY = (98, 350)
EXCHANGED = 70
QUARTER_MS = 900_000
ENERGY, POWER = Obis.parse("1-1:1.8.0"), Obis.parse("1-1:16.7.0")
METERS = ("w001", "w002", "h001")


class Counter:
    """A counter driven by a power that changes each quarter-hour; reads take 40 ms."""

    def __init__(self, serial, seed, starts_at, wh=0):
        self.serial, self.starts_at = serial, starts_at
        draw = random.Random(seed)
        self.powers_w = [draw.randrange(0, MOST_W) for _ in range(DAYS * 96 + 96)]
        self.sums_mws = [wh * 3_600_000_000]
        for power_w in self.powers_w:
            self.sums_mws.append(self.sums_mws[-1] + power_w * 1000 * QUARTER_MS)

    def wh(self, at):
        """The register at ``at``, in whole Wh: W times ms are 1/3,600,000 Wh."""
        ms = round((at - self.starts_at).total_seconds() * 1000)
        slot, rest = divmod(ms, QUARTER_MS)
        return (self.sums_mws[slot] + self.powers_w[slot] * 1000 * rest) // 3_600_000_000


class Building:
    """The meters of a building, as a bus and as the truth."""

    def __init__(self, clock, starts_at):
        self.clock = clock
        self.devices = {name: [Counter(f"{name}-1", name, starts_at)] for name in METERS}

    def open_bus(self, _settings):
        return self

    def meter(self, settings):
        return Port(self, settings.name)

    def close(self):
        pass


class Port:
    def __init__(self, building, name):
        self.building, self.name = building, name

    async def registers(self):
        await asyncio.sleep(0.04)
        clock = self.building.clock
        device = self.building.devices[self.name][-1]
        shown = Value(str(ENERGY), ENERGY, Decimal(device.wh(clock.truth)), "Wh", True)
        return Taken((shown,), clock.monotonic(), (), True, device.serial)

    async def power(self):
        clock = self.building.clock
        return Taken((Value("16.7.0", POWER, Decimal(5), "W"),), clock.monotonic(), (), True)


def configuration():
    names = {"host": "10.0.0.5", "port": 502, "timeout_ms": 1000, "pause_ms": 0}
    bus = {"name": "rs485", "kind": BusKind.MODBUS_TCP.value, **names}
    meters = [
        {
            "name": name,
            "bus": "rs485",
            "driver": "eastron_sdm630",
            "model": "",
            "address": str(number),
            "serial": "",
            "plan": "day" if name.startswith("h") else "quarter_hour",
            "settings": {},
        }
        for number, name in enumerate(METERS, 11)
    ]
    return {"timezone": "Europe/Zurich", "buses": [bus], "meters": meters, "power_every_s": 900}


async def live(folder, starts_at, seed):
    """A month; gives the platform, the building and when the power was cut."""
    draw = random.Random(seed)
    clock = LoopClock(starts_at)
    platform = Platform(lambda: clock.truth)
    platform.configure(configuration())
    building = Building(clock, starts_at)
    home = Home(folder)
    pairing = Pairing("https://quartier.example", NAME, KEY, "123456")
    home.save_pairing(pairing)
    running, cuts = None, []

    async def start():
        nonlocal running
        agent = Agent(
            home,
            pairing,
            clock,
            building.open_bus,
            platform.send,
            software="0.1.0",
            draw=draw.random,
        )
        running = asyncio.create_task(agent.run())
        await asyncio.sleep(0)

    async def cut():
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        cuts.append(clock.truth)

    async def until(hours):
        await asyncio.sleep(hours * 3600 - clock.monotonic())

    await start()
    for hour in range(2, DAYS * 24, 2):
        await until(hour + draw.random())
        platform.loses_answers = draw.randrange(3)
        platform.is_away = hour in AWAY
        clock.wrong = timedelta(hours=3 if hour in CLOCK_JUMPS else 0)
        if hour % 14 == 0:
            await cut()
            await asyncio.sleep(draw.randrange(1, 300))
            if hour in BOOTS_WITHOUT_BATTERY:
                clock.boot_without_battery()
            await start()
            await asyncio.sleep(draw.random() * 2)
        if hour == EXCHANGED:
            new = Counter("w002-2", "new", clock.truth, wh=7)
            building.devices["w002"].append(new)
    platform.is_away = False
    await until(DAYS * 24 + 1)
    await cut()
    return platform, building, cuts


def truth_at(building, name, serial, ms):
    device = next(one for one in building.devices[name] if one.serial == serial)
    return device.wh(datetime.fromtimestamp(ms / 1000, UTC))


@pytest.mark.drill
@pytest.mark.parametrize("month", MONTHS)
def test_what_arrives_is_what_the_registers_counted(tmp_path, month):
    platform, building, cuts = run(live(tmp_path, MONTHS[month], os.environ["QUARTIER_SEED"]))
    assert len(cuts) > DAYS
    (last,) = platform.kept.values()
    assert sum(map(len, platform.rows.values())) == last, "each number arrived, once"
    for name in METERS:
        rows = platform.rows[name, str(ENERGY)]
        by_device = {}
        for ms, (value, decimals, serial) in sorted(rows.items()):
            assert decimals == 0
            # The instant is kept to the millisecond: 8 kW are 0.002 Wh in one.
            assert abs(value - truth_at(building, name, serial, ms)) <= 1, (name, ms)
            by_device.setdefault(serial, []).append((ms, value))
        assert len(by_device) == len(building.devices[name])
        for serial, shown in by_device.items():
            _sums_are_the_registers_own(serial, shown)
    for name in ("w001", "w002"):
        instants = sorted(platform.rows[name, str(ENERGY)])
        assert max(b - a for a, b in pairwise(instants)) < 2 * QUARTER_MS
        _quarters_are_measured(building, name, platform.rows[name, str(ENERGY)], len(cuts))
    midnights = {
        datetime.fromtimestamp(ms / 1000, UTC).hour for ms in platform.rows["h001", str(ENERGY)]
    }
    assert {22, 23} <= midnights, "local midnight in summer and in winter time"


def _sums_are_the_registers_own(serial, shown):
    readings = [Reading(_at(ms), Decimal(value), serial=serial) for ms, value in shown]
    device = Device(serial, readings[0].read_at, readings[-1].read_at, is_new=False)
    found, findings = intervals(readings, [device])
    assert [one.code for one in findings] == []
    assert sum(found.energies_wh) == shown[-1][1] - shown[0][1]


def _quarters_are_measured(building, name, rows, cuts):
    """All but those that touch a power cut, and the first; each within what the most power makes
    of half a minute at both its ends."""
    first, *_ = building.devices[name]
    readings = [
        Reading(_at(ms), Decimal(value))
        for ms, (value, _, serial) in rows.items()
        if serial == first.serial
    ]
    readings.sort(key=lambda one: one.read_at)
    found, _ = intervals(readings)
    estimated = [one for one in found.qualities if one is not Quality.MEASURED]
    assert len(estimated) <= 2 * cuts + 2
    skew_wh = 2 * (MOST_W * BOUNDARY_SECONDS / 3600 + 1)
    for slot, (energy_wh, quality) in enumerate(
        zip(found.energies_wh, found.qualities, strict=True), found.first_slot
    ):
        if quality is Quality.MEASURED:
            truth = first.wh(slot_starts_at(slot + 1)) - first.wh(slot_starts_at(slot))
            assert abs(energy_wh - truth) <= skew_wh, slot


def _at(ms):
    return datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)
