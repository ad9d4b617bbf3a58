"""Printing pages for the meter room: their words, and a refusal of what no font can show."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import typst

from quartier.apps.documents.render import printed
from quartier.apps.documents.texts import texts_in

_NO_GLYPH = re.compile(r'the text `"(.{1,20}?)"` could not be displayed')


class CannotPrint(ValueError):
    """The page is not printed; the text says what stands in the way."""


def page_words(subject: str, language: str) -> dict[str, Any]:
    """The words of ``subject``; ``frame`` is how pages are counted."""
    if subject == "frame":
        return {"page": texts_in(language)["document"]["page"]}
    words: dict[str, Any] = texts_in(language)[subject]
    return words


def printable(template: str, page: Mapping[str, Any], day: date) -> bytes:
    """The PDF. Raises :class:`CannotPrint` for a character that no font here has."""
    try:
        return printed(template, dict(page), day)
    except typst.TypstError as problem:
        found = _NO_GLYPH.search(str(problem))
        if found is None:
            raise
        raise CannotPrint(
            f"a name has a character that cannot be printed, {found[1]}; take it out"
        ) from None
