"""The appliances of the demo building, as its gateway steers them."""

from dataclasses import dataclass

from quartier.gateway.surplus.consumers import Appliance, Mode
from quartier.gateway.surplus.timer import Window

HEATING = "z-warmepumpe"
"""The meter behind which the heating is."""
COMMON = "z-allgemein"
MODULE = "201"
"""The address of the relay module."""


@dataclass(frozen=True, slots=True)
class Steered:
    """One of them: ``meter`` counts what it draws, ``most_s`` is how long it needs on a day."""

    ref: str
    name: str
    meter: str
    power_w: int
    channels: tuple[int, ...]
    most_s: int
    priority: int | None = None
    sg_state: int = 0
    mode: Mode = Mode.SOLAR
    on_s: int = 600
    off_s: int = 300
    daily_s: int = 0
    complete_by_minute: int = 1440
    timer: tuple[Window, ...] = ()

    def consumer(self) -> Appliance:
        """As the controller knows it."""
        return Appliance(
            self.ref,
            self.power_w,
            self.mode,
            self.priority,
            self.on_s,
            self.off_s,
            self.daily_s,
            self.complete_by_minute,
            self.timer,
        )


_HOUR_S = 3600
_MORNING = (Window((0, 1, 2, 3, 4, 5), 6 * 60, 7 * 60),)

APPLIANCES = (
    Steered(
        "warmepumpe", "Wärmepumpe", HEATING, 6_000, (0, 1), 9 * _HOUR_S, priority=1, sg_state=3,
        on_s=1200, off_s=600, daily_s=4 * _HOUR_S, complete_by_minute=21 * 60,
    ),
    *(
        Steered(
            f"heizstab-{n}", f"Heizstab Warmwasser, Stufe {n}", HEATING, 2_000, (n + 1,),
            3 * _HOUR_S, priority=1 + n, daily_s=_HOUR_S, complete_by_minute=22 * 60,
        )
        for n in (1, 2, 3)
    ),
    Steered(
        "trockenraum", "Entfeuchter Trockenraum", COMMON, 1_100, (5,), 6 * _HOUR_S,
        mode=Mode.SOLAR_OR_TIMER, timer=_MORNING,
    ),
)  # fmt: skip
