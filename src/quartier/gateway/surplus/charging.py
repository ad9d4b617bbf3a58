"""The charging stations among what is steered: how they stand, and what they may take."""

from collections.abc import Callable, Sequence

from quartier.core.kernel.findings import Finding, warning
from quartier.formats.uplink.stations import StationSettings
from quartier.gateway.ports import Chargers, NotSwitched
from quartier.gateway.surplus.consumers import Station
from quartier.gateway.surplus.controller import Controller, Decision

HOLD_S = 180
"""A station goes back to its fallback when the gateway has been silent for so long."""


class SteeredStations:
    """Those of ``settings`` that follow the sun. ``hold`` keeps the findings of one by its name."""

    def __init__(
        self,
        settings: Sequence[StationSettings],
        chargers: Chargers | None,
        hold: Callable[[str, Sequence[Finding]], None],
    ) -> None:
        self._chargers = chargers
        self._hold = hold
        self._settings = {
            one.name: one for one in settings if one.follows_sun and chargers is not None
        }

    @property
    def names(self) -> list[str]:
        """What people call them."""
        return list(self._settings)

    def __contains__(self, name: object) -> bool:
        return name in self._settings

    @property
    def consumers(self) -> list[Station]:
        """They as the controller knows them."""
        return [
            Station(one.name, one.phases, one.min_a, one.max_a, one.priority, one.on_s, one.off_s)
            for one in self._settings.values()
        ]

    def look(self, controller: Controller, at_s: float) -> tuple[set[str], dict[str, int]]:
        """Who cannot be steered now, and what the others are measured to take, in W.

        A station without a car that wants power is not steered: it would keep for itself what
        nobody takes.
        """
        absent: set[str] = set()
        drawn_w: dict[str, int] = {}
        assert self._chargers is not None or not self._settings
        for name in self._settings:
            state = self._chargers.state(name) if self._chargers else None
            self._hold(name, [] if state else [_not_connected(name)])
            if state is None or not state.wants:
                absent.add(name)
                controller.found(name, False, at_s)
                continue
            if state.amperes is not None:
                controller.found(name, state.amperes > 0, at_s)
            if state.drawn_w is not None:
                drawn_w[name] = state.drawn_w
        return absent, drawn_w

    async def carry_out(self, decision: Decision, controller: Controller, at_s: float) -> bool:
        """Tell a station what it may take, each time anew: it believes nothing for longer than
        ``HOLD_S``. Whether it was switched on or off."""
        assert self._chargers is not None
        before = self._chargers.state(decision.name)
        try:
            await self._chargers.limit(decision.name, decision.amperes, HOLD_S)
        except NotSwitched as problem:
            self._hold(decision.name, [problem.finding])
            if before is not None and before.amperes is not None:
                controller.found(decision.name, before.amperes > 0, at_s)
            return False
        was_on = before is not None and bool(before.amperes)
        return was_on != decision.is_on


def _not_connected(name: str) -> Finding:
    return warning(
        "charging.not_connected",
        "the charging station is not connected to the gateway.",
        where=name,
        remedy="Check its network and the address of the gateway in its settings.",
    )
