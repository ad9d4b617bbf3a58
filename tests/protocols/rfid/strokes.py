"""Makes the events of a typing reader as linux/input.h has them, with no code of the product."""

import struct

_ROW = "1234567890"
_CODES = {digit: 2 + place for place, digit in enumerate(_ROW)}
_CODES |= dict(zip("abcdef", (30, 48, 46, 32, 18, 33), strict=True))
_CODES |= {"x": 45, "\n": 28, "-": 12, ",": 51, " ": 57}
_SHIFTED = {"#": 4, "*": 9, ":": 39} | {name.upper(): _CODES[name] for name in "abcdefx"}


def event(kind, code, value):
    """One struct input_event, at no particular time."""
    return struct.pack("@llHHi", 1_700_000_000, 123_456, kind, code, value)


DROPPED = event(0, 3, 0)
_REPORT = event(0, 0, 0)


def presses(text):
    """The events of typing ``text``: each key pressed and released, each with its report."""
    data = b""
    for one in text:
        code = _SHIFTED.get(one) or _CODES[one]
        stroke = event(4, 4, 458_000) + event(1, code, 1) + _REPORT + event(1, code, 0) + _REPORT
        is_shifted = one in _SHIFTED
        data += event(1, 42, 1) + _REPORT + stroke + event(1, 42, 0) if is_shifted else stroke
    return data
