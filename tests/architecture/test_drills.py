"""What has a full count is run at it: `make drill` selects by marker."""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def decorated(node, name):
    return any(name in ast.unparse(one) for one in node.decorator_list)


def faults():
    for path in sorted(TESTS.rglob("test_*.py")):
        text = path.read_text("utf-8")
        if path == Path(__file__):
            continue
        if "drill_count" not in text and "is_drill" not in text:
            continue
        tree = ast.parse(text)
        marks = [
            ast.unparse(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
        ]
        if any("mark.drill" in one for one in marks):
            continue
        tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        for node in tests:
            wants = "drill_count" in [one.arg for one in node.args.args]
            if wants and node.name.startswith("test_") and not decorated(node, "mark.drill"):
                yield f"{path.relative_to(TESTS)}: {node.name}"
        if "is_drill()" in text and not any(decorated(node, "mark.drill") for node in tests):
            yield f"{path.relative_to(TESTS)}: is_drill"


def test_whatever_has_a_full_count_is_a_drill():
    assert list(faults()) == []
