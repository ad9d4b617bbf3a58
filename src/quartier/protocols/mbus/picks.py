"""Which record is a register, where somebody says so: by its bytes, or by what it means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from quartier.core.kernel.obis import Obis
from quartier.protocols.mbus.records import Function, Record

_EXTENSION: Final = 0x80
_MOST_BYTES: Final = 40


class BadPick(ValueError):
    """The text names no record; it says why."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A register by the bytes of its record, as a tool shows them: DIB 04, VIB 06. It is taken as
    it is, whatever its storage number, tariff and qualifiers."""

    dib: bytes
    vib: bytes

    @classmethod
    def parse(cls, dib: str, vib: str) -> "Pick":
        """From hexadecimal digits, such as ``"84 10"`` and ``"06"``; raises :class:`BadPick`."""
        return cls(_block("DIB", dib), _block("VIB", vib))

    def fits(self, record: Record) -> bool:
        """Whether ``record`` is the one that is meant."""
        return (record.dib, record.vib) == (self.dib, self.vib)

    def __str__(self) -> str:
        return f"DIB {self.dib.hex(' ').upper()}, VIB {self.vib.hex(' ').upper()}"


@dataclass(frozen=True, slots=True)
class Meaning:
    """A register by what its record says of itself (EN 13757-3): quantity of the VIF; function,
    storage number, tariff and subunit of the DIF; ``qualifiers``, the words of its VIFE."""

    quantity: str
    function: Function = Function.INSTANTANEOUS
    storage: int = 0
    tariff: int = 0
    subunit: int = 0
    qualifiers: tuple[str, ...] = ()

    def fits(self, record: Record) -> bool:
        """Whether ``record`` is one that is meant."""
        return self == Meaning(
            record.quantity,
            record.function,
            record.storage,
            record.tariff,
            record.subunit,
            record.qualifiers,
        )

    def __str__(self) -> str:
        parts = [self.quantity, *self.qualifiers]
        if self.function is not Function.INSTANTANEOUS:
            parts.append(self.function.name.lower())
        named = {"storage": self.storage, "tariff": self.tariff, "subunit": self.subunit}
        parts += [f"{name} {number}" for name, number in named.items() if number]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is read from a meter. ``picks`` are registers by their records; ``by_medium``: the
    other registers of its medium too, by the rules of :mod:`quartier.protocols.mbus.meter`."""

    picks: Mapping[Obis, Pick | Meaning] = field(default_factory=lambda: MappingProxyType({}))
    by_medium: bool = True


def _block(name: str, written: str) -> bytes:
    """A byte and those that extend it: each but the last has its highest bit set."""
    try:
        block = bytes.fromhex(written)
    except ValueError:
        raise BadPick(f"{name} {written!r:.60} is not in hexadecimal, such as 84 10") from None
    if not 0 < len(block) <= _MOST_BYTES:
        raise BadPick(f"{name} has {len(block)} bytes; copy it as a reading shows it")
    *before, last = block
    if name == "DIB" and (last & _EXTENSION or not all(one & _EXTENSION for one in before)):
        raise BadPick(f"DIB {written} is not whole: each byte but the last has its highest bit set")
    return block
