"""What a reader of badges is to the gateway, and what its doors have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from quartier.core.kernel.findings import Finding
from quartier.protocols.rfid.uid import BadUid, Uid


@dataclass(frozen=True, slots=True)
class Presented:
    """A badge was held to ``reader``; ``keys`` are the digits that belong to it, or empty.

    ``number``: upper-case hexadecimal digits. ``at``: None while the gateway knows no date.
    """

    reader: str
    number: str
    keys: str
    at: datetime | None

    def __repr__(self) -> str:
        return f"Presented({self.reader})"

    @property
    def uid(self) -> Uid | None:
        """The badge; None where the reader gives a part of its number alone."""
        try:
            return Uid(self.number)
        except BadUid:
            return None


Present = Callable[[Presented], None]


class BadgeReader(Protocol):
    """One reader. What is wrong with it is a finding, never an error."""

    name: str

    async def run(self, present: Present) -> None:
        """Give ``present`` each badge until cancelled."""


@runtime_checkable
class Signalling(Protocol):
    """A reader that can show whether a badge was accepted."""

    async def signal(self, *, is_accepted: bool) -> bool:
        """Show it at once; False where the reader could not be told."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What came at a door: the writing of a badge, or empty; and keys: digits, ``*`` and ``#``."""

    card: str = ""
    keys: str = ""


class Desk(Protocol):
    """Where the doors bring what they saw."""

    def saw(self, seen: Seen) -> bool:
        """Whether it can be read."""

    def complain(self, finding: Finding) -> None:
        """``finding`` holds until something good comes."""


class Door(Protocol):
    """One way in: a listener or a device."""

    async def run(self, desk: Desk) -> None:
        """Bring everything to ``desk`` until cancelled. Raises OSError where it cannot be opened
        or has gone."""
