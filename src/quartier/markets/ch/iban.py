"""IBAN and QR-IBAN (rules.md d.1, W15; ISO 13616, modulus 97 of ISO 7064)."""

import re
from dataclasses import dataclass

_FORM = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)
_SWISS_LENGTH = 21
_QR_IIDS = range(30_000, 32_000)
"""IIDs of QR-IBANs: 30000 to 31999 [GK], vector W15."""


class NotIban(ValueError):
    """The text is not a Swiss or Liechtenstein IBAN."""


@dataclass(frozen=True, slots=True)
class Iban:
    """A valid CH or LI account number, without blanks."""

    text: str

    @property
    def iid(self) -> int:
        """The institution's number: positions 5 to 9."""
        return int(self.text[4:9])

    @property
    def is_qr(self) -> bool:
        """Whether it is a QR-IBAN, which needs a QRR reference (and only it may have one)."""
        return self.iid in _QR_IIDS

    def __str__(self) -> str:
        return " ".join(self.text[n : n + 4] for n in range(0, len(self.text), 4))


def iban_of(text: str) -> Iban:
    """The account number in ``text``, with or without blanks; raises :class:`NotIban`."""
    plain = "".join(text.split()).upper()
    if _FORM.fullmatch(plain) is None:
        raise NotIban(f"{text!r} is not an IBAN; write CH93 0076 2011 6238 5295 7")
    if plain[:2] not in ("CH", "LI") or len(plain) != _SWISS_LENGTH or not plain[4:9].isdecimal():
        raise NotIban(f"{text!r} is not a Swiss or Liechtenstein IBAN of 21 characters")
    digits = "".join(str(int(one, 36)) for one in plain[4:] + plain[:4])
    if int(digits) % 97 != 1:
        raise NotIban(f"{text!r} is not an IBAN: its check digits are wrong")
    return Iban(plain)
