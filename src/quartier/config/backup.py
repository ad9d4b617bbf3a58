"""A backup: one compressed tar file with the database, the files, and a manifest with hashes.

SQLite is copied by its own online backup, PostgreSQL by ``pg_dump``; both see one moment. The
files are written once and never changed, so those the database knows are all there: they are
copied after it.
"""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quartier.config import env

FORMAT = 1
FOLDERS = ("files", "documents")
"""Folders below QUARTIER_HOME that belong to the data."""
SINGLE_FILES = ("secret_key",)


class CannotBackUp(Exception):
    """The backup cannot be written or read."""


def write_backup(path: Path) -> tuple[int, int]:
    """Writes the backup ``path``; returns its size in bytes and how many files it holds."""
    home = env.home()
    database = env.database(home)
    with tempfile.TemporaryDirectory(dir=path.resolve().parent, prefix=".backup") as folder:
        dump = Path(folder) / "database"
        engine = _dump(database, dump)
        partial = Path(folder) / "partial"
        hashes: dict[str, str] = {}
        with tarfile.open(partial, "w:gz", compresslevel=6) as archive:
            for name, source in [("database", dump), *_files(home)]:
                hashes[name] = _sha256(source)
                archive.add(source, name, recursive=False)
            manifest = {"format": FORMAT, "engine": engine, "sha256": hashes}
            _add_text(archive, "manifest.json", json.dumps(manifest, indent=1))
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    return path.stat().st_size, len(hashes) - 1


def read_backup(path: Path) -> int:
    """Restores ``path`` into an empty home; returns how many files it held.

    Everything is unpacked and its hashes compared before anything is put in place.
    """
    home = env.home()
    database = env.database(home)
    _refuse_unless_empty(home, database)
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".restore") as name:
        folder = Path(name)
        try:
            with tarfile.open(path, "r:gz") as archive:
                archive.extractall(folder, filter="data")
            manifest = json.loads((folder / "manifest.json").read_text())
        except (OSError, EOFError, tarfile.TarError, ValueError) as error:
            raise CannotBackUp(f"{path} is not a whole backup: {error}") from error
        if manifest.get("format") != FORMAT:
            raise CannotBackUp(f"{path} has format {manifest.get('format')}; this reads {FORMAT}")
        for name, sha256 in manifest["sha256"].items():
            if not (folder / name).is_file() or _sha256(folder / name) != sha256:
                raise CannotBackUp(f"{path} is damaged: {name} is not what was backed up")
        _load(database, folder / "database", manifest["engine"])
        for name in manifest["sha256"]:
            if name != "database":
                target = home / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(folder / name, target)
    return len(manifest["sha256"]) - 1


def _files(home: Path) -> Iterator[tuple[str, Path]]:
    for name in SINGLE_FILES:
        if (home / name).is_file():
            yield name, home / name
    for folder in FOLDERS:
        for path in sorted((home / folder).rglob("*")):
            if path.is_file():
                yield str(path.relative_to(home)), path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add_text(archive: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(text.encode())
    archive.addfile(entry, io.BytesIO(text.encode()))


def _dump(database: dict[str, Any], target: Path) -> str:
    if database["ENGINE"].endswith("sqlite3"):
        if not Path(database["NAME"]).is_file():
            raise CannotBackUp(f"there is no database at {database['NAME']}; check QUARTIER_HOME")
        source, copy = sqlite3.connect(database["NAME"]), sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            source.close()
            copy.close()
        return "sqlite"
    # Row-level security lets a connection without a user see all (apps/access/rows.py).
    _run(database, ["pg_dump", "--format=custom", f"--file={target}", "--no-owner",
                    "--enable-row-security"])  # fmt: skip
    return "postgresql"


def _load(database: dict[str, Any], dump: Path, engine: str) -> None:
    is_sqlite = database["ENGINE"].endswith("sqlite3")
    if is_sqlite != (engine == "sqlite"):
        raise CannotBackUp(f"the backup is of {engine}; set DATABASE_URL to such a database")
    if is_sqlite:
        shutil.move(dump, database["NAME"])
    else:
        _run(database, ["pg_restore", "--no-owner", "--exit-on-error", "--single-transaction",
                        f"--dbname={database['NAME']}", str(dump)])  # fmt: skip


def _run(database: dict[str, Any], command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        raise CannotBackUp(f"{command[0]} is not installed; Debian has it in postgresql-client")
    names = {"NAME": "PGDATABASE", "USER": "PGUSER", "PASSWORD": "PGPASSWORD",
             "HOST": "PGHOST", "PORT": "PGPORT"}  # fmt: skip
    settings = {names[key]: str(database[key]) for key in names if database.get(key)}
    done = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotBackUp(f"{command[0]} failed: {done.stderr.strip()[-500:]}")


def _refuse_unless_empty(home: Path, database: dict[str, Any]) -> None:
    there = [name for name in (*FOLDERS, *SINGLE_FILES) if (home / name).exists()]
    if database["ENGINE"].endswith("sqlite3") and Path(database["NAME"]).exists():
        there.append(Path(database["NAME"]).name)
    if there:
        raise CannotBackUp(
            f"{home} is not empty (it has {', '.join(there)}); restore into a new QUARTIER_HOME"
        )
