"""Protocol data units: function code and data, the same on every kind of line.

Source: MODBUS Application Protocol Specification V1.1b3, sections 4.1 (253 bytes at most) and 6.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from quartier.protocols.modbus.errors import BadFrame, BadRequest, Refused, WrongLength

READ_COILS = 1
READ_DISCRETE_INPUTS = 2
READ_HOLDING = 3
READ_INPUT = 4
WRITE_COIL = 5
WRITE_REGISTER = 6
WRITE_COILS = 15
WRITE_REGISTERS = 16
READ_WRITE = 23

READS_BITS = frozenset({READ_COILS, READ_DISCRETE_INPUTS})
READS_WORDS = frozenset({READ_HOLDING, READ_INPUT, READ_WRITE})
WRITES = frozenset({WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS})
FUNCTIONS = READS_BITS | READS_WORDS | WRITES

EXCEPTION = 0x80
LONGEST = 253
_MOST = {
    READ_COILS: 2000,
    READ_DISCRETE_INPUTS: 2000,
    READ_HOLDING: 125,
    READ_INPUT: 125,
    WRITE_COIL: 1,
    WRITE_REGISTER: 1,
    WRITE_COILS: 1968,
    WRITE_REGISTERS: 123,
    READ_WRITE: 125,
}
_MOST_WRITTEN = 121  # of function 23
_ON = 0xFF00


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``address`` counts from 0 as on the wire; ``count`` registers or bits.

    ``values`` are what is written: words, or 0 and 1 for coils; for function 23 they go to
    ``write_address``. Raises :class:`BadRequest` for what Modbus cannot express.
    """

    function: int
    address: int
    count: int = 1
    values: tuple[int, ...] = ()
    write_address: int = 0

    def __post_init__(self) -> None:
        most = _MOST.get(self.function)
        if most is None:
            raise BadRequest(f"function {self.function} is not one that is used here")
        if not 1 <= self.count <= most:
            raise BadRequest(f"function {self.function} takes 1 to {most} values, not {self.count}")
        if self.address < 0 or self.address + self.count > 0x10000:
            raise BadRequest(f"{self.count} values from {self.address} leave the address space")
        self._check_values()

    def _check_values(self) -> None:
        if self.function == READ_WRITE:
            if not 1 <= len(self.values) <= _MOST_WRITTEN:
                raise BadRequest(f"function 23 writes 1 to {_MOST_WRITTEN} registers")
            if self.write_address < 0 or self.write_address + len(self.values) > 0x10000:
                raise BadRequest("the registers to write leave the address space")
        elif len(self.values) != (self.count if self.function in WRITES else 0):
            raise BadRequest(f"function {self.function} with {len(self.values)} values")
        highest = 1 if self.function in {WRITE_COIL, WRITE_COILS} else 0xFFFF
        if not all(0 <= value <= highest for value in self.values):
            raise BadRequest(f"a value to write is not within 0 to {highest}")


def read(function: int, address: int, count: int) -> Request:
    """A request that reads ``count`` registers or bits; raises :class:`BadRequest`."""
    return Request(function, address, count)


def write(function: int, address: int, values: Sequence[int]) -> Request:
    """A request that writes ``values``; raises :class:`BadRequest`."""
    return Request(function, address, len(values), tuple(values))


def encode_request(request: Request) -> bytes:
    """The PDU of ``request``."""
    head = bytes([request.function]) + _word(request.address)
    match request.function:
        case 5:
            return head + _word(_ON if request.values[0] else 0)
        case 6:
            return head + _word(request.values[0])
        case 15:
            bits = _packed(request.values)
            return head + _word(request.count) + bytes([len(bits)]) + bits
        case 16:
            words = _words(request.values)
            return head + _word(request.count) + bytes([len(words)]) + words
        case 23:
            words = _words(request.values)
            written = _word(request.write_address) + _word(len(request.values))
            return head + _word(request.count) + written + bytes([len(words)]) + words
    return head + _word(request.count)


def decode_request(pdu: bytes) -> Request:
    """The request in ``pdu``; raises :class:`BadFrame`. For captures and for tools."""
    if len(pdu) < 5 or pdu[0] not in FUNCTIONS:
        raise BadFrame("not a request")
    function, address, third = pdu[0], _at(pdu, 1), _at(pdu, 3)
    try:
        if function == WRITE_COIL:
            request = Request(function, address, 1, (int(third == _ON),))
        elif function == WRITE_REGISTER:
            request = Request(function, address, 1, (third,))
        elif function == WRITE_COILS:
            request = Request(function, address, third, _unpacked(pdu[6:], third))
        elif function == WRITE_REGISTERS:
            request = Request(function, address, third, _split(pdu[6:]))
        elif function == READ_WRITE:
            if len(pdu) < 10:
                raise BadFrame("half a request")
            request = Request(function, address, third, _split(pdu[10:]), _at(pdu, 5))
        else:
            request = Request(function, address, third)
    except BadRequest as reason:
        raise BadFrame(str(reason)) from None
    if encode_request(request) != pdu:
        raise BadFrame("a request with a wrong length or padding")
    return request


def decode_response(request: Request, pdu: bytes) -> tuple[int, ...]:
    """What ``pdu`` answers to ``request``: words or bits in order; nothing for a write.

    Raises :class:`Refused` for an exception, :class:`WrongLength` if it brings another number of
    values, :class:`BadFrame` if it is no answer to this request.
    """
    if not pdu:
        raise BadFrame("an empty answer")
    if pdu[0] == request.function | EXCEPTION:
        if len(pdu) != 2:
            raise BadFrame("an exception of a wrong length")
        raise Refused(request.function, pdu[1])
    if pdu[0] != request.function:
        raise BadFrame(f"an answer to function {pdu[0]}, not to {request.function}")
    if request.function in WRITES:
        if pdu != encode_request(request)[:5]:
            raise BadFrame("the device confirms another value than was written")
        return ()
    if len(pdu) < 2 or len(pdu) != 2 + pdu[1]:
        raise BadFrame("an answer whose length is not the one it states")
    expected = values_bytes(request)
    if pdu[1] != expected:
        raise WrongLength(f"the answer has {pdu[1]} bytes of values instead of {expected}")
    if request.function in READS_BITS:
        return _unpacked(pdu[2:], request.count)
    return _split(pdu[2:])


def encode_response(request: Request, values: Sequence[int]) -> bytes:
    """The PDU that answers ``request`` with ``values``: how a capture is played back."""
    if request.function in WRITES:
        return encode_request(request)[:5]
    data = _packed(values) if request.function in READS_BITS else _words(values)
    return bytes([request.function, len(data)]) + data


def values_bytes(request: Request) -> int:
    """How many bytes of values answer ``request``."""
    if request.function in WRITES:
        return 0
    if request.function in READS_BITS:
        return (request.count + 7) // 8
    return 2 * request.count


def _word(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _at(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 2], "big")


def _words(values: Sequence[int]) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def _split(data: bytes) -> tuple[int, ...]:
    """Words of ``data``; a lone last byte is no word."""
    return struct.unpack_from(f">{len(data) // 2}H", data)


def _packed(bits: Sequence[int]) -> bytes:
    number = sum(1 << place for place, bit in enumerate(bits) if bit)
    return number.to_bytes((len(bits) + 7) // 8, "little")


def _unpacked(data: bytes, count: int) -> tuple[int, ...]:
    number = int.from_bytes(data, "little")
    return tuple(number >> place & 1 for place in range(count))
