"""SunSpec: points of numbered models, whose place in a device is found by asking it.

Source: SunSpec Device Information Model Specification (marker, model number and length in front of
each model, scale factors, values that are not implemented).
"""

from dataclasses import dataclass, replace

from quartier.drivers.fields import Table
from quartier.drivers.head import Head
from quartier.drivers.modbus.registers import Defaults, Place, Register, read_meaning
from quartier.protocols.modbus.values import SIZES, Order, Type

NOT_IMPLEMENTED = {
    Type.U16: 0xFFFF,
    Type.S16: 0x8000,
    Type.U32: 0xFFFFFFFF,
    Type.S32: 0x80000000,
    Type.U64: 0xFFFFFFFFFFFFFFFF,
    Type.S64: 0x8000000000000000,
}
_DEFAULTS = Defaults(3, Type.U16, Order.BIG)
_TYPES = [*(kind.value for kind in NOT_IMPLEMENTED), Type.F32.value, Type.F64.value]
_BASES = (40000, 0, 50000)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of the models ``models``: its register counts from the model's number word."""

    models: tuple[int, ...]
    register: Register

    def at(self, start: int) -> Register:
        """Its register in a model that begins at ``start``."""
        register = self.register
        place = replace(register.place, address=register.place.address + start)
        exponent = register.exponent
        if exponent is not None:
            exponent = replace(exponent, address=exponent.address + start)
        return replace(register, place=place, exponent=exponent)


def read_points(table: Table, head: Head) -> tuple[tuple[Point, ...], tuple[int, ...]]:
    """``[[point]]`` and ``[sunspec]`` of the file."""
    sunspec = table.table("sunspec")
    bases = sunspec.wholes("bases") or _BASES
    if not all(0 <= base <= 0xFFFF - 2 for base in bases):
        sunspec.fault("bases", "a base lies outside the address space.")
    sunspec.done()
    points = []
    taken: set[tuple[int, str]] = set()
    for one in table.tables("point"):
        models = one.wholes("sunspec_models")
        if not models:
            one.fault("sunspec_models", "names no SunSpec model.", "Write [103], for instance.")
        kind = Type(one.choice("type", _TYPES))
        place = Place(3, one.whole("offset", 2, 1000), SIZES[kind])
        exponent = (
            Place(3, one.whole("exponent_offset", 2, 1000), 1)
            if one.has("exponent_offset")
            else None
        )
        register = read_meaning(one, head, _DEFAULTS, kind, place, exponent)
        if kind in NOT_IMPLEMENTED and not register.missing:
            register = replace(register, missing=frozenset({NOT_IMPLEMENTED[kind]}))
        for model in models:
            if (model, register.name) in taken:
                one.fault("", f"model {model} has {register.name} twice.", "Remove one.")
            taken.add((model, register.name))
        points.append(Point(models, register))
    return tuple(points), tuple(bases)
