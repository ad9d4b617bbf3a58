"""Swiss enterprise numbers ``CHE-123.456.789`` and how they print on a bill (rules.md d.3)."""

import re

_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4)
_FORM = re.compile(r"CHE-?(\d{3})\.?(\d{3})\.?(\d{3})(?: ?(?:MWST|TVA|IVA|HR|RC))?", re.ASCII)
_VAT_WORD = {"de": "MWST", "fr": "TVA", "it": "IVA", "en": "VAT"}


class NotUid(ValueError):
    """The text is not a Swiss enterprise number."""


def uid_of(text: str) -> str:
    """``text`` as ``CHE-123.456.788``; raises :class:`NotUid` if its form or check digit is wrong.

    The check digit is modulus 11 with the weights 5, 4, 3, 2, 7, 6, 5, 4; a number whose check
    would be 10 is never given out.
    """
    match = _FORM.fullmatch(text.strip().upper())
    if match is None:
        raise NotUid(f"{text!r} is not a UID; write CHE-123.456.788")
    digits = "".join(match.groups())
    expected = -sum(w * int(d) for w, d in zip(_WEIGHTS, digits, strict=False)) % 11
    if expected != int(digits[8]):
        raise NotUid(f"{text!r} is not a UID: its check digit is wrong")
    return f"CHE-{digits[:3]}.{digits[3:6]}.{digits[6:]}"


def vat_number(uid: str, language: str) -> str:
    """The UID as a VAT number on a document in ``language``, e.g. ``CHE-123.456.788 MWST``."""
    return f"{uid_of(uid)} {_VAT_WORD.get(language, 'MWST')}"
