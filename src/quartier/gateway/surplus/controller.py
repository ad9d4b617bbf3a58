"""Who runs now: one ordered list of appliances and charging stations shares the surplus.

Each minute :meth:`Controller.step` is told what flows at the grid entry. What would be fed in if
nothing ran that is steered by the sun is the budget; it does not depend on what runs, so that a
switch is no reason for the next one. From the budget the consumers are served in order. Two things
keep a relay from chattering: the minimum times of each consumer, and that passing clouds count
little. The best budget of ten minutes keeps on what runs, the worst of three minutes starts what
does not; of what was tried that uses more of the sun than two minutes each, with half the switches
(docs/algorithms/surplus.md).

The clock on the wall decides about timers and days alone; how long something has run is told by
``monotonic_s``, which no clock setting moves.
"""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from quartier.gateway.surplus.consumers import Appliance, Consumer, Mode, Station
from quartier.gateway.surplus.timer import is_open, seconds_until

START_S = 180
"""So long a surplus has to last before something is switched on for it."""
KEEP_S = 600
"""So long it has to be missing before something is switched off."""
BLIND_S = 300
"""So long the last budget is believed without a reading of the grid entry."""
_STEP_S = 60


class Reason(StrEnum):
    """Why a consumer runs or does not, for the page that shows it."""

    SURPLUS = "surplus"
    NO_SURPLUS = "no_surplus"
    NO_READING = "no_reading"
    MINIMUM_TIME = "minimum_time"
    DAILY_MINIMUM = "daily_minimum"
    TIMER = "timer"
    ALWAYS = "always"
    MANUAL = "manual"
    OTHER = "other"
    """Not switched by the controller."""
    STOPPED = "stopped"
    """The controller stops, or steers it no more."""
    NO_ANSWER = "no_answer"
    """Its relay does not answer."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a consumer does from now on. ``amperes`` of a station a phase; 0 where it is off."""

    name: str
    is_on: bool
    reason: Reason
    amperes: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """What is worth knowing of a consumer after a restart: since when it has been on or off, by
    the monotonic clock, and how long it ran on the local ``day``."""

    is_on: bool
    changed_at_s: float | None
    day: date | None
    ran_s: float


@dataclass(slots=True)
class _State:
    is_on: bool = False
    amperes: int = 0
    changed_at_s: float | None = None
    """None: not since the start, so no minimum time runs."""
    day: date | None = None
    ran_s: float = 0.0
    offered: deque[int] = field(default_factory=lambda: deque(maxlen=2))
    """Amperes of the last two steps."""


