"""The relay of a Shelly channel, by the component Switch of its API (second generation)."""

from dataclasses import dataclass

from quartier.core.kernel.findings import error
from quartier.drivers.outputs import NotSwitched
from quartier.protocols.shelly.client import Client, switch_path, switch_status_path
from quartier.protocols.shelly.errors import ShellyError


@dataclass(frozen=True, slots=True)
class ShellyOutput:
    """The relay ``channel`` (from 0) of a device."""

    client: Client
    channel: int
    password: str
    name: str

    @property
    def opens_itself(self) -> bool:
        """Whether it opens again when nobody tells it anything for a while."""
        return True

    async def switch(self, is_on: bool, hold_s: int) -> None:
        """Close the contact for ``hold_s`` seconds at most, or open it. Raises
        :class:`NotSwitched`."""
        path = switch_path(self.channel, is_on=is_on, hold_s=hold_s)
        try:
            await self.client.ask(path, self.password)
        except ShellyError as problem:
            raise NotSwitched(problem.finding(self.name)) from None

    async def is_on(self) -> bool:
        """Whether it is closed, as the device says. Raises :class:`NotSwitched`."""
        try:
            said = await self.client.ask(switch_status_path(self.channel), self.password)
        except ShellyError as problem:
            raise NotSwitched(problem.finding(self.name)) from None
        state = said.get("output")
        if not isinstance(state, bool):
            raise NotSwitched(
                error(
                    "output.unknown_state",
                    "the device does not say whether its relay is on.",
                    where=self.name,
                    remedy="Check the model: this driver does not fit the device.",
                )
            )
        return state
