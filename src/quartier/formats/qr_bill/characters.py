"""The characters a QR-bill may hold: the extended set since November 2025 (rules.md d.1, [GK]).

Basic Latin, Latin-1 Supplement, Latin Extended-A, and the four Romanian letters and the euro
sign beyond them.
"""

import re
import unicodedata

_STRANGER = re.compile("[^\\x20-\\x7E\\xA0-\\u017FȘșȚț€]")


def strangers(text: str) -> list[str]:
    """The characters of ``text`` that a QR-bill may not hold, each once, in order."""
    return list(dict.fromkeys(_STRANGER.findall(text)))


def name_of(character: str) -> str:
    """How an error names ``character``."""
    if character.isprintable() and not character.isspace():
        return character
    return unicodedata.name(character, f"U+{ord(character):04X}").lower()