@dataclass
class Controller:
    """The consumers of a building and what they do.

    ``presses`` are the manual switches by name; they may be changed at any time.
    """

    consumers: Sequence[Consumer]
    timezone: str
    presses: dict[str, bool] = field(default_factory=dict)
    _states: dict[str, _State] = field(default_factory=dict, init=False)
    _budgets: deque[tuple[float, int]] = field(default_factory=deque, init=False)
    _last_s: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        names = [one.name for one in self.consumers]
        if len(set(names)) < len(names):
            raise ValueError("two consumers have the same name")
        self._zone = ZoneInfo(self.timezone)
        self._order = sorted(self.consumers, key=lambda one: one.rank)
        self._states = {one.name: _State() for one in self._order}

    def found(self, name: str, is_on: bool, monotonic_s: float) -> None:
        """``name`` runs or does not, whoever switched it: a relay keeps its state over a restart,
        and loses it with its supply. Where that is new its minimum time begins now."""
        state = self._states[name]
        if state.is_on != is_on or (is_on and state.changed_at_s is None):
            state.is_on, state.changed_at_s = is_on, monotonic_s

    def is_on(self, name: str) -> bool:
        """Whether ``name`` runs, as far as is known."""
        return self._states[name].is_on

    def memory(self, name: str) -> Memory:
        """What :meth:`resume` takes."""
        state = self._states[name]
        return Memory(state.is_on, state.changed_at_s, state.day, state.ran_s)

    def resume(self, name: str, memory: Memory) -> None:
        """Go on as if there had been no restart."""
        state = self._states[name]
        state.is_on, state.changed_at_s = memory.is_on, memory.changed_at_s
        state.day, state.ran_s = memory.day, memory.ran_s

    def step(
        self,
        now: datetime,
        monotonic_s: float,
        grid_w: int | None,
        drawn_w: Mapping[str, int] | None = None,
        absent: Collection[str] = (),
    ) -> list[Decision]:
        """What everybody does from ``now`` (aware) on, in their order.

        ``grid_w`` is the power at the grid entry, positive when drawn, None without a reading;
        ``drawn_w`` what a consumer is measured to draw, for those that are (a station, a relay
        with a meter). Others draw their ``power_w`` when they run. Those that are ``absent``
        cannot be switched: they stay as they are, and take nothing of the surplus.
        """
        local = now.astimezone(self._zone)
        passed_s = 0.0 if self._last_s is None else max(0.0, monotonic_s - self._last_s)
        self._last_s = monotonic_s
        self._count(local.date(), passed_s)
        forced = {one.name: self._forced(one, local, monotonic_s) for one in self._order}
        for name in absent:
            forced[name] = Decision(name, self._states[name].is_on, Reason.NO_ANSWER)
        free = [one for one in self._order if forced[one.name] is None]
        lowest, highest = self._budget(free, monotonic_s, grid_w, drawn_w or {})
        is_steady = self._is_steady(monotonic_s)
        # What may not be switched off yet is served before all others: it runs anyway.
        held = {one.name for one in free if self._is_held_on(one, monotonic_s)}
        for one in free:
            if one.name in held:
                lowest, highest = _less(lowest, one.power_w), _less(highest, one.power_w)
        decisions = []
        for one in self._order:
            decision = forced[one.name]
            if decision is None:
                decision = self._by_sun(one, one.name in held, lowest, highest, monotonic_s)
                if decision.is_on and not is_steady and not self._states[one.name].is_on:
                    decision = Decision(one.name, False, Reason.NO_SURPLUS)
                drawn = (drawn_w or {}).get(one.name)
                taken = _taken(one, decision, self._states[one.name], drawn) - (
                    one.power_w if one.name in held else 0
                )
                lowest, highest = _less(lowest, taken), _less(highest, taken)
            decisions.append(decision)
        for decision in decisions:
            self._apply(decision, monotonic_s)
        return decisions

    def ran_s(self, name: str) -> float:
        """How long a consumer has run on the current local day."""
        return self._states[name].ran_s

    def _count(self, day: date, passed_s: float) -> None:
        for state in self._states.values():
            if state.day != day:
                state.day, state.ran_s = day, 0.0
            elif state.is_on:
                state.ran_s += passed_s

    def _forced(self, one: Consumer, local: datetime, at_s: float) -> Decision | None:
        """What is decided without the sun; None where it decides."""
        if isinstance(one, Station):
            return None
        wanted = self._wanted(one, local)
        if wanted is None:
            return None
        is_on, reason = wanted
        state = self._states[one.name]
        by_hand = one.mode in {Mode.OFF, Mode.MANUAL} and not is_on
        if is_on != state.is_on and not by_hand and not self._may_change(one, at_s):
            return Decision(one.name, state.is_on, Reason.MINIMUM_TIME)
        return Decision(one.name, is_on, reason)

    def _wanted(self, one: Appliance, local: datetime) -> tuple[bool, Reason] | None:
        match one.mode:
            case Mode.ON:
                return True, Reason.ALWAYS
            case Mode.OFF:
                return False, Reason.ALWAYS
            case Mode.MANUAL:
                return self.presses.get(one.name, False), Reason.MANUAL
            case Mode.TIMER:
                return is_open(one.timer, local), Reason.TIMER
            case Mode.SOLAR_OR_TIMER if is_open(one.timer, local):
                return True, Reason.TIMER
        missing_s = one.daily_s - self._states[one.name].ran_s
        if missing_s > 0:
            left_s = seconds_until(local, one.complete_by_minute)
            if left_s < missing_s + _STEP_S:
                return True, Reason.DAILY_MINIMUM
        return None

    def _budget(
        self,
        free: Sequence[Consumer],
        at_s: float,
        grid_w: int | None,
        drawn_w: Mapping[str, int],
    ) -> tuple[int | None, int | None]:
        """The lowest and the highest budget of late; None where there is none to be believed."""
        if grid_w is not None:
            budget = -grid_w
            for one in free:
                state = self._states[one.name]
                if one.name in drawn_w:
                    budget += drawn_w[one.name]
                elif state.is_on:
                    budget += one.power_w if isinstance(one, Appliance) else _watts(one, state)
            self._budgets.append((at_s, budget))
        while self._budgets and self._budgets[0][0] < at_s - KEEP_S:
            self._budgets.popleft()
        if not self._budgets or self._budgets[-1][0] < at_s - BLIND_S:
            return None, None
        last = self._budgets[-1][1]
        lowest = min((w for when, w in self._budgets if when > at_s - START_S), default=last)
        highest = max((w for when, w in self._budgets if when > at_s - KEEP_S), default=last)
        return lowest, highest

    def _is_steady(self, at_s: float) -> bool:
        """Whether budgets are known for as long as a surplus has to last."""
        return bool(self._budgets) and at_s - self._budgets[0][0] >= START_S - _STEP_S

    def _by_sun(
        self, one: Consumer, is_held: bool, lowest: int | None, highest: int | None, at_s: float
    ) -> Decision:
        state = self._states[one.name]
        if lowest is None or highest is None:
            kept = is_held and state.is_on
            return Decision(one.name, kept, Reason.NO_READING, _least(one) if kept else 0)
        if is_held:
            spare = lowest + one.power_w
            if spare >= one.power_w:
                return Decision(one.name, True, Reason.SURPLUS, _amperes(one, spare))
            return Decision(one.name, True, Reason.MINIMUM_TIME, _least(one))
        if state.is_on:
            if highest >= one.power_w:
                return Decision(one.name, True, Reason.SURPLUS, _amperes(one, lowest))
            return Decision(one.name, False, Reason.NO_SURPLUS)
        if lowest < one.power_w:
            return Decision(one.name, False, Reason.NO_SURPLUS)
        if not self._may_change(one, at_s):
            return Decision(one.name, False, Reason.MINIMUM_TIME)
        return Decision(one.name, True, Reason.SURPLUS, _amperes(one, lowest))

    def _is_held_on(self, one: Consumer, at_s: float) -> bool:
        return self._states[one.name].is_on and not self._may_change(one, at_s)

    def _may_change(self, one: Consumer, at_s: float) -> bool:
        state = self._states[one.name]
        if state.changed_at_s is None:
            return True
        return at_s - state.changed_at_s >= (one.on_s if state.is_on else one.off_s)

    def _apply(self, decision: Decision, at_s: float) -> None:
        state = self._states[decision.name]
        if decision.is_on != state.is_on:
            state.is_on, state.changed_at_s = decision.is_on, at_s
        state.amperes = decision.amperes
        if decision.is_on:
            state.offered.append(decision.amperes)
        else:
            state.offered.clear()


def _less(budget: int | None, taken_w: int) -> int | None:
    return None if budget is None else budget - taken_w


def _least(one: Consumer) -> int:
    return one.min_a if isinstance(one, Station) else 0


def _amperes(one: Consumer, budget_w: int) -> int:
    """Whole amperes of a station within the budget, from its least to its most."""
    if isinstance(one, Appliance):
        return 0
    return max(one.min_a, min(one.max_a, budget_w // one.watts_an_ampere))


def _watts(one: Station, state: _State) -> int:
    return state.amperes * one.watts_an_ampere


def _taken(one: Consumer, decision: Decision, state: _State, drawn_w: int | None) -> int:
    """What is left to nobody else, in W. A car that has taken less than it was offered for two
    steps, on one phase of three perhaps, leaves what it would not take, but for an ampere."""
    if not decision.is_on:
        return 0
    if isinstance(one, Appliance):
        return one.power_w
    amperes = decision.amperes
    if drawn_w is not None and len(state.offered) == 2:
        drawn_a = -(-drawn_w // one.watts_an_ampere)
        if drawn_a < min(state.offered):
            amperes = min(amperes, drawn_a + 1)
    return amperes * one.watts_an_ampere
