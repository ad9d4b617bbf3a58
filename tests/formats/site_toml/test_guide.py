"""docs/guides/site-file.md names every key, and no key that there is not."""

import re
from pathlib import Path

import pytest

from quartier.formats.site_toml import tree

GUIDE = (Path(__file__).parents[3] / "docs/guides/site-file.md").read_text(encoding="utf-8")


def tables(cls, name):
    """Every table of the file with the name it has in the guide."""
    yield name, cls
    for key in tree.keys_of(cls).values():
        if key.table is not None:
            yield from tables(key.table, key.name)


ALL = sorted({(name, cls.__name__) for name, cls in tables(tree.SiteFile, "format")})


def section_of(name):
    """The text of the guide from the heading that names ``name`` to the next heading."""
    name = {"season": "windows", "standard": "windows"}.get(name, name)
    parts = re.split(r"^#+ ", GUIDE, flags=re.MULTILINE)
    found = [part for part in parts if re.search(rf"\b{name}\b", part.split("\n")[0])]
    assert found, f"no section for {name}"
    return "\n".join(found)


@pytest.mark.parametrize(("name", "cls"), ALL)
def test_every_key_is_in_its_section(name, cls):
    section = section_of(name)
    for key in tree.keys_of(getattr(tree, cls)).values():
        if name == "format" and key.table is not None:
            assert re.search(rf"^## .*\[\[?{key.name}\]", GUIDE, re.MULTILINE), key.name
        else:
            assert re.search(rf"[`{{ .]{key.name}[`\] =]", section), (name, key.name)


def test_the_guide_names_no_key_that_there_is_not():
    known = {
        key.name for _, cls in tables(tree.SiteFile, "format") for key in tree.keys_of(cls).values()
    }
    for row in re.findall(r"^\| (`[a-z_0-9`, ]+) \|", GUIDE, re.MULTILINE):
        for name in re.findall(r"`([a-z_0-9]+)`", row):
            assert name in known, name
