"""Where the bits of a QR code lie, level M, byte mode (ISO/IEC 18004 [GK]).

A symbol of a version and mask is a fixed picture with the bits of its codewords turned over in it.
The picture is taken once a version from segno; placing the bits in it takes a tenth of the time
that making each symbol from nothing takes (docs/decisions/0007-documents.md). The tests hold every
version against segno.
"""

from functools import cache
from typing import Any

import segno
from segno import consts

_FIELD = 0x11D
"""The polynomial of GF(256) that QR codes count in."""
_BYTE_MODE = 4
_PADDING = b"\xec\x11"


def version_for(data: bytes) -> int | None:
    """The smallest version (1 to 40) that holds ``data``; None where none does."""
    for version in range(1, 41):
        if len(data) <= _capacity(version):
            return version
    return None


def symbol_of(data: bytes, version: int, mask: int) -> list[bytes]:
    """The rows of the symbol, 1 for dark; asserts that the version holds ``data``."""
    side = 17 + 4 * version
    symbol = bytearray(_picture(version, mask))
    _turn(symbol, data, version)
    return [bytes(symbol[at : at + side]) for at in range(0, side * side, side)]


def _turn(symbol: bytearray, data: bytes, version: int) -> None:
    for place, bit in zip(_places(version), _bits(data, version), strict=True):
        if bit == "1":
            symbol[place] ^= 1


def _blocks(version: int) -> list[tuple[int, int]]:
    """Codewords in all and codewords of data of each block, in order."""
    table: Any = consts.ECC
    found = table[version][consts.ERROR_LEVEL_M]
    return [(one.num_total, one.num_data) for one in found for _ in range(one.num_blocks)]


def _count_bits(version: int) -> int:
    return 8 if version < 10 else 16


@cache
def _capacity(version: int) -> int:
    held = 8 * sum(data for _, data in _blocks(version))
    return (held - 4 - _count_bits(version)) // 8


@cache
def _picture(version: int, mask: int) -> bytes:
    """The symbol as it is where all bits of its codewords are 0."""
    data = b"a" * _capacity(version)
    code = segno.make(
        data, version=version, mask=mask, error="m", mode="byte", micro=False, boost_error=False
    )
    picture = bytearray(b"".join(bytes(row) for row in code.matrix))
    _turn(picture, data, version)
    return bytes(picture)


@cache
def _places(version: int) -> tuple[int, ...]:
    """Where each bit lies: columns of two from the right, up and down, past what is reserved."""
    side = 17 + 4 * version
    reserved = _reserved(version)
    places: list[int] = []
    rows = range(side)
    for number, right in enumerate([*range(side - 1, 6, -2), 5, 3, 1]):
        for y in reversed(rows) if number % 2 == 0 else rows:
            places += [at for at in (y * side + right, y * side + right - 1) if not reserved[at]]
    held = 8 * sum(total for total, _ in _blocks(version))
    return tuple(places[:held])  # up to 7 modules stay empty


def _reserved(version: int) -> bytearray:
    side = 17 + 4 * version
    taken = bytearray(side * side)

    def take(top: int, bottom: int, left: int, right: int) -> None:
        for y in range(top, bottom):
            taken[y * side + left : y * side + right] = b"\x01" * (right - left)

    take(6, 7, 0, side)
    take(0, side, 6, 7)
    take(0, 9, 0, 9)
    take(0, 9, side - 8, side)
    take(side - 8, side, 0, 9)
    if version >= 7:
        take(0, 6, side - 11, side - 8)
        take(side - 11, side - 8, 0, 6)
    centers = consts.ALIGNMENT_POS[version - 2] if version > 1 else ()
    last = len(centers) - 1
    for i, y in enumerate(centers):
        for j, x in enumerate(centers):
            if (i, j) not in ((0, 0), (0, last), (last, 0)):
                take(y - 2, y + 3, x - 2, x + 3)
    return taken


def _bits(data: bytes, version: int) -> str:
    """The bits of the final sequence of codewords: data and correction, interleaved."""
    held = sum(length for _, length in _blocks(version))
    assert len(data) <= _capacity(version), "the version holds the data"
    count = _count_bits(version)
    number = (_BYTE_MODE << count | len(data)) << 8 * len(data) | int.from_bytes(data, "big")
    # mode and count leave half a byte, which the terminator fills
    words = (number << 4).to_bytes((4 + count + 8 * len(data) + 4) // 8, "big")
    words += (_PADDING * held)[: held - len(words)]
    parts, corrections, at = [], [], 0
    for total, length in _blocks(version):
        part = words[at : at + length]
        at += length
        parts.append(part)
        corrections.append(_correction(part, total - length))
    out = bytearray()
    for group in (parts, corrections):
        for position in range(max(map(len, group))):
            out += bytes(one[position] for one in group if position < len(one))
    return f"{int.from_bytes(out, 'big'):0{8 * len(out)}b}"


def _correction(data: bytes, length: int) -> bytes:
    """The rest of ``data`` divided by the generator polynomial, the whole rest as one number."""
    multiples, top = _multiples(length), 8 * (length - 1)
    low = (1 << top) - 1
    rest = 0
    for byte in data:
        rest = (rest & low) << 8 ^ multiples[byte ^ rest >> top]
    return rest.to_bytes(length, "big")


@cache
def _multiples(length: int) -> tuple[int, ...]:
    """The generator polynomial of ``length`` times each element, without its leading term."""
    generator = [1]
    root = 1
    for _ in range(length):
        generator = [
            a ^ _times(root, b) for a, b in zip([*generator, 0], [0, *generator], strict=True)
        ]
        root = _times(root, 2)
    return tuple(
        int.from_bytes(bytes(_times(element, one) for one in generator[1:]), "big")
        for element in range(256)
    )


def _times(a: int, b: int) -> int:
    out = 0
    while b:
        if b & 1:
            out ^= a
        a <<= 1
        if a & 0x100:
            a ^= _FIELD
        b >>= 1
    return out
