"""What a device answers: its header and its records (EN 13757-3).

CI 72 and 76 bring the variable structure, 73 and 77 the fixed one of old meters; in 76 and 77 the
highest byte comes first. CI 70 is an application error.
"""

from dataclasses import dataclass
from typing import Final

from quartier.core.kernel.findings import Finding, error, warning
from quartier.protocols.mbus import fixed_structure
from quartier.protocols.mbus.addresses import Secondary, medium_name
from quartier.protocols.mbus.errors import BadTelegram, Encrypted, Refused
from quartier.protocols.mbus.frames import Long
from quartier.protocols.mbus.records import Record, Records, read_records

_VARIABLE: Final = {0x72: False, 0x76: True}
_FIXED: Final = {0x73: False, 0x77: True}
ERROR: Final = 0x70
"""CI of an application error."""
_HEADER = 12
_FIXED_LENGTH = 16
_ENCRYPTED: Final = frozenset({2, 3, 4, 5, 6, 7, 8, 9, 10, 13})
"""Modes of the configuration word in which records are encrypted. Old meters have a signature
there, such as FFFF hex, that says nothing."""


@dataclass(frozen=True, slots=True)
class Header:
    """Who answers, and how it is. ``device`` has no manufacturer and version in the fixed
    structure. ``status`` are the bits of EN 13757-3."""

    device: Secondary
    medium: int
    access_number: int
    status: int

    @property
    def number(self) -> str:
        """The 8 digits printed on the meter."""
        return self.device.number

    @property
    def medium_name(self) -> str:
        """The medium in words."""
        return medium_name(self.medium)


@dataclass(frozen=True, slots=True)
class Telegram:
    """One answer of the device at the primary ``address``. ``is_more``: it has a further one."""

    address: int
    header: Header
    records: tuple[Record, ...]
    manufacturer_data: bytes
    is_more: bool


def read(frame: Long) -> tuple[Telegram, tuple[Finding, ...]]:
    """The telegram in ``frame``, and what was noticed in it.

    Raises :class:`Refused` for an application error, :class:`Encrypted`, and
    :class:`BadTelegram` for what is no data of a meter.
    """
    if frame.ci == ERROR:
        raise Refused(frame.data[0] if frame.data else 0)
    if not frame.is_from_device:
        raise BadTelegram(f"a frame with control {frame.control:02X} hex is not an answer")
    if frame.ci in _VARIABLE:
        header, records = _variable(frame.data, is_high_first=_VARIABLE[frame.ci])
    elif frame.ci in _FIXED:
        header, records = _fixed(frame.data, is_high_first=_FIXED[frame.ci])
    else:
        raise BadTelegram(f"CI {frame.ci:02X} hex is not the data of a meter")
    telegram = Telegram(
        frame.address,
        header,
        tuple(records.records),
        records.manufacturer_data,
        records.is_more,
    )
    return telegram, (*_status(header.status, frame.ci in _FIXED), *records.findings)


def device_of(frame: Long) -> Secondary | None:
    """Who sent ``frame``; ``None`` if it does not say."""
    if frame.ci in _VARIABLE and len(frame.data) >= _HEADER:
        return _address(frame.data, is_high_first=_VARIABLE[frame.ci])
    if frame.ci in _FIXED and len(frame.data) == _FIXED_LENGTH:
        return _fixed(frame.data, is_high_first=_FIXED[frame.ci])[0].device
    return None


def _address(data: bytes, *, is_high_first: bool) -> Secondary:
    step = -1 if is_high_first else 1
    return Secondary.from_bytes(data[0:4][::step] + data[4:6][::step] + data[6:8])


def _variable(data: bytes, *, is_high_first: bool) -> tuple[Header, Records]:
    if len(data) < _HEADER:
        raise BadTelegram(f"its header has {len(data)} of {_HEADER} bytes")
    step = -1 if is_high_first else 1
    configuration = int.from_bytes(data[10:12][::step], "little")
    device = _address(data, is_high_first=is_high_first)
    header = Header(device, data[7], data[8], data[9])
    if configuration >> 8 & 0x1F in _ENCRYPTED:
        raise Encrypted(f"meter {header.number} sends its records encrypted")
    return header, read_records(data[_HEADER:], is_high_first=is_high_first)


def _fixed(data: bytes, *, is_high_first: bool) -> tuple[Header, Records]:
    if len(data) != _FIXED_LENGTH:
        raise BadTelegram(
            f"its data have {len(data)} bytes, the fixed structure has {_FIXED_LENGTH}"
        )
    step = -1 if is_high_first else 1
    medium = fixed_structure.medium_of(data[6:8])
    number = data[0:4][::step]
    device = Secondary(number[::-1].hex().upper(), medium=medium)
    header = Header(device, medium, data[4], data[5])
    return header, fixed_structure.read_counters(
        data[5], data[6:8], (data[8:12][::step], data[12:16][::step])
    )


def _status(status: int, is_fixed: bool) -> list[Finding]:
    """The meter's own complaints. Bits 0 and 1 have another meaning in the fixed structure."""
    found = []
    remedy = "Look up the code on the display of the meter."
    if not is_fixed and status & 3:
        what = ("", "is busy", "had an error in its application", "reports an alarm")[status & 3]
        found.append(warning("mbus.status_application", f"The meter {what}.", remedy=remedy))
    if status & 0x04:
        found.append(
            warning(
                "mbus.status_power",
                "The meter reports low power.",
                remedy="Change the battery of the meter, or check its supply.",
            )
        )
    if status & 0x08:
        found.append(
            error("mbus.status_permanent", "The meter reports a permanent error.", remedy=remedy)
        )
    if status & 0x10:
        found.append(
            warning("mbus.status_temporary", "The meter reports a temporary error.", remedy=remedy)
        )
    return found
