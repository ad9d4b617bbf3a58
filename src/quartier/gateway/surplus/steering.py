"""Steers the appliances and charging stations of a configuration: reads the relays and the power at
the grid entry, lets the controller decide, switches, and keeps what happened.

The relays are asked how they stand before each decision. So a start takes over what runs, a module
that lost its supply is switched again, and who switches on the device itself is believed, and noted
in the log, until the controller's next reason to switch.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import inf

from quartier.core.kernel.findings import Finding, error, warning
from quartier.core.metering.momentary import power_of
from quartier.formats.uplink.appliances import (
    SWITCHED,
    ApplianceSettings,
    Surplus,
    switch_code,
)
from quartier.formats.uplink.batch import Kind
from quartier.formats.uplink.stations import StationSettings
from quartier.gateway.buffer import Source
from quartier.gateway.noticed import Ledger
from quartier.gateway.outputs.contacts import open_output
from quartier.gateway.poller import Meter, Poller
from quartier.gateway.ports import BadMeter, Chargers, NotSwitched, Output
from quartier.gateway.recorder import Recorder, Shown
from quartier.gateway.surplus import memory
from quartier.gateway.surplus.charging import SteeredStations
from quartier.gateway.surplus.consumers import Appliance, Mode
from quartier.gateway.surplus.controller import BLIND_S, Controller, Decision, Reason
from quartier.gateway.surplus.timer import Window

LOOKS_EVERY_S = 5.0
"""How soon a new value of power is seen."""
STEPS_EVERY_S = 60.0
"""A decision falls with each new value of power, or after so long without one."""
LEAST_STEP_S = 30.0
HOLD_S = 180
"""A relay that can opens by itself when the gateway has been silent for so long."""
STEERING = "the surplus"
_PLACE = "surplus"
_REMEMBERED = "surplus"
_REMEMBERS_EVERY_S = 900.0  # each time is a write to the disk
_FRESH_S = 90.0


@dataclass
class _Steered:
    """An appliance, its relay, and whether that is known to be closed; None before it was asked."""

    settings: ApplianceSettings
    output: Output
    is_on: bool | None = None

    @property
    def device(self) -> tuple[str, str]:
        """Bus and address: what is silent for one of its relays is so for all."""
        return self.settings.output.bus, self.settings.output.address


class Steering:
    """The appliances of ``settings`` on the buses of ``pollers``, and those of ``stations`` that
    follow the sun. ``run`` ends when its task is
    cancelled; the relays stay as they are until :meth:`release`."""

    def __init__(
        self,
        settings: Surplus,
        timezone: str,
        pollers: Mapping[str, Poller],
        recorder: Recorder,
        ledger: Ledger,
        *,
        power_every_s: int = 60,
        stations: Sequence[StationSettings] = (),
        chargers: Chargers | None = None,
    ) -> None:
        self.settings = settings
        self.decisions: dict[str, Decision] = {}
        """The last ones, by the names of the appliances."""
        self._pollers = pollers
        self._recorder = recorder
        self._ledger = ledger
        self._clock = recorder.timekeeper.clock
        self._fresh_s = max(_FRESH_S, 1.5 * power_every_s)
        self._steered: dict[str, _Steered] = {}
        self._stepped_s: float | None = None
        self._power_of_s: float | None = None
        self._grid_read_s = self._clock.monotonic()
        self._remembered_s: float | None = None
        for one in settings.appliances:
            self._open(one)
        self._stations = SteeredStations(stations, chargers, self._hold)
        known = [one.settings for one in self._steered.values()]
        self.controller = Controller(
            [*map(consumer, known), *self._stations.consumers],
            timezone,
            {one.name: one.is_pressed for one in known if one.mode == Mode.MANUAL},
        )

    async def run(self) -> None:
        """Decide and switch, each time the power at the grid entry was read."""
        await self._await_date()
        self.resume()
        while True:
            if self._is_due():
                await self.step()
            await self._clock.sleep(LOOKS_EVERY_S)

    async def _await_date(self) -> None:
        """Timers and days need one. Without it for long, what a relay kept closed is opened: a
        boiler would heat until somebody comes."""
        asks_at_s = self._clock.monotonic() + BLIND_S
        while not self._recorder.timekeeper.is_set:
            if self._clock.monotonic() >= asks_at_s:
                silent = await self._look()
                await self._open_relays({})
                asks_at_s += STEPS_EVERY_S if silent else inf
            await self._clock.sleep(LOOKS_EVERY_S)

    async def step(self) -> None:
        """One decision, carried out."""
        self._stepped_s = at_s = self._clock.monotonic()
        absent = await self._look()
        grid_w = self._grid_w(at_s)
        drawn_w = {
            name: drawn
            for name, one in self._steered.items()
            if one.settings.meter
            and (drawn := self._power_w(one.settings.meter, Decimal(1), at_s)) is not None
        }
        carless, charged_w = self._stations.look(self.controller, at_s)
        absent |= carless
        drawn_w |= charged_w
        now = self._recorder.timekeeper.now()
        decisions = self.controller.step(now, at_s, grid_w, drawn_w, absent)
        self.decisions = {one.name: one for one in decisions}
        has_changed, charging = False, []
        for decision in decisions:
            if decision.name in absent:
                continue
            if decision.name in self._stations:
                charging.append(self._stations.carry_out(decision, self.controller, at_s))
            else:
                has_changed |= await self._carry_out(decision)
        # All at once: one that answers late keeps nobody waiting.
        has_changed |= any(await asyncio.gather(*charging))
        if has_changed or self._is_old(at_s):
            self._remember(at_s)

    async def release(self, kept: Mapping[str, ApplianceSettings] | None = None) -> None:
        """Switch off what runs and is steered by this no more: all but those of ``kept`` whose
        relays are the same, and what always runs."""
        await self._open_relays(kept or {})
        if self._recorder.timekeeper.is_set:
            self._remember(self._clock.monotonic())
        for name in self._names:
            self._hold(name, ())
        self._ledger.hold(_PLACE, (), None)

    async def _open_relays(self, kept: Mapping[str, ApplianceSettings]) -> None:
        silent: set[tuple[str, str]] = set()
        for name, one in self._steered.items():
            stays = name in kept and kept[name].output == one.settings.output
            is_done = stays or not one.is_on or one.settings.mode == Mode.ON
            if is_done or one.device in silent:
                continue
            try:
                await one.output.switch(False, HOLD_S)
            except NotSwitched as problem:
                silent.add(one.device)
                self._ledger.event(problem.finding, self._date())
                continue
            one.is_on = False
            self.controller.found(name, False, self._clock.monotonic())
            self._note(name, False, Reason.STOPPED)

    @property
    def _names(self) -> list[str]:
        return [*self._steered, *self._stations.names]

    def _open(self, one: ApplianceSettings) -> None:
        poller = self._pollers.get(one.output.bus)
        if poller is None or poller.bus is None:
            said = f"{one.name}: the bus {one.output.bus} cannot be used"
            self._hold(one.name, [_cannot_switch(said, one.name)])
            return
        try:
            self._steered[one.name] = _Steered(one, open_output(poller.bus, one.output, one.name))
        except BadMeter as problem:
            self._hold(one.name, [_cannot_switch(str(problem), one.name)])

    def _is_due(self) -> bool:
        now_s = self._clock.monotonic()
        if self._stepped_s is None or now_s - self._stepped_s >= STEPS_EVERY_S + LOOKS_EVERY_S:
            return True
        taken_s = self._taken_s()
        is_new = taken_s is not None and taken_s != self._power_of_s
        return is_new and now_s - self._stepped_s >= LEAST_STEP_S

    def _taken_s(self) -> float | None:
        grid = self.settings.grid
        meter = self._meter(grid.meter) if grid else None
        return None if meter is None or meter.power is None else meter.power.monotonic_s

    async def _look(self) -> set[str]:
        """How the relays stand; the names of those that cannot be asked."""
        absent: set[str] = set()
        silent: set[tuple[str, str]] = set()
        for name, one in self._steered.items():
            if one.device in silent:
                absent.add(name)
                continue
            try:
                is_on = await one.output.is_on()
            except NotSwitched as problem:
                absent.add(name)
                silent.add(one.device)
                self._hold(name, [problem.finding])
                one.is_on = None
                continue
            self._hold(name, ())
            if is_on != self.controller.is_on(name):
                self._note(name, is_on, Reason.OTHER)
            self.controller.found(name, is_on, self._clock.monotonic())
            one.is_on = is_on
        return absent

    async def _carry_out(self, decision: Decision) -> bool:
        """Whether something was switched."""
        one = self._steered[decision.name]
        has_changed = decision.is_on != one.is_on
        if not has_changed and not (decision.is_on and one.output.opens_itself):
            return False
        try:
            await one.output.switch(decision.is_on, HOLD_S)
        except NotSwitched as problem:
            self._hold(decision.name, [problem.finding])
            if one.is_on is not None:
                self.controller.found(decision.name, one.is_on, self._clock.monotonic())
            return False
        one.is_on = decision.is_on
        if has_changed:
            self._note(decision.name, decision.is_on, decision.reason)
        return has_changed

    def _grid_w(self, at_s: float) -> int | None:
        """What is drawn from the grid, and a finding where that has not been read for long."""
        grid = self.settings.grid
        if grid is None:
            return None
        self._power_of_s = self._taken_s()
        grid_w = self._power_w(grid.meter, -grid.factor if grid.is_swapped else grid.factor, at_s)
        if grid_w is not None:
            self._grid_read_s = at_s
        is_blind = at_s - self._grid_read_s >= BLIND_S
        self._ledger.hold(_PLACE, [_no_grid(grid.meter)] if is_blind else [], self._date())
        return grid_w

    def _power_w(self, name: str, factor: Decimal, at_s: float) -> int | None:
        """What flows through a meter, in W; None where that was not read of late."""
        meter = self._meter(name)
        if meter is None or meter.power is None or not meter.power.is_reached:
            return None
        if at_s - meter.power.monotonic_s > self._fresh_s:
            return None
        values = {one.obis: one.value for one in meter.power.values if one.obis is not None}
        power_w = power_of(values, factor=factor)
        return None if power_w is None else round(power_w)

    def _meter(self, name: str) -> Meter | None:
        return next(
            (one.meters[name] for one in self._pollers.values() if name in one.meters), None
        )

    def _note(self, name: str, is_on: bool, reason: Reason) -> None:
        """For the log on the platform."""
        source = Source(name, SWITCHED, Kind.SWITCH, "")
        code = Decimal(switch_code(is_on, reason.value))
        self._recorder.record([Shown(source, code, self._clock.monotonic())])

    def _hold(self, name: str, findings: Sequence[Finding]) -> None:
        self._ledger.hold(f"appliance {name}", findings, self._date())

    def _date(self) -> datetime | None:
        keeper = self._recorder.timekeeper
        return keeper.now() if keeper.is_set else None

    def _is_old(self, at_s: float) -> bool:
        return self._remembered_s is None or at_s - self._remembered_s >= _REMEMBERS_EVERY_S

    def _remember(self, at_s: float) -> None:
        self._remembered_s = at_s
        content = memory.written(self.controller, self._names, self._recorder.timekeeper)
        self._recorder.buffer.remember(_REMEMBERED, content)

    def resume(self) -> None:
        """Go on from before a restart or a new configuration."""
        stored = self._recorder.buffer.remembered(_REMEMBERED)
        if stored is not None:
            keeper = self._recorder.timekeeper
            for finding in memory.resume(self.controller, self._names, stored, keeper):
                self._ledger.event(finding, self._date())


def consumer(one: ApplianceSettings) -> Appliance:
    """An appliance as the controller knows it."""
    return Appliance(
        one.name,
        one.power_w,
        Mode(one.mode),
        one.priority,
        one.on_s,
        one.off_s,
        one.daily_s,
        one.complete_by_minute,
        tuple(Window(w.weekdays, w.from_minute, w.to_minute) for w in one.timer),
    )


def _cannot_switch(problem: str, where: str) -> Finding:
    return error(
        "gateway.bad_appliance",
        f"{problem}.",
        where=where,
        remedy="Correct the appliance or the bus on the platform.",
    )


def _no_grid(meter: str) -> Finding:
    return warning(
        "surplus.no_grid",
        "the power at the grid entry has not been read for five minutes; nothing runs by the sun.",
        where=meter,
        remedy="Check the meter at the grid entry and its bus.",
    )
