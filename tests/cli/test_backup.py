"""A backup is proven by a restore: the same sites, the same files, a sound database."""

import os
import shutil
import subprocess
import sys
import tarfile

import pytest

from tests.servers import tables


def quartier(home, *words, code=0):
    environment = {**os.environ, "QUARTIER_HOME": str(home)}
    environment.pop("DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-m", "quartier", *map(str, words)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def linde(tmp_path_factory):
    """A home with a site and a received file; copy it."""
    home = tables.copy_to(tmp_path_factory.mktemp("linde") / "home")
    quartier(home, "site", "create", "linde", "--name", "Linde")
    (home / "files" / "ab").mkdir(parents=True)
    (home / "files" / "ab" / "abcd").write_bytes(b"raw")
    return home


@pytest.fixture
def home(linde, tmp_path):
    """A home of this test alone."""
    return shutil.copytree(linde, tmp_path / "home")


def test_a_backup_can_be_restored(home, tmp_path):
    backup = tmp_path / "quartier.backup"
    assert "1 files" in quartier(home, "backup", backup) or backup.exists()
    other = tmp_path / "other"
    quartier(other, "restore", backup)
    assert (other / "files" / "ab" / "abcd").read_bytes() == b"raw"
    assert (other / "secret_key").read_text() == (home / "secret_key").read_text()
    assert (other / "secret_key").stat().st_mode & 0o077 == 0
    assert "linde" in quartier(other, "site", "dump", "linde")
    assert "0 findings" in quartier(other, "check")


def test_nothing_is_overwritten(home, tmp_path):
    backup = tmp_path / "quartier.backup"
    quartier(home, "backup", backup)
    assert "exists" in quartier(home, "backup", backup, code=2)
    assert "not empty" in quartier(home, "restore", backup, code=2)


def test_a_damaged_backup_restores_nothing(home, tmp_path):
    backup = tmp_path / "quartier.backup"
    quartier(home, "backup", backup)
    data = backup.read_bytes()
    middle = len(data) // 2
    broken = {
        "cut": data[:middle],
        "empty": b"",
        "text": b"not a backup",
        "flipped": data[:middle] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :],
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        other = tmp_path / f"home-{name}"
        message = quartier(other, "restore", tmp_path / name, code=2)
        assert name in message
        assert not list(other.glob("*"))


def test_a_backup_cannot_write_outside(home, tmp_path):
    evil = tmp_path / "evil"
    (tmp_path / "payload").write_text("x")
    with tarfile.open(evil, "w:gz") as archive:
        archive.add(tmp_path / "payload", "../../outside")
    message = quartier(tmp_path / "fresh", "restore", evil, code=2)
    assert "not a whole backup" in message
    assert not (tmp_path / "outside").exists()
