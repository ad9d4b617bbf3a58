"""Every key's line, checked against what ``tomllib`` reads of documents made at random."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.site_toml.positions import lines_of

EXAMPLES = Path(__file__).parents[3] / "examples"


def paths_of(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, one in value.items():
            yield from paths_of(one, (*path, key))
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from paths_of(one, (*path, index))


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.toml")))
def test_every_value_of_an_example_has_a_line_that_shows_its_key(name):
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    lines, rows = lines_of(text), text.split("\n")
    for path in paths_of(tomllib.loads(text)):
        line = rows[lines[path] - 1]
        if path and isinstance(path[-1], str):
            assert path[-1] in line, (path, line)


AWKWARD = '''# [[no]] "comment"
a."b.c" = { x = [1, # one
  "]", { y = 'z}' }], "k\\u00e9y" = 2 }
text = """
[not.a.table]
x = 1 \\""" still text""""
lit = \'\'\'
[[nor.this]]\'\'\'\'
when = 1979-05-27 07:32:00
[[t]]
n = 1
[[t.u]]
m = 2
[[t.u]]
m = 3
[[t]]
[t.v]
w = [ [1], [2,
 3] ]
'''


def test_awkward_toml():
    lines = lines_of(AWKWARD)
    assert set(lines) == set(paths_of(tomllib.loads(AWKWARD)))
    where = {
        ("a", "b.c", "x", 1): 3,
        ("a", "b.c", "x", 2, "y"): 3,
        ("a", "b.c", "kéy"): 3,
        ("text",): 4,
        ("when",): 9,
        ("t", 0, "u", 1, "m"): 15,
        ("t", 1): 16,
        ("t", 1, "v", "w", 1, 1): 19,
    }
    assert {path: lines[path] for path in where} == where


KEYS = st.text(st.sampled_from("ab\"c .'é#=]\\"), min_size=1, max_size=4)
SCALARS = st.one_of(
    st.integers(-9, 9),
    st.booleans(),
    st.text(st.sampled_from("ab\"'#]}\\\n,="), max_size=6),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def quote(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def inline(value, blank):
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, list):
        return f"[{blank}" + f",{blank}".join(inline(one, blank) for one in value) + f"{blank}]"
    pairs = (f"{quote(key)} = {inline(one, blank)}" for key, one in value.items())
    return "{ " + ", ".join(pairs) + " }"


@given(
    top=st.dictionaries(KEYS, VALUES, max_size=3),
    tables=st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=3),
    blank=st.sampled_from([" ", "\n ", " # ]\n"]),
)
def test_the_paths_are_those_that_tomllib_reads(top, tables, blank):
    top.pop("aaaa", None)
    # An inline table has no line break in TOML 1.0, so lists inside one stay on its line.
    parts = [f"{quote(key)} = {inline(one, ' ')}" for key, one in top.items()]
    for table in tables:
        parts.append("[[aaaa]]")
        for key, one in table.items():
            space = blank if isinstance(one, list) and not _holds_table(one) else " "
            parts.append(f"{quote(key)} = {inline(one, space)}")
    text = "\n".join(parts) + "\n"
    assert set(lines_of(text)) == set(paths_of(tomllib.loads(text)))


def _holds_table(value):
    if isinstance(value, dict):
        return True
    return isinstance(value, list) and any(_holds_table(one) for one in value)
