"""Every dependency has its line of reasons, and every lock holds hashes."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
DECISION = ROOT / "docs/decisions/0002-dependencies.md"


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _declared() -> dict[str, str]:
    """Every package that pyproject.toml names, and the first part it belongs to."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    parts = {"base": project["project"]["dependencies"]}
    parts |= project["project"]["optional-dependencies"] | project["dependency-groups"]
    named = {}
    for part, requirements in parts.items():
        for requirement in requirements:
            match = re.match(r"[A-Za-z0-9._-]+", requirement)
            assert match, requirement
            if match[0] != "quartier":
                named.setdefault(_canonical(match[0]), part)
    return named


def _explained() -> dict[str, str]:
    rows = re.findall(r"^\| ([\w.-]+) \| (\w+) \| (.+) \| (.+) \|$", DECISION.read_text(), re.M)
    return {_canonical(name): part for name, part, why, licence in rows if name != "name" and why}


def test_every_dependency_is_explained_and_none_that_is_gone():
    assert _explained() == _declared()


@pytest.mark.parametrize("lock", sorted((ROOT / "locks").glob("*.txt")), ids=lambda p: p.name)
def test_every_locked_file_has_its_hash(lock):
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    packages = [entry for entry in entries if not entry.startswith("#")]
    assert packages
    assert [e.splitlines()[0] for e in packages if "--hash=sha256:" not in e] == []


@pytest.mark.parametrize(
    ("lock", "parts"),
    [
        ("base", {"base", "test"}),
        ("compute", {"base", "compute", "test"}),
        ("server", {"base", "compute", "ocpp", "server"}),
        ("dev", {"base", "compute", "ocpp", "server", "lint", "test", "judges"}),
    ],
)
def test_the_lock_holds_what_pyproject_names(lock, parts):
    text = (ROOT / f"locks/{lock}.txt").read_text()
    locked = {
        _canonical(name) for name in re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*\])?==", text, re.M)
    }
    assert {name for name, part in _declared().items() if part in parts} - locked == set()


def test_the_locked_uv_carries_the_build_backend():
    """Else an editable install would download a backend that no lock covers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (requirement,) = map(Requirement, project["build-system"]["requires"])
    locked = re.match(r"uv==(\S+)", (ROOT / "locks/uv.txt").read_text())
    assert locked
    assert requirement.name == "uv_build"
    assert requirement.specifier.contains(locked[1])
