"""Findings and refusals in the reader's language.

The core, the formats and the apps write English sentences with their values filled in; they know
no reader. Here a sentence is recognized by its shape and said again (docs/decisions/0010). The
catalogs beside this file hold blocks of four lines::

    en The device {serial} was removed on {day}.
    de Das Gerät {serial} wurde am {day} entfernt.
    fr ...
    it ...

A value may be a sentence or a word of its own, which is then translated too. ``{n:one|many}`` in a
translation is a word that goes with the number ``n``. What no catalog knows stays English;
tests/portals/shared/test_sentences.py proves that every sentence that can reach a page is known.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

LANGUAGES = ("en", "de", "fr", "it")
_FIELD = re.compile(r"\{(\w+)(?::([^{}|]*)\|([^{}|]*))?\}")
_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_ONE = re.compile(
    r"\b1 (quarter-hour|day|file|interval|reading|meter)s\b"
    r"( have| are(?: of another kind and were)?| differ)?"
)
_VERBS = {
    " have": " has",
    " are": " is",
    " differ": " differs",
    " are of another kind and were": " is of another kind and was",
}
_FINE_SPACE = {"fr": "\u202f"}
_LONGEST = 2000
"""Longer texts are no sentences of ours; they are not searched."""
_TRIED = 300
"""In longer texts a value ends where the next words first come: trying all ways takes hours for a
text that somebody made for it."""
_MOST_PARTS = 60
"""Sentences about something that are about something, and so on."""


class BadCatalog(ValueError):
    """A catalog does not say what it should; the text names file and line."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One sentence: its shape in English, and how each language says it."""

    shape: re.Pattern[str]
    straight: re.Pattern[str]
    """The same without trying again, for long texts."""
    sign: str
    """Its longest piece of text between values: what lacks it is not this sentence."""
    weight: int
    texts: dict[str, str]


def said(text: str, language: str) -> str:
    """``text`` in ``language``; English where it is not known."""
    if language not in LANGUAGES or not text or len(text) > _LONGEST:
        return text
    if language == "en":
        return _ONE.sub(lambda one: f"1 {one[1]}{_VERBS.get(one[2] or '', one[2] or '')}", text)
    return _said(str(text), language)


def place(text: str, language: str) -> str:
    """Where a finding is, e.g. ``demo, meter m1``: each part by itself.

    A part without a value is a name, also where somebody is called like a word of ours.
    """
    exact, _ = entries()
    return ", ".join(
        part if {part, part[:1].swapcase() + part[1:]} & exact.keys() else said(part, language)
        for part in text.split(", ")
    )


@lru_cache(maxsize=4096)
def _said(text: str, language: str) -> str:
    body = text.removesuffix(".")
    if known := _recognized(body, language):
        return known + text[len(body) :]
    # A sentence about something: "line 12: the value is empty".
    is_simple = text.count("; ") + text.count(": ") <= _MOST_PARTS
    for sign in ("; ", ": ") if is_simple else ():
        head, found, tail = text.partition(sign)
        if found:
            parts = _said(head, language), _said(tail, language)
            if parts != (head, tail):
                return (_FINE_SPACE.get(language, "") + sign).join(parts)
    day = _ISO_DATE.fullmatch(text)
    return ".".join(reversed(day.groups())) if day else text


def _recognized(text: str, language: str) -> str:
    """The translation of ``text``, or empty where no catalog has its shape."""
    for one in (text, text[:1].swapcase() + text[1:]):
        for entry in _candidates(one):
            if entry.sign not in one:
                continue
            shape = entry.shape if len(one) <= _TRIED else entry.straight
            if match := shape.fullmatch(one):
                out = _filled(entry.texts[language], match.groupdict(), language)
                return out if one == text else out[:1].swapcase() + out[1:]
    return ""


def _candidates(text: str) -> list[Entry]:
    exact, shapes = entries()
    return [exact[text]] if text in exact else shapes


def _filled(template: str, values: dict[str, str], language: str) -> str:
    def value(field: re.Match[str]) -> str:
        name, one, many = field.groups()
        if one is not None:
            return one if values[name] == "1" else many
        return _said(values[name], language)

    return _FIELD.sub(value, template)


@cache
def entries() -> tuple[dict[str, Entry], list[Entry]]:
    """Sentences without values by their text; shapes with values, the most telling first.

    Raises :class:`BadCatalog`.
    """
    exact: dict[str, Entry] = {}
    shapes: list[Entry] = []
    for path in sorted(Path(__file__).parent.glob("*.txt")):
        for line, block in _blocks(path):
            entry = _entry(f"{path.name}, line {line}", block)
            if _FIELD.search(entry.texts["en"]):
                shapes.append(entry)
            elif entry.texts["en"] in exact:
                raise BadCatalog(f"{path.name}, line {line}: {entry.texts['en']!r} is there twice")
            else:
                exact[entry.texts["en"]] = entry
    return exact, sorted(shapes, key=lambda one: -one.weight)


def _blocks(path: Path) -> list[tuple[int, list[str]]]:
    """The blocks of four lines with the number of their first; blank lines and # between them."""
    blocks: list[tuple[int, list[str]]] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("en "):
            blocks.append((number, []))
        if not blocks:
            raise BadCatalog(f"{path.name}, line {number}: a block begins with its English line")
        blocks[-1][1].append(line)
    return blocks


def _entry(where: str, block: list[str]) -> Entry:
    texts = {line[:2]: line[3:] for line in block}
    if tuple(texts) != LANGUAGES or len(block) != len(LANGUAGES):
        raise BadCatalog(f"{where}: a block has the lines en, de, fr, it, in this order")
    names = {name for name, _, _ in _FIELD.findall(texts["en"])}
    for language, text in texts.items():
        if not text.strip():
            raise BadCatalog(f"{where}: the line {language} is empty")
        if {name for name, _, _ in _FIELD.findall(text)} != names:
            raise BadCatalog(f"{where}: the line {language} has other values than the English one")
    literal = _FIELD.split(texts["en"])[::4]
    fields = [name for name, _, _ in _FIELD.findall(texts["en"])]
    shape = straight = re.escape(literal[0])
    for name, after in zip(fields, literal[1:], strict=True):
        value = f"(?P<{name}>.+?){re.escape(after)}"
        shape += value
        straight += f"(?>{value})"
    if fields:  # the last value goes on to the end of the text
        straight = straight[: -len(f"(?>{value})")] + value
    weight = sum(map(len, literal))
    return Entry(
        re.compile(shape, re.DOTALL),
        re.compile(straight, re.DOTALL),
        max(literal, key=len),
        weight,
        texts,
    )
