"""Every table of docs/algorithms is executed, row by row (docs/algorithms/README.md)."""

import importlib.util
import inspect
import sys
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

HERE = Path(__file__).resolve().parent
PAGES = sorted((HERE.parents[1] / "docs" / "algorithms").glob("*.md"))


@cache
def load(path: Path) -> ModuleType:
    """The module at ``path``, under a name of its own."""
    name = f"algorithm_tables_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


tables = load(HERE / "tables.py")


def checks_of(page: Path) -> dict[str, FunctionType]:
    """The check functions of a page."""
    path = HERE / "checks" / f"{page.stem}.py"
    if not path.exists():
        return {}
    module = load(path)
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isfunction(value)
        and value.__module__ == module.__name__
        and not name.startswith("_")
    }


def every_row():
    """Each row of each page, as a test's parameters. A page that cannot be read fails below."""
    for page in PAGES:
        try:
            found = tables.tables_of(page)
        except tables.BadTable:
            continue
        for table in found:
            for line, row in table.rows:
                yield pytest.param(page, table.check, row, id=f"{page.stem}:{line}-{table.check}")


@pytest.mark.parametrize(("page", "check", "row"), list(every_row()))
def test_row(page, check, row):
    found = checks_of(page)
    assert check in found, f"tests/docs/checks/{page.stem}.py has no function {check}"
    found[check](row)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page(page):
    """Every table is executed, and every check is named by a table."""
    named = {table.check for table in tables.tables_of(page)}
    assert named == set(checks_of(page))


def test_there_are_pages():
    assert [page for page in PAGES if page.stem != "README"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("| a |\n|---|\n| 1 |\n", "no comment"),
        ("<!-- check: x -->\n\ntext\n", "no table follows"),
        ("<!-- check: x -->\n", "no table follows"),
        ("<!-- check: x -->\n| a |\n|---|\n", "no rows"),
        ("<!-- check: x -->\n| a |\n| 1 |\n", "no line of dashes"),
        ("<!-- check: x -->\n| a | b |\n|---|---|\n| 1 |\n", "1 cells under 2"),
        ("<!-- check: x -->\n| a | a |\n|---|---|\n| 1 | 2 |\n", "same header"),
    ],
)
def test_what_nobody_executes_is_refused(tmp_path, text, complaint):
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(tables.BadTable, match=complaint):
        tables.tables_of(page)


def test_cells(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```\n| x |\n```\n<!-- check: x -->\n| a | `b` |\n|---|:-:|\n| `1` | p \\| q |\n"
    )
    (table,) = tables.tables_of(page)
    assert table.rows == ((7, {"a": "1", "b": "p | q"}),)
