"""Every alarm has its words in every language, with the same gaps to fill."""

import re
from pathlib import Path

import pytest

import quartier.core.metering.alarms as core
import quartier.core.metering.validation as validation
from quartier.apps.alarms.texts import LANGUAGES, sentence, texts_in
from quartier.core.metering.alarms import LIMITS, NOT_IMPLAUSIBLE, Kind
from tests.apps.alarms.conftest import NOW

GAP = re.compile(r"\{(\w+)\}")


def codes():
    """Those that verdicts can have, read from the sources."""
    own = Path(core.__file__).read_text()
    found = set(re.findall(r'"((?:gateway|clock|meter|residual)_[a-z]+)"', own)) | {"power"}
    checks = set(re.findall(r'"(metering\.[a-z_]+)"', Path(validation.__file__).read_text()))
    return found | {one.removeprefix("metering.") for one in checks - NOT_IMPLAUSIBLE}


def test_every_code_has_its_sentence():
    assert codes() == set(texts_in("en")["sentences"]) == set(texts_in("en")["remedies"])
    assert {kind.value for kind in Kind} == set(texts_in("en")["kinds"])
    assert {one.name for limits in LIMITS.values() for one in limits} == set(
        texts_in("en")["limits"]
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same(language):
    english, other = texts_in("en"), texts_in(language)
    assert set(other) == set(english)
    for table, rows in english.items():
        assert set(other[table]) == set(rows)
        for key, text in rows.items():
            assert set(GAP.findall(other[table][key])) == set(GAP.findall(text)), key
            assert other[table][key].strip()
    assert language != "de" or "ß" not in str(other)


def test_a_sentence_is_filled():
    assert LANGUAGES == ("de", "en", "fr", "it")
    values = {"day": "2026-11-22", "percent": "1.2"}
    said = sentence("residual_less", values, NOW, "Europe/Zurich", "de")
    assert said == "Am 22.11.2026 zählten die Zähler 1.2 % weniger, als hereinkam."
    said = sentence("gateway_silent", {}, NOW, "Europe/Zurich", "xx")
    assert said == "Vom Gateway kam seit 23.11.2026 13:00 nichts."
