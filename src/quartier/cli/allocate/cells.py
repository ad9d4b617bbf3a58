"""Cells to whole mWh and back, exactly. Each text and each energy is converted once."""

import re
from decimal import MAX_EMAX, MIN_EMIN, ROUND_HALF_EVEN, Context, Decimal

EMPTY = -1
"""Stands for an empty cell; an energy is never negative."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII)
_MWH = Decimal("0.000001")  # in kWh
_EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX)
_LARGEST_KWH = Decimal(9 * 10**12)
_LARGEST_CACHE = 200_000


class BadCell(ValueError):
    """The text is not an energy in kWh; the message says why and what to do."""


def mwh_of_cell(text: str) -> int:
    """The energy of a cell in whole mWh, half to even, or EMPTY; raises BadCell."""
    text = text.strip(" \t")
    if not text:
        return EMPTY
    if not _NUMBER.fullmatch(text):
        hint = "; write a decimal point" if re.fullmatch(r"[+-]?\d+,\d+", text) else ""
        raise BadCell(
            f"{text[:40]!r} is not a number of kWh{hint or '; leave a gap out or fill it'}"
        )
    number = Decimal(text)
    if number < 0:
        raise BadCell(f"{text[:40]} kWh is negative; give import and export their own columns")
    if number > _LARGEST_KWH:
        raise BadCell(f"{text[:40]} kWh is too large; check the unit")
    return int(number.quantize(_MWH, context=_EXACT).scaleb(6, _EXACT))


class Energies(dict[str, int]):
    """``mwh_of_cell`` as a table that fills itself."""

    def __missing__(self, text: str) -> int:
        if len(self) > _LARGEST_CACHE:
            self.clear()
        energy = self[text] = mwh_of_cell(text)
        return energy


class Texts(dict[int, str]):
    """Whole mWh as kWh with six decimals; EMPTY as an empty cell."""

    def __missing__(self, energy_mwh: int) -> str:
        if len(self) > _LARGEST_CACHE:
            self.clear()
        whole, part = divmod(energy_mwh, 1_000_000)
        text = self[energy_mwh] = "" if energy_mwh == EMPTY else f"{whole}.{part:06d}"
        return text


def quoted(text: str) -> str:
    """``text`` as a cell of a CSV, in quotes only where it needs them."""
    if any(sign in text for sign in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
