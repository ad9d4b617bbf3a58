"""The sentences of alarms, on pages and in messages: one TOML file a language in ``texts/``."""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

FOLDER = Path(__file__).parent / "texts"
FALLBACK = "de"


@cache
def texts_in(language: str) -> Mapping[str, Mapping[str, str]]:
    """Tables of sentences by subject; German where the language has none."""
    path = FOLDER / f"{language}.toml"
    if language not in LANGUAGES:
        path = FOLDER / f"{FALLBACK}.toml"
    found: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    return found


LANGUAGES = tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def sentence(
    code: str, values: Mapping[str, str], since: datetime, timezone: str, language: str
) -> str:
    """What is wrong, in one sentence; ``since`` on the clocks of ``timezone``."""
    filled = {name: _shown(name, value) for name, value in values.items()}
    text = texts_in(language)["sentences"][code]
    return text.format(since=moment(since, timezone), **filled)


def remedy(code: str, language: str) -> str:
    """What to do about it."""
    return texts_in(language)["remedies"][code]


def kind_word(kind: str, language: str) -> str:
    """What a kind of alarm is called."""
    return texts_in(language)["kinds"][kind]


def limit_word(name: str, language: str) -> str:
    """What a limit of a rule is called, with its unit."""
    return texts_in(language)["limits"][name]


def moment(at: datetime, timezone: str) -> str:
    """dd.mm.yyyy hh:mm on local clocks."""
    return f"{at.astimezone(ZoneInfo(timezone)):%d.%m.%Y %H:%M}"


def _shown(name: str, value: str) -> str:
    return f"{date.fromisoformat(value):%d.%m.%Y}" if name == "day" else value
