"""The part of ``driver.toml`` that Shelly families have: channels, login, places in the status."""

import re
from dataclasses import dataclass, field
from decimal import Decimal

from quartier.core.kernel.obis import NotObis, Obis
from quartier.drivers.fields import Table
from quartier.drivers.head import Head
from quartier.drivers.units import BASE, PLAUSIBLE

MOST_CHANNELS = 8
_PATH = re.compile(r"[a-z][a-z0-9_]*(:(\d|\{channel\}))?(\.[a-z][a-z0-9_]*){1,4}")


@dataclass(frozen=True, slots=True)
class Register:
    """The number at ``path`` of the status, in ``unit``; ``{channel}`` in it is the channel."""

    obis: Obis
    path: str
    unit: str
    is_billing: bool
    is_optional: bool

    @property
    def base(self) -> str:
        """The unit of its values."""
        return BASE[self.unit][0]

    @property
    def limits(self) -> tuple[Decimal, Decimal]:
        """What can be meant, in the base unit."""
        return PLAUSIBLE[self.base]

    def keys(self, channel: int) -> tuple[str, ...]:
        """The keys that lead to the number of ``channel``."""
        return tuple(self.path.replace("{channel}", str(channel)).split("."))


@dataclass(frozen=True, slots=True)
class ShellyPart:
    """A Shelly family. A device has ``channels``, each of which is a meter; its address is the
    number of the channel, from 0."""

    channels: int
    registers: tuple[Register, ...]
    password: str = field(default="", repr=False)


def read_part(head: Head, table: Table) -> ShellyPart:
    """Read the Shelly tables of the file; faults are in ``table.faults``."""
    shelly = table.table("shelly")
    channels = shelly.whole("channels", 1, MOST_CHANNELS, 1)
    shelly.done()
    password = ""
    for one in table.tables("login"):  # left out where no password was filled in
        password = one.text("password")
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
    return ShellyPart(channels, tuple(registers), password)


def _register(table: Table) -> Register | None:
    written, path = table.text("obis"), table.text("path")
    if path and not _PATH.fullmatch(path):
        table.fault("path", f"{path!r:.60} is no place in a status.", "Write switch:0.apower.")
    unit = table.choice("unit", BASE)
    is_billing = table.flag("billing", False)
    if is_billing and BASE[unit][0] != "Wh":
        table.fault("billing", "only a register of energy is billed.")
    is_optional = table.flag("optional", False)
    table.done()
    try:
        obis = Obis.parse(written)
    except NotObis as reason:
        table.fault("obis", f"{reason}.")
        return None
    return Register(obis, path, unit, is_billing, is_optional)
