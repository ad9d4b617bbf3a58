"""What every protocol offers to whoever switches: an output of a device, a relay mostly."""

from typing import Protocol

from quartier.core.kernel.findings import Finding


class NotSwitched(Exception):
    """The output did not do, or did not say, what it was asked; ``finding`` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class Output(Protocol):
    """One output. ``opens_itself``: it opens again when nobody tells it anything for a while.
    Both methods raise :class:`NotSwitched`."""

    @property
    def opens_itself(self) -> bool: ...

    async def switch(self, is_on: bool, hold_s: int) -> None:
        """Close the contact, or open it. One that ``opens_itself`` does so after ``hold_s``
        seconds unless it is told again, and does not stay closed when whoever switches has
        died."""

    async def is_on(self) -> bool:
        """Whether the contact is closed, as the device says."""
