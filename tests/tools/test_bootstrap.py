"""The bootstrap: what it says when it cannot, and when it does nothing."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path):
    """A checkout with the bootstrap and the locks."""
    for name in ("tools", "locks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.fixture
def bootstrap(checkout):
    """Its module, which works on that checkout."""
    spec = importlib.util.spec_from_file_location("bootstrap", checkout / "tools/bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_wrong_use_shows_the_uses(checkout):
    done = subprocess.run(
        [sys.executable, checkout / "tools/bootstrap.py", "everything"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "tools/bootstrap.py server" in done.stderr


def test_a_pip_on_the_machine_is_found_and_works(bootstrap):
    found = bootstrap.pips_here()
    assert [pip for pip in found if bootstrap.works(pip)] == found


def test_a_broken_pip_is_passed_over(bootstrap, tmp_path):
    (tmp_path / "pip-1.0.whl").write_bytes(b"not a wheel")
    assert not bootstrap.works(bootstrap.from_wheel(tmp_path / "pip-1.0.whl"))


def test_without_any_pip_it_names_the_apt_line(bootstrap, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "pips_here", list)
    monkeypatch.setenv("PATH", "/nowhere")
    assert bootstrap.main(["server"]) == 1
    assert "sudo apt-get update && sudo apt-get install python3-pip" in capsys.readouterr().err


def test_the_certificates_of_the_environment_hold_for_pip_and_uv(bootstrap, monkeypatch):
    for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    assert bootstrap.certificates() == {}
    monkeypatch.setenv("PIP_CERT", "/a/bundle")
    assert bootstrap.certificates() == {"SSL_CERT_FILE": "/a/bundle", "PIP_CERT": "/a/bundle"}


def made(bootstrap, checkout, kind, lock):
    """An environment that claims to be made from a lock."""
    folder = checkout / bootstrap.FOLDERS[kind]
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/python").symlink_to(sys.executable)
    inputs = [checkout / "locks" / f"{lock}.txt", checkout / "locks/uv.txt"]
    digest = bootstrap.digest(*inputs, checkout / "pyproject.toml")
    stamp = folder / "quartier-environment.json"
    stamp.write_text(json.dumps({"kind": lock, "digest": digest}))


@pytest.fixture
def work(bootstrap, monkeypatch):
    """What the bootstrap would have uv do, instead of doing it."""
    asked = []
    monkeypatch.setattr(bootstrap, "get_uv", dict)
    monkeypatch.setattr(bootstrap, "uv", lambda arguments, env: asked.append(arguments))
    return asked


@pytest.mark.parametrize(
    ("kind", "lock"), [("dev", "dev"), ("server", "server"), ("server", "dev")]
)
def test_nothing_is_done_while_the_locks_are_the_same(bootstrap, checkout, work, kind, lock):
    made(bootstrap, checkout, kind, lock)
    assert bootstrap.main([kind]) == 0
    assert work == []


@pytest.mark.parametrize("changed", ["locks/dev.txt", "locks/uv.txt", "pyproject.toml"])
def test_a_change_makes_the_environment_again(bootstrap, checkout, work, changed):
    made(bootstrap, checkout, "dev", "dev")
    with (checkout / changed).open("a") as file:
        file.write("\n# changed\n")
    assert bootstrap.main(["dev"]) == 0
    assert [arguments[1] for arguments in work] == ["sync", "install"]
    assert "--require-hashes" in work[0]
    assert {"--no-deps", "--offline"} <= set(work[1])


def test_the_light_environment_takes_nothing_away_from_the_full_one(bootstrap, checkout, work):
    made(bootstrap, checkout, "dev", "dev")
    (checkout / "locks/dev.txt").write_text("# changed\n")
    assert bootstrap.main(["server"]) == 0
    assert work[0][-1] == checkout / "locks/dev.txt"
