"""What a station has said of its connector, and what it may take."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from quartier.formats.uplink.stations import StationSettings
from quartier.gateway.ports import Charging

FRESH_S = 150.0
"""So long a measured power is believed; stations are asked for one a minute."""
VOLTS = 230
_CHARGES = frozenset({"Charging", "SuspendedEVSE"})
_PHASE_CURRENTS = frozenset({"L1", "L2", "L3", "L1-N", "L2-N", "L3-N"})


@dataclass(slots=True)
class Connector:
    """The one connector of a station. Times are monotonic seconds.

    ``transaction``: its number while one runs. ``limit``: the amperes that were accepted, and
    until when they hold.
    """

    settings: StationSettings
    status: str = ""
    transaction: int | None = None
    drawn: tuple[float, int] | None = None
    """When it was measured, and W."""
    limit: tuple[int, float] | None = None
    is_ready: bool = False
    """It has booted, and knows its fallback."""
    refused: str = field(default="")
    """Why it takes no limits, in its own words; empty where it does."""

    def state(self, now_s: float) -> Charging:
        """How it stands for the surplus."""
        wants = (
            self.is_ready
            and self.transaction is not None
            and (not self.status or self.status in _CHARGES)
        )
        return Charging(wants, self.amperes(now_s), self._drawn_w(now_s))

    def amperes(self, now_s: float) -> int:
        """What a car may take a phase now."""
        if self.limit is not None and now_s < self.limit[1]:
            return self.limit[0]
        return self.fallback_a

    @property
    def fallback_a(self) -> int:
        """What a car may take that nobody steers."""
        return self.settings.fallback_a if self.settings.follows_sun else self.settings.max_a

    def measured(self, samples: Iterable[Mapping[str, Any]], now_s: float) -> None:
        """The newest power in the meter values of a message."""
        for values in samples:
            power_w = power_of(values.get("sampledValue", ()))
            if power_w is not None:
                self.drawn = now_s, power_w

    def _drawn_w(self, now_s: float) -> int | None:
        if self.status == "SuspendedEVSE":
            return 0
        if self.drawn is None or now_s - self.drawn[0] > FRESH_S:
            return None
        return self.drawn[1]


def power_of(values: Iterable[Mapping[str, Any]]) -> int | None:
    """The power in W among sampled values of OCPP 1.6 (3.2, Measurand): as it says it, of the
    phases, or from their currents at 230 V; None where none of that is there."""
    power: dict[str, float] = {}
    current: dict[str, float] = {}
    for one in values:
        try:
            number = float(one["value"])
        except (KeyError, TypeError, ValueError):
            continue  # signed data, which is no number
        if one.get("location", "Outlet") not in ("Outlet", "Body"):
            continue
        phase = one.get("phase", "")
        if one.get("measurand") == "Power.Active.Import":
            power[phase] = number * (1000 if one.get("unit") == "kW" else 1)
        elif one.get("measurand") == "Current.Import":
            current[phase] = number
    found = _sum(power)
    if found is None and (amperes := _sum(current)) is not None:
        found = amperes * VOLTS
    return round(found) if found is not None and 0 <= found < 1e6 else None


def _sum(by_phase: Mapping[str, float]) -> float | None:
    """Of the phases, or the whole where it alone is told."""
    phases = [value for phase, value in by_phase.items() if phase in _PHASE_CURRENTS]
    return sum(phases) if phases else by_phase.get("")
