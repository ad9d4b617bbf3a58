"""What one SDAT-CH message says, as values."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum

from quartier.core.kernel.findings import Finding

ORIGINAL, REPLACE, CANCEL = 9, 5, 1  # message status [S45]

PARTS = {
    "8716867000030": "total",
    "2404050010123": "community",
    "2404050010124": "residual",
}
"""Product code to the part of the quantity it names [S41][S42][S45]."""

_POINT = re.compile(r"CH[0-9A-Z]{31}")


class SdatError(ValueError):
    """The file cannot be read as an SDAT-CH message; nothing of it may be used."""


class Grade(IntEnum):
    """How the message grades one value.

    Condition 21 has two meanings (rules.md b.1). On the community and residual products of a
    local electricity community (reason C40) it marks a *calculated split*, which is billable.
    Everywhere else it means that there is no value yet: also on the total product under C40,
    because a total is metered and never calculated, so 21 cannot mark a split there. Then the
    volume is not a value, whatever it says.
    """

    MISSING = 0
    """The message has no observation for the slot, or one that cannot be used."""
    TEMPORARY = 1
    """Condition 21: no value yet."""
    SPLIT = 2
    """Condition 21 as a calculated split."""
    ESTIMATED = 3
    """Condition 56."""
    MEASURED = 4
    """No condition."""

    @property
    def has_value(self) -> bool:
        """Whether the volume is a value."""
        return self >= Grade.SPLIT


@dataclass(frozen=True, slots=True)
class Run:
    """One MeteringData: consecutive quarter-hours of one direction and product.

    ``energies_kwh[i]`` belongs to slot ``first_slot + i`` and is None exactly where
    ``grades[i]`` has no value. ``direction`` is ``import`` or ``export``, ``part`` ``total``,
    ``community`` or ``residual``.
    """

    document_id: str
    direction: str
    part: str
    community_id: str
    first_slot: int
    energies_kwh: tuple[Decimal | None, ...]
    grades: bytes

    @property
    def end_slot(self) -> int:
        """The slot after the last."""
        return self.first_slot + len(self.grades)


@dataclass(frozen=True, slots=True)
class Block(Run):
    """A run of an E66: of one metering point."""

    point: str


@dataclass(frozen=True, slots=True)
class Aggregate(Run):
    """A run of an E31: the sum over a community, without a metering point. Unproven."""


@dataclass(frozen=True, slots=True)
class Message:
    """One file. ``created_at`` is None where the file does not say; it then counts as oldest."""

    version: str
    document_type: str
    document_id: str
    created_at: datetime | None
    status: int
    reason: str
    sender: str
    receiver: str
    receiver_role: str
    blocks: tuple[Block, ...]
    aggregates: tuple[Aggregate, ...]
    findings: tuple[Finding, ...]

    @property
    def is_cancellation(self) -> bool:
        """Whether it withdraws what earlier messages said of its intervals."""
        return self.status == CANCEL


def normal_point(text: str) -> str:
    """A metering-point id as it is compared: upper case, without spaces and dots (b.3)."""
    return re.sub(r"[\s.]+", "", text).upper()


def is_regular_point(point: str) -> bool:
    """Whether the id has the 33 characters of the Swiss scheme (rules.md b.3)."""
    return _POINT.fullmatch(point) is not None


def masked(point: str) -> str:
    """The id for logs and messages: its last six characters (rules.md b.3, g)."""
    return f"…{point[-6:]}" if len(point) > 6 else point
