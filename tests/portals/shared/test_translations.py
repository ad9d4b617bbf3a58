"""Every text of the portals is there in German, French and Italian, and the compiled catalogs
are those of the sources. English is the language of the sources."""

import ast
import gettext
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

import quartier.portals as portals

ROOT = Path(portals.__file__).parent
LOCALE = ROOT / "shared" / "locale"
LANGUAGES = ("de", "fr", "it")
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]")
BLOCK = re.compile(r'((?:^(?:msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?) ?(?:".*"\n)+)+)', re.M)
FIELD = re.compile(r'^(msgctxt|msgid|msgid_plural|msgstr(?:\[\d\])?) ((?:".*"\n)+)', re.M)


def entries(language):
    """(context, text, plural) to its translations, as the .po says."""
    text = (LOCALE / language / "LC_MESSAGES" / "django.po").read_text() + "\n"
    found = {}
    for block in BLOCK.findall(text):
        fields = {
            name: "".join(ast.literal_eval(line) for line in lines.splitlines())
            for name, lines in FIELD.findall(block)
        }
        key = (fields.get("msgctxt", ""), fields["msgid"], fields.get("msgid_plural", ""))
        found[key] = [value for name, value in fields.items() if name.startswith("msgstr")]
    return found


def compiled(language):
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_untranslated(language):
    rows = {key: values for key, values in entries(language).items() if key[1]}
    assert len(rows) > 400
    assert [key for key, values in rows.items() if not all(values)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_are_kept(language):
    for (_context, text, plural), values in entries(language).items():
        wanted = {frozenset(PLACEHOLDER.findall(one)) for one in (text, plural or text)}
        for value in values if text else []:
            assert frozenset(PLACEHOLDER.findall(value)) in wanted, (text, value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalog_is_that_of_the_source(language):
    catalog = compiled(language)._catalog
    expected = set()
    for (context, text, plural), values in entries(language).items():
        key = f"{context}\x04{text}" if context else text
        if plural:
            for number, value in enumerate(values):
                assert catalog[key, number] == value
                expected.add((key, number))
        elif text:
            assert catalog[key] == values[0]
            expected.add(key)
    assert {key for key in catalog if key} == expected


def texts_of_sources():
    """What gettext finds in the sources."""
    assert shutil.which("xgettext"), "install gettext: apt-get install gettext"
    found = set()
    for path in sorted([*ROOT.rglob("*.py"), *ROOT.rglob("*.html")]):
        source = path.read_text()
        if path.suffix == ".html":
            source = templatize(source, origin=str(path))
        command = [
            "xgettext", "--language=Python", "--from-code=UTF-8", "--output=-", "--no-location",
            "--keyword=gettext_noop", "--keyword=gettext_lazy", "--keyword=ngettext_lazy:1,2",
            "--keyword=pgettext:1c,2", "--keyword=pgettext_lazy:1c,2", "-",
        ]  # fmt: skip
        output = subprocess.run(
            command, input=source, capture_output=True, text=True, check=True
        ).stdout
        for block in BLOCK.findall(output + "\n"):
            fields = dict(FIELD.findall(block))
            text = "".join(ast.literal_eval(line) for line in fields["msgid"].splitlines())
            if text:
                found.add(text)
    return found


def test_every_text_of_the_sources_is_in_the_catalogs():
    missing = texts_of_sources() - {key[1] for key in entries("de")}
    assert missing == set(), "run: python tools/translations.py"


def test_catalogs_have_the_same_texts():
    assert set(entries("de")) == set(entries("fr")) == set(entries("it"))


def test_french_has_its_narrow_space_before_double_punctuation():
    """Typographie française: before : ; ! and ? there is a space at which no line is broken."""
    tight = re.compile(r"[^\u202f\u00a0\d/s][:;!?](?=\s|$)")
    found = [value for values in entries("fr").values() for value in values if tight.search(value)]
    header = entries("fr")[("", "", "")]
    assert [value for value in found if value not in header] == []
