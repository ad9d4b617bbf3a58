"""One register of a family: where it stands, how it is read, what it means."""

from dataclasses import dataclass, field
from decimal import Decimal

from quartier.core.kernel.obis import NotObis, Obis
from quartier.drivers.fields import Table
from quartier.drivers.head import Head
from quartier.drivers.units import (
    BASE,
    NEVER_TINY,
    PLAUSIBLE,
    SMALLEST,
    counted,
    product,
)
from quartier.drivers.values import Value
from quartier.protocols.modbus.errors import BadFrame
from quartier.protocols.modbus.values import SIZES, NotAvailable, Order, Type, number, text

READS = (3, 4)
_LONGEST_TEXT_WORDS = 32
_MOST_EXPONENT = 10


class Implausible(Exception):
    """A number that this register cannot show."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a register leaves out: ``[modbus]`` of the file."""

    function: int
    kind: Type
    order: Order


@dataclass(frozen=True, slots=True)
class Place:
    """Words of the device: ``address`` counts from 0 as on the wire."""

    function: int
    address: int
    words: int

    @property
    def end(self) -> int:
        return self.address + self.words


@dataclass(frozen=True, slots=True)
class Register:
    """A number in the device. Value = words x 10^(word at ``exponent``) x ``scale``, in ``unit``;
    the numbers at ``plus`` are added to it first, as of a counter for each tariff.

    ``low`` and ``high`` bound it in the base unit. ``missing`` are the patterns by which the
    device says that it has no value; ``is_optional``: that is nothing to look at. Registers of
    different ``group`` are never read with one request.
    """

    name: str
    obis: Obis | None
    place: Place
    kind: Type
    order: Order
    unit: str
    scale: Decimal
    low: Decimal
    high: Decimal
    is_billing: bool = False
    is_optional: bool = False
    phase: int = 0
    models: tuple[str, ...] = ()
    missing: frozenset[int] = frozenset()
    exponent: Place | None = None
    group: str = ""
    plus: tuple[Place, ...] = ()
    sources: tuple[str, ...] = field(default=(), compare=False)

    def value(
        self,
        words: tuple[int, ...],
        exponent: tuple[int, ...] = (),
        plus: tuple[tuple[int, ...], ...] = (),
    ) -> Value:
        """The value in ``words``, and in those of each place of ``plus``.

        Raises NotAvailable where the device says it has none, :class:`Implausible`, and
        :class:`BadFrame` for words that are no such number.
        """
        parts = (number(one, self.kind, self.order, self.missing) for one in (words, *plus))
        raw = sum(parts, Decimal(0))
        factors = [raw, self.scale, BASE[self.unit][1]]
        if self.exponent is not None:
            power = number(exponent, Type.S16, missing=frozenset({0x8000}))
            if abs(power) > _MOST_EXPONENT:
                raise Implausible(f"a scale of 10^{power}")
            factors.append(Decimal(1).scaleb(int(power)))
        value = counted(product(*factors), self.base)
        is_tiny = self.base in NEVER_TINY and 0 < abs(value) < SMALLEST
        if not self.low <= value <= self.high or is_tiny:
            raise Implausible(f"{value:.6g} {self.base}")
        return Value(self.name, self.obis, value, self.base, self.is_billing)

    @property
    def base(self) -> str:
        """The unit of its values."""
        return BASE[self.unit][0]

    def is_of(self, model: str, phases: int) -> bool:
        """Whether a model with that many phases has it."""
        return self.phase <= phases and (not self.models or model in self.models)


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells the family, or the device: a register and what it must hold."""

    name: str
    place: Place
    kind: Type
    order: Order
    equals: tuple[str, ...]

    def read(self, words: tuple[int, ...]) -> str:
        """What stands there, as text; empty if the device has none."""
        if self.kind is Type.TEXT:
            return text(words, self.order)
        try:
            return str(number(words, self.kind, self.order))
        except (NotAvailable, BadFrame):
            return ""

    def fits(self, found: str) -> bool:
        """Whether it is one of the values that the family has; all fit where none is named."""
        return not self.equals or any(found.lower().startswith(one.lower()) for one in self.equals)


def read_register(table: Table, head: Head, defaults: Defaults) -> Register:
    """``[[register]]``; its faults are in ``table.faults``."""
    kind, place = _kind_and_place(table, defaults)
    if kind is Type.TEXT:
        table.fault("type", "a register is a number; text belongs in [[identify]].")
        kind = Type.U16
    return read_meaning(table, head, defaults, kind, place, _exponent(table, place))


def read_meaning(
    table: Table, head: Head, defaults: Defaults, kind: Type, place: Place, exponent: Place | None
) -> Register:
    """What a number at ``place`` means; ends the table."""
    obis, name = _name(table)
    unit = table.choice("unit", BASE)
    is_billing = table.flag("billing", False)
    base = BASE[unit][0]
    low, high = PLAUSIBLE[base]
    scale = table.number("scale", Decimal(1))
    if scale <= 0:
        table.fault("scale", "must be above 0.")
    if is_billing and (base not in {"Wh", "l", "varh"} or obis is None):
        table.fault("billing", "only a counting register with an OBIS code is billed.")
    register = Register(
        name,
        obis,
        place,
        kind,
        Order(table.choice("order", [one.value for one in Order], defaults.order.value)),
        unit,
        scale,
        table.number("low", low),
        table.number("high", high),
        is_billing,
        table.flag("optional", False),
        table.whole("phase", 0, 3, 0),
        _models(table, head),
        frozenset(table.wholes("missing")),
        exponent,
        table.text("group", ""),
        tuple(Place(place.function, one, place.words) for one in table.wholes("plus")),
        _sources(table, head),
    )
    if any(one.end > 0x10000 for one in register.plus):
        table.fault("plus", "leaves the address space.")
    if head.sources and not head.agree(register.sources):
        table.fault(
            "sources",
            "rests on one public source alone.",
            "Name a manual or a second source, or leave the register out.",
        )
    if register.low >= register.high:
        table.fault("low", f"{register.low} is not below {register.high}.")
    table.done()
    return register


def read_identity(table: Table, head: Head, defaults: Defaults) -> Identity:
    """``[[identify]]``."""
    kind, place = _kind_and_place(table, defaults)
    order = Order(table.choice("order", [one.value for one in Order], defaults.order.value))
    identity = Identity(table.name("name"), place, kind, order, table.texts("equals"))
    _sources(table, head)
    table.done()
    return identity


def _kind_and_place(table: Table, defaults: Defaults) -> tuple[Type, Place]:
    kind = Type(table.choice("type", [one.value for one in Type], defaults.kind.value))
    words = table.whole("words", 1, _LONGEST_TEXT_WORDS) if kind is Type.TEXT else SIZES[kind]
    function = table.whole("function", READS[0], READS[-1], defaults.function)
    place = Place(function, table.whole("address", 0, 0xFFFF), words)
    if place.end > 0x10000:
        table.fault("address", f"{words} registers from {place.address} leave the address space.")
    return kind, place


def _exponent(table: Table, place: Place) -> Place | None:
    if not table.has("exponent"):
        return None
    return Place(place.function, table.whole("exponent", 0, 0xFFFF), 1)


def _name(table: Table) -> tuple[Obis | None, str]:
    if table.has("obis") == table.has("name"):
        table.fault("", "needs either an OBIS code or a name.", "Write obis = or name =.")
    if not table.has("obis"):
        return None, table.name("name") if table.has("name") else ""
    written = table.text("obis")
    try:
        obis = Obis.parse(written)
    except NotObis as reason:
        table.fault("obis", f"{reason}.")
        return None, written
    return obis, str(obis)


def _models(table: Table, head: Head) -> tuple[str, ...]:
    names = table.texts("models")
    for name in names:
        if head.model(name) is None:
            table.fault("models", f"the family has no model {name!r}.", "Add [[model]].")
    return names


def _sources(table: Table, head: Head) -> tuple[str, ...]:
    """Who says so: those named here, else all of the file's."""
    keys = table.texts("sources") or tuple(source.key for source in head.sources)
    known = {source.key for source in head.sources}
    for key in keys:
        if key not in known:
            table.fault("sources", f"there is no source {key!r}.", "Add [source.NAME].")
    return keys
