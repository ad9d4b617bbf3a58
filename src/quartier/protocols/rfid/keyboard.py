"""A reader that types: the events of Linux' input layer, and the characters that they mean.

Source: linux/input.h and linux/input-event-codes.h (struct input_event, EV_SYN, EV_KEY, KEY_*). An
event is the time in two words of the machine, then type, code and value. Readers send the keys of
a keyboard of the United States, whatever the language of the machine.
"""

import struct

EVENT = struct.Struct("@LLHHi")
GRAB = 0x40044590
"""EVIOCGRAB: from then on nobody else gets the events, neither a console nor a log-in."""
ENTER = "\n"

_SYN, _KEY = 0, 1
_DROPPED = 3
_RELEASED, _PRESSED = 0, 1
_SHIFTS = (42, 54)
_LETTERS = {30: "A", 48: "B", 46: "C", 32: "D", 18: "E", 33: "F", 45: "X"}
_TOP_ROW = {code: str((code - 1) % 10) for code in range(2, 12)}
_PAD = {82: "0", 79: "1", 80: "2", 81: "3", 75: "4", 76: "5", 77: "6", 71: "7", 72: "8", 73: "9"}
_PHONE = {0x200 + digit: str(digit) for digit in range(10)} | {0x20A: "*", 0x20B: "#"}
_SIGNS = {12: "-", 39: ";", 51: ",", 52: ".", 53: "/", 57: " ", 55: "*", 28: ENTER, 96: ENTER}
_PLAIN = _LETTERS | _TOP_ROW | _PAD | _PHONE | _SIGNS
_SHIFTED = {4: "#", 9: "*", 39: ":"}


class Typed:
    """Turns the bytes of a device into characters. A key that badges do not have is ``?``."""

    def __init__(self) -> None:
        self._rest = b""
        self._shifts: set[int] = set()
        self._is_lost = False

    def feed(self, data: bytes) -> str:
        """What ``data``, which continues what was fed before, says; ``ENTER`` ends a line.

        Where the kernel dropped events, everything up to the next Enter is lost, and left out.
        """
        self._rest += data
        whole = len(self._rest) - len(self._rest) % EVENT.size
        said = []
        for _, _, kind, code, value in EVENT.iter_unpack(self._rest[:whole]):
            said.append(self._character(kind, code, value))
        self._rest = self._rest[whole:]
        return "".join(said)

    def _character(self, kind: int, code: int, value: int) -> str:
        if (kind, code) == (_SYN, _DROPPED):
            self._is_lost = True
            self._shifts.clear()
            return ""
        if kind != _KEY:
            return ""
        if code in _SHIFTS:
            (self._shifts.discard if value == _RELEASED else self._shifts.add)(code)
            return ""
        if value != _PRESSED:  # released, or repeated by the kernel
            return ""
        found = (_SHIFTED.get(code) if self._shifts else None) or _PLAIN.get(code, "?")
        if self._is_lost:
            self._is_lost = found != ENTER
            return "?\n" if found == ENTER else ""
        return found
