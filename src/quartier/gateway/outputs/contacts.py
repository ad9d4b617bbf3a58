"""The relays of an appliance as one output that is on or off."""

from dataclasses import dataclass

from quartier.formats.uplink.appliances import SG_READY, OutputSettings
from quartier.gateway.ports import BusPort, Output

FORCED = 4
"""The state of SG Ready in which the heat pump is made to run."""


def open_output(bus: BusPort, settings: OutputSettings, name: str) -> Output:
    """The output of ``settings`` on ``bus``; people call it ``name``. Raises
    :class:`~quartier.gateway.ports.BadMeter`."""
    relays = [bus.output(settings, channel, name) for channel in settings.channels]
    if settings.is_inverted:
        relays = [Inverted(relay) for relay in relays]
    if settings.kind == SG_READY:
        first, second = relays
        return SgReady(first, second, settings.sg_state == FORCED)
    return relays[0]


@dataclass(frozen=True, slots=True)
class Inverted:
    """On when the contact is open (normally closed). When the gateway dies it stays as it is."""

    relay: Output

    @property
    def opens_itself(self) -> bool:
        """Whether it goes off when nobody tells it anything for a while."""
        return False

    async def switch(self, is_on: bool, hold_s: int) -> None:  # noqa: ARG002 - must not turn on
        """Open the contact when on."""
        await self.relay.switch(not is_on, 0)

    async def is_on(self) -> bool:
        """Whether the contact is open."""
        return not await self.relay.is_on()


@dataclass(frozen=True, slots=True)
class SgReady:
    """A heat pump with two contacts: both open is as usual, the second closed recommends that it
    runs, both closed make it run. The first alone locks it, as a grid operator may; that is never
    meant here, not even between two others. Source: Bundesverband Waermepumpe, SG Ready 1.1 [GK].
    """

    first: Output
    second: Output
    is_forced: bool

    @property
    def opens_itself(self) -> bool:
        """Whether it goes off when nobody tells it anything for a while."""
        return self.first.opens_itself and self.second.opens_itself

    async def switch(self, is_on: bool, hold_s: int) -> None:
        """Recommend or force when on."""
        if not (is_on and self.is_forced):
            await self.first.switch(False, hold_s)
        await self.second.switch(is_on, hold_s)
        if is_on and self.is_forced:
            await self.first.switch(True, hold_s)

    async def is_on(self) -> bool:
        """Whether it is as :meth:`switch` leaves it when on. What is neither on nor as usual is
        undone: nobody meant it."""
        states = await self.first.is_on(), await self.second.is_on()
        if states == (self.is_forced, True):
            return True
        if any(states):
            await self.switch(False, 0)
        return False
