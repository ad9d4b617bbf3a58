"""The Swiss QR code: model 2, level M, at most version 25, with the Swiss cross (rules.md d.1).

The symbol is 46 x 46 mm whatever its version; the cross of 7 x 7 mm lies over its middle [GK].
"""

from quartier.core.kernel.findings import error
from quartier.formats.qr_bill.bill import BadQrBill
from quartier.formats.qr_bill.placing import symbol_of, version_for

VERSION_MAX = 25
SIZE_MM = 46
CROSS_MM = 7
# A fixed mask pattern: every reader takes it from the symbol's format information, and choosing
# the "best" of eight takes most of the time that a symbol takes (docs/decisions/0007-documents.md).
_MASK = 3


def matrix_of(payload: str) -> list[bytes]:
    """The modules of the symbol, row by row, 1 for dark, without quiet zone.

    Raises :class:`BadQrBill` where the payload needs a larger symbol than version 25.
    """
    data = payload.encode("utf-8")
    version = version_for(data)
    if version is None or version > VERSION_MAX:
        raise _too_long()
    return symbol_of(data, version, _MASK)


def svg_of(payload: str) -> str:
    """The symbol with its cross as an SVG of 46 x 46 mm; dark on transparent."""
    rows = matrix_of(payload)
    module = SIZE_MM / len(rows)
    # The cross of the standard's drawing: white field 7 mm, black 6 mm, arms 1.17 by 3.89 mm [GK].
    middle = SIZE_MM / 2
    arm, reach = 3.89 / 2, 1.17 / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE_MM}mm" height="{SIZE_MM}mm" '
        f'viewBox="0 0 {SIZE_MM} {SIZE_MM}">'
        f'<path transform="scale({module:.8f})" d="{_path(rows)}"/>'
        f"{_square(middle, CROSS_MM / 2, '#fff')}{_square(middle, 3.0, '#000')}"
        f'<path fill="#fff" d="M{middle - reach:.3f} {middle - arm:.3f}h{2 * reach:.3f}'
        f"v{2 * arm:.3f}h{-2 * reach:.3f}zM{middle - arm:.3f} {middle - reach:.3f}"
        f'h{2 * arm:.3f}v{2 * reach:.3f}h{-2 * arm:.3f}z"/></svg>'
    )


def _path(rows: list[bytes]) -> str:
    """One rectangle a run of dark modules."""
    parts = []
    for y, row in enumerate(rows):
        x = row.find(1)
        while x >= 0:
            end = row.find(0, x)
            end = len(row) if end < 0 else end
            parts.append(f"M{x} {y}h{end - x}v1h{x - end}z")
            x = row.find(1, end)
    return "".join(parts)


def _square(middle: float, half: float, fill: str) -> str:
    return (
        f'<rect x="{middle - half:.3f}" y="{middle - half:.3f}" width="{2 * half:.3f}" '
        f'height="{2 * half:.3f}" fill="{fill}"/>'
    )


def _too_long() -> BadQrBill:
    return BadQrBill(
        [
            error(
                "qr_bill.too_long",
                "the text needs a larger symbol than version 25.",
                where="payload",
                remedy="Shorten the message or the names.",
            )
        ]
    )
