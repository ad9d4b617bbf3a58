"""The part of ``driver.toml`` that M-Bus families have: the line, which records are registers."""

from dataclasses import dataclass

from quartier.core.kernel.obis import NotObis, Obis
from quartier.drivers.fields import Table
from quartier.drivers.head import Head, Model
from quartier.drivers.serial_table import read_pauses, read_serial
from quartier.protocols.mbus.picks import BadPick, Chosen, Meaning, Pick
from quartier.protocols.mbus.qualifiers import WORDS
from quartier.protocols.mbus.records import Function
from quartier.protocols.mbus.units import FB, PRIMARY
from quartier.protocols.wire.serial_port import SerialSettings

_FUNCTIONS = {one.name.lower(): one for one in Function}
_COUNTED = ("energy", "volume")
_QUANTITIES = sorted({unit.quantity for table in (PRIMARY, FB) for unit in table.values()})
_MOST_STORAGE = 2**41 - 1
_MOST_TARIFF = 2**20 - 1
_MOST_SUBUNIT = 2**10 - 1


@dataclass(frozen=True, slots=True)
class Register:
    """A record that is the register ``obis``. ``models``: only these have it; all if empty."""

    obis: Obis
    pick: Pick | Meaning
    is_billing: bool
    models: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MBusPart:
    """An M-Bus family. ``by_medium``: a model of which no register is named has those of the
    medium that the meter says, by the rules of :mod:`quartier.protocols.mbus.meter`."""

    serial: SerialSettings | None
    timeout_s: float
    pause_s: float
    by_medium: bool
    registers: tuple[Register, ...]

    @property
    def relays(self) -> int:
        """How many relays a device has: nothing is switched over M-Bus here."""
        return 0

    @property
    def is_meter(self) -> bool:
        """Whether there is something to read."""
        return True

    def of_model(self, model: Model) -> tuple[Register, ...]:
        """The registers that ``model`` has."""
        return tuple(one for one in self.registers if not one.models or model.name in one.models)

    def chosen(self, model: Model) -> Chosen:
        """What is read from ``model``."""
        picks = {one.obis: one.pick for one in self.of_model(model)}
        return Chosen(picks, by_medium=self.by_medium and not picks)


def read_part(head: Head, table: Table) -> MBusPart:
    """Read the M-Bus tables of the file; faults are in ``table.faults``."""
    line = table.table("line")
    serial = read_serial(line)
    timeout_s, pause_s = read_pauses(line, 200)
    line.done()
    mbus = table.table("mbus")
    by_medium = mbus.flag("by_medium", False)
    mbus.done()
    registers = []
    for one in table.tables("register"):
        register = _register(one, head)
        if register is None:
            continue
        registers.append(register)
        for model in head.models:
            same = [it for it in registers if it.obis == register.obis and _has(model, it)]
            if len(same) > 1:
                one.fault("", f"{model.name} has {register.obis} twice.", "Remove one.")
    if not registers and not by_medium:
        table.fault("", "there is no [[register]].", "Add one, or [mbus] with by_medium = true.")
    return MBusPart(serial, timeout_s, pause_s, by_medium, tuple(registers))


def _has(model: Model, register: Register) -> bool:
    return not register.models or model.name in register.models


def _register(table: Table, head: Head) -> Register | None:
    """``[[register]]``; None where it has a fault that leaves nothing to work with."""
    written = table.text("obis")
    pick = _by_bytes(table) if table.has("dib") or table.has("vib") else _by_meaning(table)
    is_billing = table.flag("billing", False)
    models = table.texts("models")
    for name in models:
        if head.model(name) is None:
            table.fault("models", f"the family has no model {name!r}.", "Add [[model]].")
    known = tuple(source.key for source in head.sources)
    sources = table.texts("sources") or known
    for key in sources:
        if key not in known:
            table.fault("sources", f"there is no source {key!r}.", "Add [source.NAME].")
    if head.sources and not head.agree(sources):
        table.fault(
            "sources",
            "rests on one public source alone.",
            "Name a manual or a second source, or leave the register out.",
        )
    table.done()
    try:
        obis = Obis.parse(written)
    except NotObis as reason:
        table.fault("obis", f"{reason}.")
        return None
    return Register(obis, pick, is_billing, models, sources) if pick else None


def _by_bytes(table: Table) -> Pick | None:
    """``dib`` and ``vib``: the bytes of the record."""
    dib, vib = table.text("dib"), table.text("vib")
    try:
        return Pick.parse(dib, vib)
    except BadPick as reason:
        table.fault("dib", f"{reason}.")
        return None


def _by_meaning(table: Table) -> Meaning:
    """``quantity`` with what tells its records apart."""
    meaning = Meaning(
        table.choice("quantity", _QUANTITIES),
        _FUNCTIONS[table.choice("function", _FUNCTIONS, Function.INSTANTANEOUS.name.lower())],
        table.whole("storage", 0, _MOST_STORAGE, 0),
        table.whole("tariff", 0, _MOST_TARIFF, 0),
        table.whole("subunit", 0, _MOST_SUBUNIT, 0),
        table.texts("qualifiers"),
    )
    if meaning.quantity not in _COUNTED:
        table.fault("quantity", "a register counts energy or volume.")
    for word in meaning.qualifiers:
        if word not in WORDS.values():
            table.fault("qualifiers", f"{word!r:.60} is no word of a VIFE.", "See the guide.")
    return meaning
