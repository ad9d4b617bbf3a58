"""Reads a PDF as a judge would: characters with font, size and place in millimetres from the top
left of the page, and codes from the rendered picture."""

import ctypes
from dataclasses import dataclass
from functools import cached_property

import pypdfium2
import pypdfium2.raw as raw
import zxingcpp

MM = 72 / 25.4
DOTS_PER_MM = 20
SCAN_DPI = 200  # what an office scanner or a phone sees


@dataclass(frozen=True)
class Character:
    text: str
    font: str
    size: float
    left: float
    top: float
    right: float
    bottom: float


class Page:
    def __init__(self, page):
        self._page = page
        self.width = page.get_width() / MM
        self.height = page.get_height() / MM

    @cached_property
    def text(self) -> str:
        return self._page.get_textpage().get_text_range().replace("\r\n", "\n")

    @cached_property
    def characters(self) -> list[Character]:
        found = []
        text_page = self._page.get_textpage()
        for index in range(text_page.count_chars()):
            code = raw.FPDFText_GetUnicode(text_page, index)
            if raw.FPDFText_IsGenerated(text_page, index) == 1 or chr(code).isspace():
                continue
            left, bottom, right, top = text_page.get_charbox(index)
            name = ctypes.create_string_buffer(128)
            raw.FPDFText_GetFontInfo(text_page, index, name, 128, ctypes.c_int())
            found.append(
                Character(
                    chr(code),
                    name.value.decode().partition("+")[2] or name.value.decode(),
                    raw.FPDFText_GetFontSize(text_page, index),
                    left / MM,
                    self.height - top / MM,
                    right / MM,
                    self.height - bottom / MM,
                )
            )
        return found

    @cached_property
    def picture(self):
        return self._page.render(scale=DOTS_PER_MM * 25.4 / 72).to_pil().convert("L")

    def find(self, word: str) -> list[list[Character]]:
        """Every place where ``word`` stands (blanks left out), as its characters."""
        letters = word.replace(" ", "").replace("\u202f", "").replace("\u00a0", "")
        line = "".join(character.text for character in self.characters)
        places, at = [], line.find(letters)
        while at >= 0:
            places.append(self.characters[at : at + len(letters)])
            at = line.find(letters, at + 1)
        return places

    def codes(self) -> list[bytes]:
        scan = self._page.render(scale=SCAN_DPI / 72).to_pil().convert("L")
        return [code.bytes for code in zxingcpp.read_barcodes(scan)]

    def dark(self, left: float, top: float, right: float, bottom: float):
        """The bounding box, in mm, of what is dark in a region; None where it is empty."""
        box = tuple(round(value * DOTS_PER_MM) for value in (left, top, right, bottom))
        mask = self.picture.crop(box).point(lambda level: 255 if level < 128 else 0)
        found = mask.getbbox()
        if found is None:
            return None
        return tuple(
            value / DOTS_PER_MM + start
            for value, start in zip(found, (left, top, left, top), strict=True)
        )


def pages_of(pdf: bytes) -> list[Page]:
    document = pypdfium2.PdfDocument(pdf)
    return [Page(document[index]) for index in range(len(document))]
