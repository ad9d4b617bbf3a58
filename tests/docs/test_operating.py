"""The operating guide names every variable that the program reads, and no other."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/operating/README.md"
_NAME = re.compile(r"(QUARTIER|DATABASE|XDG|DJANGO)_[A-Z_]+")
_READERS = {"text", "flag", "count", "choice", "words", "networks", "get", "setdefault"}


def documented(page: str) -> set[str]:
    """The names in the first column of the table under "Every variable"."""
    section = page.partition("\n## Every variable\n")[2].partition("\n## ")[0]
    return {
        name
        for line in section.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }


def variables_read(source: str) -> set[str]:
    """Names given to os.environ or to a reader of ``config.env``."""
    found = set()
    if not _NAME.search(source):  # most modules; to parse all of them takes seconds
        return found
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            first = node.args[0] if node.args else None
            if name in _READERS and isinstance(first, ast.Constant):
                found.add(first.value)
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            found.add(node.slice.value)
    return {name for name in found if isinstance(name, str) and _NAME.fullmatch(name)}


def test_every_variable_is_documented_and_no_other():
    read = {
        name
        for path in (ROOT / "src/quartier").rglob("*.py")
        for name in variables_read(path.read_text(encoding="utf-8"))
    }
    assert documented(GUIDE.read_text(encoding="utf-8")) == read


def test_a_variable_that_is_read_is_found():
    source = 'env.flag("QUARTIER_NEW"); os.environ["QUARTIER_X"]; os.environ.get("HOME")'
    assert variables_read(source) == {"QUARTIER_NEW", "QUARTIER_X"}
