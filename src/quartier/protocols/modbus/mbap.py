"""Modbus TCP frames: a header with transaction number and length, then address and PDU.

Source: MODBUS Messaging on TCP/IP Implementation Guide V1.0b, section 3.1.3.
"""

from dataclasses import dataclass

from quartier.protocols.modbus.errors import BadFrame
from quartier.protocols.modbus.pdu import LONGEST

_HEADER = 7
_LONGEST_LENGTH = LONGEST + 1  # the length counts the address


@dataclass(frozen=True, slots=True)
class Found:
    """A frame in a stream that ``used`` bytes of it hold."""

    transaction: int
    unit: int
    pdu: bytes
    used: int


def encode(transaction: int, unit: int, pdu: bytes) -> bytes:
    """The frame of ``pdu`` for the device ``unit``."""
    header = transaction.to_bytes(2, "big") + b"\0\0" + (len(pdu) + 1).to_bytes(2, "big")
    return header + bytes([unit]) + pdu


def find_frame(data: bytes | bytearray) -> Found | None:
    """The first frame in ``data``; None if it is not whole yet.

    Raises :class:`BadFrame` if this cannot be Modbus TCP: the stream is lost then, and the
    connection must be made anew.
    """
    if len(data) >= 4 and (data[2] or data[3]):
        raise BadFrame("this is not Modbus TCP (protocol number is not 0)")
    if len(data) < _HEADER:
        return None
    length = data[4] << 8 | data[5]
    if not 2 <= length <= _LONGEST_LENGTH:
        raise BadFrame(f"this is not Modbus TCP (a length of {length} bytes)")
    end = 6 + length
    if len(data) < end:
        return None
    return Found(data[0] << 8 | data[1], data[6], bytes(data[_HEADER:end]), end)
