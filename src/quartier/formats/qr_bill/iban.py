"""IBANs of Swiss and Liechtenstein accounts (rules.md d.1; ISO 13616 [GK])."""

import re

_SHAPE = re.compile(r"(CH|LI)[0-9]{2}[0-9]{5}[0-9A-Z]{12}")
_QR_IID = range(30000, 32000)  # [GK], confirmed by the vectors of rules.md W15


class NotIban(ValueError):
    """The text is not an IBAN that a QR-bill may carry."""


def iban_of(text: str) -> str:
    """``text`` without blanks and in capitals; raises :class:`NotIban` with the reason."""
    iban = "".join(text.split()).upper()
    if not iban:
        raise NotIban("the IBAN is empty; enter the creditor's account")
    if not iban.startswith(("CH", "LI")):
        raise NotIban(f"IBAN {iban} is neither Swiss (CH) nor of Liechtenstein (LI)")
    if len(iban) != 21:
        raise NotIban(f"IBAN {iban} has {len(iban)} characters; it must have 21")
    if _SHAPE.fullmatch(iban) is None:
        raise NotIban(f"IBAN {iban} has a letter or sign where a digit belongs")
    if mod97(iban[4:] + iban[:4]) != 1:
        raise NotIban(f"the check digits of IBAN {iban} do not fit; look for a typing error")
    return iban


def mod97(text: str) -> int:
    """``text`` with letters as 10..35, modulo 97 (ISO 7064)."""
    return int("".join(str(int(character, 36)) for character in text)) % 97


def is_qr_iban(iban: str) -> bool:
    """Whether the institution number (positions 5-9) is one of 30000-31999."""
    return int(iban[4:9]) in _QR_IID


def grouped_iban(iban: str) -> str:
    """``iban`` in groups of four, as printed."""
    return " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))
