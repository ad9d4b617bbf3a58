"""A meter that somebody wants to add, and what is wrong with it."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a row of a table says of a meter. The fields are the columns; empty is not said.

    ``row`` is the line of the table, from 1; ``driver`` and ``model`` come from one column.
    """

    row: int
    ref: str
    name: str
    medium: str = "electricity"
    mode: str = "consumption"
    source: str = "register"
    metering_point: str = ""
    export_metering_point: str = ""
    rule: str = ""
    fuse_a: Decimal | None = None
    serial: str = ""
    installed: date | None = None
    factor: Decimal = Decimal(1)
    digits: int | None = None
    gateway: str = ""
    bus: str = ""
    driver: str = ""
    model: str = ""
    address: str = ""
    plan: str = ""
    billing_point: str = ""
    from_date: date | None = None


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong in ``column`` of the line ``row``; column "" is the whole row."""

    row: int
    column: str
    text: str


@dataclass
class Faults:
    """Collects what is wrong with a table."""

    found: list[Fault] = field(default_factory=list)

    def say(self, row: int, column: str, text: str) -> None:
        """Something is wrong there."""
        self.found.append(Fault(row, column, text))

    def has(self, row: int) -> bool:
        """Whether something is wrong with that row already."""
        return any(one.row == row for one in self.found)
