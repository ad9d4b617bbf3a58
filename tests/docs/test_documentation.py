"""The documentation holds together: links lead somewhere, decisions are dated, words are whole."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _prose(path: Path) -> str:
    """The page without its code, where brackets mean something else."""
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def _anchors(path: Path) -> set[str]:
    """The names under which the headings of a page can be linked to."""
    headings = re.findall(r"^#+ +(.+?) *$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page):
    dead = []
    for target in LINK.findall(_prose(page)):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in _anchors(file)):
            dead.append(target)
    assert dead == []


def test_every_decision_is_numbered_once_and_dated():
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in decisions]
    assert numbers == list(range(1, len(numbers) + 1))
    for number, path in zip(numbers, decisions, strict=True):
        text = path.read_text()
        assert text.startswith(f"# {number}. "), _name(path)
        assert re.search(r"^\*\*Decided\*\* .*\d{4}", text, re.M), f"{_name(path)} has no date"


def test_every_word_has_a_meaning_and_four_languages():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs/vocabulary.md").read_text().splitlines()
        if line.startswith("| ")
    ]
    words = [row for row in rows if len(row) == 5 and row[0] != "word"]
    assert len(words) > 60
    assert [row for row in words if not all(row)] == []
    assert [row for row in words if "ß" in row[2]] == []
    names = [name.strip() for row in words for name in row[0].split(",")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
