"""The part of ``driver.toml`` that Modbus families have: line, limits of requests, registers."""

from dataclasses import dataclass

from quartier.drivers.fields import Table
from quartier.drivers.head import Head, Model
from quartier.drivers.modbus.outputs import OutputMap, read_outputs
from quartier.drivers.modbus.registers import (
    READS,
    Defaults,
    Identity,
    Register,
    read_identity,
    read_register,
)
from quartier.drivers.modbus.sunspec_points import Point, read_points
from quartier.drivers.serial_table import read_pauses, read_serial
from quartier.protocols.modbus.bus import Timing
from quartier.protocols.modbus.values import Order, Type
from quartier.protocols.wire.serial_port import SerialSettings

_MOST_WORDS = 125


@dataclass(frozen=True, slots=True)
class Span:
    """Registers from ``first`` to ``last`` that no request may touch."""

    function: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How registers may be read together: across ``gap`` registers that nobody wants, at most
    ``longest`` at once, never across ``unreadable``."""

    gap: int
    longest: int
    unreadable: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class ModbusPart:
    """A Modbus family. ``serial`` is how its devices are set when new, None if that is not known.
    ``points`` are those of SunSpec, found by model discovery."""

    serial: SerialSettings | None
    timing: Timing
    address: int
    defaults: Defaults
    limits: Limits
    registers: tuple[Register, ...]
    identities: tuple[Identity, ...]
    points: tuple[Point, ...]
    sunspec_bases: tuple[int, ...]
    outputs: OutputMap | None = None

    @property
    def relays(self) -> int:
        """How many relays a device has."""
        return self.outputs.channels if self.outputs else 0

    @property
    def is_meter(self) -> bool:
        """Whether there is something to read."""
        return bool(self.registers or self.points)

    def of_model(self, model: Model) -> tuple[Register, ...]:
        """The registers that ``model`` has."""
        return tuple(one for one in self.registers if one.is_of(model.name, model.phases))


def read_part(head: Head, table: Table) -> ModbusPart:
    """Read the Modbus tables of the file; faults are in ``table.faults``."""
    serial, timing, address = _line(table.table("line"))
    defaults, limits = _modbus(table.table("modbus"))
    registers, seen = [], []
    for one in table.tables("register"):
        registers.append(read_register(one, head, defaults))
        seen.append(one)
    identities = [read_identity(one, head, defaults) for one in table.tables("identify")]
    points, bases = read_points(table, head)
    outputs = read_outputs(table)
    if not registers and not points and outputs is None:
        table.fault("", "there is no [[register]] and no [[output]].", "Add one.")
    for model in head.models:
        names: dict[str, int] = {}
        for index, register in enumerate(registers):
            if not register.is_of(model.name, model.phases):
                continue
            if register.name in names:
                seen[index].fault("", f"{model.name} has {register.name} twice.", "Remove one.")
            names[register.name] = index
    for index, register in enumerate(registers):
        if any(_touches(register, span) for span in limits.unreadable):
            seen[index].fault("address", "lies in a span that is said to be unreadable.")
    return ModbusPart(
        serial,
        timing,
        address,
        defaults,
        limits,
        tuple(registers),
        tuple(identities),
        points,
        bases,
        outputs,
    )


def _line(table: Table) -> tuple[SerialSettings | None, Timing, int]:
    serial = read_serial(table)
    timeout_s, pause_s = read_pauses(table, 1000)
    address = table.whole("address", 1, 247, 1)
    table.done()
    return serial, Timing(timeout_s, pause_s), address


def _modbus(table: Table) -> tuple[Defaults, Limits]:
    defaults = Defaults(
        table.whole("function", READS[0], READS[-1], READS[0]),
        Type(table.choice("type", [one.value for one in Type], Type.U16.value)),
        Order(table.choice("order", [one.value for one in Order], Order.BIG.value)),
    )
    spans = []
    for one in table.tables("unreadable"):
        span = Span(
            one.whole("function", READS[0], READS[-1], defaults.function),
            one.whole("first", 0, 0xFFFF),
            one.whole("last", 0, 0xFFFF),
        )
        if span.last < span.first:
            one.fault("last", f"{span.last} is below {span.first}.")
        one.done()
        spans.append(span)
    limits = Limits(
        table.whole("gap", 0, _MOST_WORDS, 0),
        table.whole("longest", 1, _MOST_WORDS, _MOST_WORDS),
        tuple(spans),
    )
    table.done()
    return defaults, limits


def _touches(register: Register, span: Span) -> bool:
    place = register.place
    return place.function == span.function and place.address <= span.last and span.first < place.end
