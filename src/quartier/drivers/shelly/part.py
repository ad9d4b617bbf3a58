"""The part of ``driver.toml`` that Shelly families have: channels, login, places in the status."""

import re
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Context, Decimal

from quartier.core.kernel.obis import NotObis, Obis
from quartier.drivers.fields import Table
from quartier.drivers.head import Head
from quartier.drivers.units import BASE, FINEST, PLAUSIBLE, counted, product

MOST_CHANNELS = 8
WATT_MINUTES = "Wmin"
"""Unit of the counters of the first generation's relays, a sixtieth of a Wh. They stand in the
memory that a power cut empties."""
_PATH = re.compile(
    r"[a-z][a-z0-9_]*(:(\d|\{channel\}))?"
    r"(\.([a-z][a-z0-9_]*|\d(\+\d){0,7}|\{channel\})){1,4}"
)
_USER = re.compile(r"[!-9;-~]{1,63}")
_SIXTY = Decimal(60)


@dataclass(frozen=True, slots=True)
class Register:
    """The number at ``path`` of the status, in ``unit``; ``{channel}`` in it is the channel, and
    ``0+1+2`` the sum of these places of a list. What stands at ``minus``, if anything does, is
    taken off it."""

    obis: Obis
    path: str
    unit: str
    is_billing: bool
    is_optional: bool
    minus: str = ""

    @property
    def base(self) -> str:
        """The unit of its values."""
        return "Wh" if self.unit == WATT_MINUTES else BASE[self.unit][0]

    def amount(self, number: Decimal) -> Decimal:
        """``number`` in the base unit; of a count what is finer than a billionth is left off."""
        if self.unit == WATT_MINUTES:
            hours = Context(prec=80).divide(number, _SIXTY)
            return hours.quantize(FINEST, ROUND_FLOOR, Context(prec=80))
        return counted(product(number, BASE[self.unit][1]), self.base)

    @property
    def limits(self) -> tuple[Decimal, Decimal]:
        """What can be meant, in the base unit."""
        return PLAUSIBLE[self.base]

    def keys(self, channel: int) -> tuple[str, ...]:
        """The keys that lead to the number of ``channel``."""
        return tuple(self.path.replace("{channel}", str(channel)).split("."))

    def places(self, channel: int) -> tuple[tuple[str, ...], ...]:
        """The keys to each number that is summed: mostly one."""
        places: list[tuple[str, ...]] = [()]
        for key in self.keys(channel):
            places = [(*place, one) for one in key.split("+") for place in places]
        return tuple(places)

    def lessened(self, channel: int) -> tuple[str, ...]:
        """The keys to the number that is taken off, or none."""
        return tuple(self.minus.replace("{channel}", str(channel)).split(".")) if self.minus else ()


@dataclass(frozen=True, slots=True)
class ShellyPart:
    """A Shelly family. A device has ``channels``, each of which is a meter; its address is the
    number of the channel, from 0. ``has_relays``: each channel switches too. ``generation`` 1
    has no RPC, and its login a ``user``."""

    channels: int
    registers: tuple[Register, ...]
    has_relays: bool = False
    password: str = field(default="", repr=False)
    generation: int = 2
    user: str = ""

    @property
    def relays(self) -> int:
        """How many relays a device has."""
        return self.channels if self.has_relays else 0

    @property
    def is_forgetful(self) -> bool:
        """Whether it counts energy in a memory that a power cut empties, and nowhere else."""
        return not any(one.is_billing for one in self.registers) and any(
            one.unit == WATT_MINUTES for one in self.registers
        )

    @property
    def is_meter(self) -> bool:
        """Whether there is something to read."""
        return True


def read_part(head: Head, table: Table) -> ShellyPart:
    """Read the Shelly tables of the file; faults are in ``table.faults``."""
    shelly = table.table("shelly")
    channels = shelly.whole("channels", 1, MOST_CHANNELS, 1)
    has_relays = shelly.flag("relays", False)
    generation = shelly.whole("generation", 1, 2, 2)
    shelly.done()
    if has_relays and generation == 1:
        table.fault("shelly", "relays of the first generation are not switched.")
    password, user = "", "admin"
    for one in table.tables("login"):  # left out where no password was filled in
        password, user = one.text("password"), one.text("user", "admin")
        if not _USER.fullmatch(user):
            one.fault("user", "is no name of a user.", "Write letters and digits, no colon.")
        one.done()
    registers: list[Register] = []
    for one in table.tables("register", required=True):
        register = _register(one)
        if register is None:
            continue
        if register.obis in [known.obis for known in registers]:
            one.fault("", f"{register.obis} is there twice.", "Remove one.")
        registers.append(register)
    known = tuple(source.key for source in head.sources)
    if head.sources and not head.agree(known):
        table.fault("source", "there is one public source alone.", "Name a manual or a second one.")
    user = user if generation == 1 else ""
    return ShellyPart(channels, tuple(registers), has_relays, password, generation, user)


def _register(table: Table) -> Register | None:
    written, path, minus = table.text("obis"), table.text("path"), table.text("minus", "")
    for key, place in (("path", path), ("minus", minus)):
        if place and not _PATH.fullmatch(place):
            table.fault(key, f"{place!r:.60} is no place in a status.", "Write switch:0.apower.")
    unit = table.choice("unit", (*BASE, WATT_MINUTES))
    is_billing = table.flag("billing", False)
    if is_billing and unit == WATT_MINUTES:
        table.fault("billing", "a counter of watt-minutes is lost in a power cut.")
    elif is_billing and BASE[unit][0] != "Wh":
        table.fault("billing", "only a register of energy is billed.")
    is_optional = table.flag("optional", False)
    table.done()
    try:
        obis = Obis.parse(written)
    except NotObis as reason:
        table.fault("obis", f"{reason}.")
        return None
    return Register(obis, path, unit, is_billing, is_optional, minus)
