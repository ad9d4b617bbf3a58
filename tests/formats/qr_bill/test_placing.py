"""Every version of the symbol against segno, which makes each from nothing, and a reader."""

import random

import pytest
import segno
import zxingcpp
from PIL import Image

from quartier.formats.qr_bill.placing import symbol_of, version_for


def by_segno(data: bytes, mask: int):
    code = segno.make(data, mask=mask, error="m", mode="byte", micro=False, boost_error=False)
    return int(code.version), [bytes(row) for row in code.matrix]


def lengths_of(version: int) -> list[int]:
    return [n for n in range(1, 1100) if version_for(b"x" * n) == version]


@pytest.mark.parametrize("version", range(1, 27))
def test_full_symbols_are_those_of_segno(version):
    """Where nothing is padded: after the terminator segno pads with one byte 0 too many."""
    rng = random.Random(version)
    data = bytes(rng.randrange(33, 127) for _ in range(lengths_of(version)[-1]))
    assert by_segno(data, 3) == (version, symbol_of(data, version, 3))


@pytest.mark.parametrize("version", range(1, 27))
def test_padded_symbols_are_read(version):
    rng = random.Random(version)
    lengths = lengths_of(version)
    for length in (lengths[0], rng.choice(lengths), lengths[-1]):
        data = bytes(rng.randrange(33, 127) for _ in range(length))
        rows = symbol_of(data, version, 3)
        picture = Image.new("L", (len(rows) + 8, len(rows) + 8), 255)
        for y, row in enumerate(rows):
            for x, module in enumerate(row):
                picture.putpixel((x + 4, y + 4), 0 if module else 255)
        size = 4 * picture.width
        (code,) = zxingcpp.read_barcodes(picture.resize((size, size), Image.Resampling.NEAREST))
        assert code.bytes == data


def test_masks_are_those_of_segno():
    data = b"Quartier 12345"
    for mask in range(8):
        assert by_segno(data, mask) == (1, symbol_of(data, 1, mask))


def test_what_no_version_holds_has_none():
    assert version_for(b"x" * 2331) == 40
    assert version_for(b"x" * 2332) is None
