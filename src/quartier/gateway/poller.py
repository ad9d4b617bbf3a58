"""Reads the meters of one bus by plan.

A reading keeps the instant at which its answer came. What lies near enough to a boundary to count
as read on it, and what is interpolated, the platform decides (core/metering/boundaries.py).
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from quartier.core.kernel.findings import Finding, error, warning
from quartier.core.kernel.obis import Obis
from quartier.core.metering.momentary import is_momentary, is_of_phase, quantity_of
from quartier.formats.uplink.batch import Kind
from quartier.formats.uplink.configuration import BusSettings, MeterSettings, Plan
from quartier.gateway.buffer import Source
from quartier.gateway.noticed import Ledger
from quartier.gateway.plan import What, next_pass
from quartier.gateway.ports import BadMeter, BusPort, Inspectable, MeterPort, OpenBus, Taken
from quartier.gateway.recorder import Recorder, Shown

LONGEST_SLEEP_S = 20.0
"""So that a clock that is set is noticed."""
RETRIES = 2
"""More rounds over the meters that have just stopped answering."""
_ENERGY_UNITS = ("Wh", "l")
_UNSET = datetime(2000, 1, 1, tzinfo=UTC)  # passes are planned by it while the clock is not set


@dataclass
class Meter:
    """A meter of the bus, and what came of it last."""

    settings: MeterSettings
    port: MeterPort
    taken: Taken | None = None
    taken_at: datetime | None = None
    power: Taken | None = None
    is_reached: bool = field(default=True)


class Poller:
    """One bus. ``run`` ends when its task is cancelled; ``read_now`` may be called meanwhile."""

    def __init__(
        self,
        settings: BusSettings,
        meters: Iterable[MeterSettings],
        recorder: Recorder,
        ledger: Ledger,
        open_bus: OpenBus,
        *,
        zone: tzinfo,
        power_every_s: int,
        inspect_until: datetime | None = None,
    ) -> None:
        self.settings = settings
        self.meters: dict[str, Meter] = {}
        self._recorder = recorder
        self._ledger = ledger
        self._zone = zone
        self._power_every = timedelta(seconds=power_every_s)
        self.inspect_until = inspect_until
        """Until then the phases are read too, and silent meters asked with the power."""
        self._duration = timedelta(0)
        self._place = f"bus {settings.name}"
        self._lock = asyncio.Lock()
        self.bus: BusPort | None = None
        self.beat_s = recorder.timekeeper.clock.monotonic()
        """When this bus last did something, by the monotonic clock."""
        faults: list[Finding] = []
        try:
            self.bus = open_bus(settings)
        except BadMeter as problem:
            faults.append(_cannot_read(str(problem), settings.name))
        for one in meters if self.bus else ():
            try:
                assert self.bus is not None, "it was opened"
                self.meters[one.name] = Meter(one, self.bus.meter(one))
            except BadMeter as problem:
                faults.append(_cannot_read(str(problem), one.name))
        ledger.hold(self._place, faults, self._date())

    def close(self) -> None:
        """Hang up; what was wrong with the bus and its meters is no matter any more."""
        if self.bus is not None:
            self.bus.close()
        for place in (self._place, *(f"meter {name}" for name in self.meters)):
            self._ledger.hold(place, (), None)

    async def run(self) -> None:
        """Read by plan, beginning with everything once."""
        clock = self._recorder.timekeeper.clock
        if not self.meters:
            return
        await self.read(What.REGISTERS_OF_ALL)
        done_until = power_done_until = self._now()
        while True:
            self._recorder.look()
            self.beat_s = clock.monotonic()
            now = self._now()
            due = next_pass(
                now,
                done_until,
                zone=self._zone,
                duration=self._duration,
                power_every=self._power_every,
                power_done_until=power_done_until,
            )
            rest_s = (due.starts_at - now).total_seconds()
            if rest_s > 0:
                await clock.sleep(min(rest_s, LONGEST_SLEEP_S))
                continue
            power_done_until = due.target_at
            if due.what is What.POWER:
                room = due.target_at + self._power_every
                await self.read(What.POWER, until=room)
            else:
                done_until = due.target_at
                await self.read(due.what)

    async def read(self, what: What, *, until: datetime | None = None) -> None:
        """One pass: each meter once, those that fail again, all stored in one write. Power is left
        at ``until``, when the next pass is due."""
        async with self._lock:
            if what is not What.POWER:
                await self._read_all(what)
            await self._read_power(until)

    async def _read_all(self, what: What) -> None:
        clock = self._recorder.timekeeper.clock
        wanted = [
            one
            for one in self.meters.values()
            if what is What.REGISTERS_OF_ALL or one.settings.plan is Plan.QUARTER_HOUR
        ]
        # Those that were silent come last and are asked once: their time-outs must not keep the
        # others from the boundary, and do not count for how long a pass takes.
        begun_s = clock.monotonic()
        silent = [one for one in wanted if not one.is_reached]
        failed = [one for one in wanted if one.is_reached and not await self._read_registers(one)]
        self._duration = timedelta(seconds=clock.monotonic() - begun_s)
        for _ in range(RETRIES):
            failed = [one for one in failed if not await self._read_registers(one)]
        for one in silent:
            await self._read_registers(one)
        shown = [shown for one in wanted for shown in _registers(one)]
        self._recorder.record(shown)

    async def read_now(self, name: str) -> Taken:
        """The meter ``name`` read at once, its phases too, and stored; raises ``KeyError``. Its
        phases are sent only while the platform asks for an inspection."""
        one = self.meters[name]
        async with self._lock:
            await self._read_registers(one)
            power = await self._ask_power(one, wants_phases=True)
            self._recorder.record([*_registers(one), *power])
        assert one.taken is not None, "it was just read"
        return one.taken

    async def _read_registers(self, one: Meter) -> bool:
        """Whether everything came."""
        taken = await one.port.registers()
        self.beat_s = self._recorder.timekeeper.clock.monotonic()
        one.taken = taken
        one.is_reached = taken.is_reached
        one.taken_at = self._date()
        findings = [*taken.findings]
        expected = one.settings.serial
        if taken.serial and expected and not _is_same(taken.serial, expected):
            findings.append(_other_serial(one.settings.name, taken.serial, expected))
        place, name = f"meter {one.settings.name}", one.settings.name
        self._ledger.hold(place, findings, self._date(), name)
        return taken.is_reached and bool(taken.values)

    async def _read_power(self, until: datetime | None) -> None:
        """Of those that answered last time; one that is silent costs its time-outs each minute,
        which only an inspection is worth: somebody is mending it."""
        shown = []
        wanted = [one for one in self.meters.values() if one.settings.plan is Plan.QUARTER_HOUR]
        reached = [one for one in wanted if one.is_reached]
        silent = [one for one in wanted if not one.is_reached and self._inspects()]
        for one in (*reached, *silent):
            if until is not None and self._now() >= until:
                break
            if not one.is_reached:
                await self._read_registers(one)
                shown += _registers(one)
            if one.is_reached:
                shown += await self._ask_power(one)
        self._recorder.record(shown)

    async def _ask_power(self, one: Meter, *, wants_phases: bool = False) -> list[Shown]:
        inspects = self._inspects()
        if (inspects or wants_phases) and isinstance(one.port, Inspectable):
            one.power = await one.port.momentary()
        else:
            one.power = await one.port.power()
        kinds = (Kind.POWER, Kind.MOMENTARY) if inspects else (Kind.POWER,)
        return [shown for kind in kinds for shown in _shown(one, one.power, kind)]

    def _inspects(self) -> bool:
        now = self._date()
        return now is not None and self.inspect_until is not None and now < self.inspect_until

    def _date(self) -> datetime | None:
        keeper = self._recorder.timekeeper
        return keeper.now() if keeper.is_set else None

    def _now(self) -> datetime:
        keeper = self._recorder.timekeeper
        return self._date() or _UNSET + timedelta(seconds=keeper.clock.monotonic())


def _registers(one: Meter) -> list[Shown]:
    return _shown(one, one.taken, Kind.REGISTER)


def _shown(one: Meter, taken: Taken | None, kind: Kind) -> list[Shown]:
    if taken is None:
        return []
    serial = (one.taken or taken).serial
    return [
        Shown(
            Source(one.settings.name, str(value.obis), kind, serial), value.value, taken.monotonic_s
        )
        for value in taken.values
        if value.obis is not None and _is_of_kind(kind, value.obis, value.unit)
    ]


def _is_of_kind(kind: Kind, code: Obis, unit: str) -> bool:
    match kind:
        case Kind.REGISTER:
            return unit in _ENERGY_UNITS
        case Kind.POWER:
            return unit == "W" and not is_of_phase(code)
        case Kind.MOMENTARY:
            return is_momentary(code) and unit == quantity_of(code)
        case Kind.SWITCH:
            return False  # no meter shows it


def _is_same(given: str, expected: str) -> bool:
    return given.lstrip("0").casefold() == expected.lstrip("0").casefold()


def _other_serial(name: str, given: str, expected: str) -> Finding:
    return warning(
        "gateway.other_serial",
        f"the device says that its number is {given}, not {expected}.",
        where=name,
        remedy="Enter the exchange of the device on the platform, or correct its number.",
    )


def _cannot_read(problem: str, where: str) -> Finding:
    return error(
        "gateway.bad_meter",
        f"{problem}.",
        where=where,
        remedy="Correct the meter or the bus on the platform.",
    )
