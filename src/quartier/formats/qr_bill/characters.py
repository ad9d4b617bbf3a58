"""The characters a QR-bill may hold: the extended set since November 2025 (rules.md d.1, [GK]).

Basic Latin, Latin-1 Supplement, Latin Extended-A, and the four Romanian letters and the euro
sign beyond them.
"""

import unicodedata

_BEYOND = frozenset("ȘșȚț€")


def is_allowed(character: str) -> bool:
    """Whether a QR-bill may hold ``character``."""
    code = ord(character)
    return 0x20 <= code <= 0x7E or 0xA0 <= code <= 0x17F or character in _BEYOND


def strangers(text: str) -> list[str]:
    """The characters of ``text`` that a QR-bill may not hold, each once, in order."""
    return list(dict.fromkeys(character for character in text if not is_allowed(character)))


def name_of(character: str) -> str:
    """How an error names ``character``."""
    if character.isprintable() and not character.isspace():
        return character
    return unicodedata.name(character, f"U+{ord(character):04X}").lower()
