"""The words of printed documents: one TOML file a language in ``texts/``."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "texts"
FALLBACK = "de"


class NoLanguage(ValueError):
    """There are no texts in this language."""


def languages() -> tuple[str, ...]:
    """The languages that documents can be printed in."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def texts_in(language: str) -> dict[str, Any]:
    """Tables of words by subject; raises :class:`NoLanguage`, naming those there are."""
    if language not in languages():
        raise NoLanguage(
            f"no document texts in {language!r}; choose one of {', '.join(languages())}"
        )
    return tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))


def article_in(article: str, language: str) -> str:
    """An article of law, kept in German as ``EnV Art. 16 Abs. 1 Bst. b``, in ``language``; it does
    not break over lines."""
    text = article
    for word, other in texts_in(language)["law_words"].items():
        text = text.replace(word, other)
    return text.replace(" ", "\u00a0")
