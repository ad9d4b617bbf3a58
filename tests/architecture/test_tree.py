"""What the tree itself must keep to: sizes, names, and nothing that does not belong in it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 500
NOT_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
NOT_OURS = {".git", ".tools", "node_modules", "demo", "build", "dist", "__pycache__"}
REGISTRY = re.compile(
    r"\b(?:pypi|pythonhosted|npmjs|yarnpkg|(?:deb|security|snapshot|ftp)[.\w]*\.debian"
    r"|(?:archive|security)\.ubuntu|crates)\.(?:org|com|io)\b"
)
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b"
)


def _listed() -> list[Path]:
    """What is, or would be, committed; nothing where there is no git to ask."""
    if not shutil.which("git"):
        return []
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name]


def _walked() -> list[Path]:
    def is_ours(path: Path) -> bool:
        parts = path.relative_to(ROOT).parts
        return not any(part in NOT_OURS or part.startswith(".") for part in parts)

    return [path for path in ROOT.rglob("*") if is_ours(path)]


def _tree() -> list[Path]:
    paths = _listed() or _walked()
    return sorted(path for path in paths if path.is_file() and not path.is_symlink())


TREE = _tree()
CODE = [path for path in TREE if path.suffix == ".py" and "migrations" not in path.parts]


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _texts() -> list[tuple[Path, str]]:
    found = []
    for path in TREE:
        data = path.read_bytes()
        if b"\0" not in data[:8192]:
            found.append((path, data.decode(errors="replace")))
    return found


def test_the_tree_was_found():
    assert ROOT / "pyproject.toml" in TREE
    assert ROOT / "src/quartier/core/kernel/energy.py" in CODE


def test_files_are_small():
    sizes = {_name(path): len(path.read_text().splitlines()) for path in CODE}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}


def test_no_room_for_odds_and_ends():
    def words(path):
        return {part.removesuffix(".py").strip("_") for part in path.relative_to(ROOT).parts}

    assert [_name(path) for path in CODE if words(path) & NOT_NAMES] == []


@pytest.mark.parametrize(
    ("pattern", "what"), [(REGISTRY, "the host of a registry"), (SECRET, "a secret")]
)
def test_nothing_that_does_not_belong(pattern, what):
    found = [
        f"{_name(path)}: {match[0][:40]}"
        for path, text in _texts()
        for match in [pattern.search(text)]
        if match
    ]
    assert found == [], what


@pytest.mark.parametrize(
    ("pattern", "example"),
    [
        (REGISTRY, "https://files.python" + "hosted.org/x"),
        (REGISTRY, "http://deb.debian" + ".org/debian"),
        (SECRET, "-----BEGIN RSA PRIVATE" + " KEY-----"),
    ],
)
def test_the_patterns_find_what_they_look_for(pattern, example):
    assert pattern.search(example)
