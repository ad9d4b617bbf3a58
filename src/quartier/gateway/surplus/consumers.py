"""What can be steered: an appliance behind a relay, and a charging station with a variable power.

The modes are those of system.md 12. An appliance of several relays (three phases of a heater, say)
is as many appliances: small steps use more of the sun.
"""

from dataclasses import dataclass
from enum import StrEnum

from quartier.gateway.surplus.timer import Window

MOST_POWER_W = 1_000_000
_DAY_S = 24 * 3600


class Mode(StrEnum):
    """Who decides whether an appliance runs."""

    SOLAR = "solar"
    """Surplus alone."""
    SOLAR_OR_TIMER = "solar_or_timer"
    """Surplus, and in the timer's windows whatever the sun does."""
    TIMER = "timer"
    ON = "on"
    OFF = "off"
    MANUAL = "manual"
    """Whoever presses the switch."""


class BadConsumer(ValueError):
    """A setting that cannot be; the text names it."""


@dataclass(frozen=True, slots=True)
class Appliance:
    """An appliance behind one relay; ``power_w`` is what it draws when it runs.

    ``priority``: the lowest goes first; those without come after all others, the strongest first.
    ``on_s`` and ``off_s`` are how long it stays on or off at least (a compressor needs both).
    ``daily_s``: as long it runs each local day, without the sun if need be, by the local
    ``complete_by_minute`` of the day (1440 is midnight). Raises :class:`BadConsumer`.
    """

    name: str
    power_w: int
    mode: Mode = Mode.SOLAR
    priority: int | None = None
    on_s: int = 600
    off_s: int = 300
    daily_s: int = 0
    complete_by_minute: int = 1440
    timer: tuple[Window, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.power_w <= MOST_POWER_W:
            raise BadConsumer(f"the power of {self.name} is {self.power_w} W; give 1 W to 1 MW")
        if not (0 <= self.on_s <= _DAY_S and 0 <= self.off_s <= _DAY_S):
            raise BadConsumer(f"{self.name} stays on or off for a day at most")
        if not 0 <= self.daily_s <= _DAY_S:
            raise BadConsumer(f"{self.name} cannot run {self.daily_s} s a day")
        if not 0 < self.complete_by_minute <= 1440:
            raise BadConsumer(f"the hour by which {self.name} is done is none of the day")
        if self.daily_s > self.complete_by_minute * 60:
            raise BadConsumer(f"{self.name} cannot run as long before the hour at which it is done")
        if self.mode in {Mode.TIMER, Mode.SOLAR_OR_TIMER} and not self.timer:
            raise BadConsumer(f"{self.name} runs by timer and has none")

    @property
    def rank(self) -> tuple[bool, int, int, str]:
        """Its place in the order."""
        return (self.priority is None, self.priority or 0, -self.power_w, self.name)


@dataclass(frozen=True, slots=True)
class Station:
    """A charging station that takes whole amperes between ``min_a`` (6 A, IEC 61851-1; some cars
    need 8 to 10) and ``max_a`` on ``phases``. ``on_s`` and ``off_s`` as of an appliance."""

    name: str
    phases: int = 3
    min_a: int = 6
    max_a: int = 16
    priority: int | None = None
    on_s: int = 600
    off_s: int = 300
    volts: int = 230

    def __post_init__(self) -> None:
        if self.phases not in (1, 2, 3):
            raise BadConsumer(f"{self.name} has {self.phases} phases; give 1 to 3")
        if not 6 <= self.min_a <= self.max_a <= 125:
            raise BadConsumer(f"{self.name} charges with 6 A or more, and the most is not less")
        if not (0 <= self.on_s <= _DAY_S and 0 <= self.off_s <= _DAY_S):
            raise BadConsumer(f"{self.name} stays on or off for a day at most")
        if not 100 <= self.volts <= 250:
            raise BadConsumer(f"{self.name} has {self.volts} V; give the voltage of a phase")

    @property
    def power_w(self) -> int:
        """What it needs to charge at all."""
        return self.min_a * self.watts_an_ampere

    @property
    def watts_an_ampere(self) -> int:
        """What one ampere more draws."""
        return self.phases * self.volts

    @property
    def rank(self) -> tuple[bool, int, int, str]:
        """Its place in the order."""
        return (self.priority is None, self.priority or 0, -self.power_w, self.name)


Consumer = Appliance | Station
