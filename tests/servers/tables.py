"""Databases with all tables and no rows of anybody, made once for a set of migrations and copied.

To migrate an empty database costs some five seconds of computing; a run needs one for each worker
and for every home of its own. What is kept lies beside pytest's own cache, under a name that
changes with the migrations; the run of ``migrate`` that Django makes before the first test brings
a copy up to date where it is not.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tests.servers.postgresql import Postgresql

KEPT = Path(__file__).resolve().parents[2] / ".pytest_cache" / "tables"
MIGRATE = "from quartier.config import start; start.django()"
PACKAGES = ("django", "django-allauth", "django-tasks-db")
GUARDS = ("audit/guards.py", "access/rows.py", "access/table.py")
TEMPLATE = "tables"
"""The name of the database on a PostgreSQL, for ``CREATE DATABASE ... TEMPLATE``."""


def key() -> str:
    """What the tables depend on, as 16 hexadecimal digits."""
    specification = find_spec("quartier")
    assert specification
    assert specification.origin
    apps = Path(specification.origin).parent / "apps"
    digest = hashlib.sha256(sys.version.encode())
    for package in PACKAGES:
        digest.update(f"{package} {version(package)}\n".encode())
    for path in sorted([*apps.glob("*/migrations/*.py"), *(apps / name for name in GUARDS)]):
        digest.update(f"{path.relative_to(apps)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def sqlite() -> Path:
    """The file of an SQLite database with all tables; copy it, never open it."""
    kept = KEPT / f"{key()}.sqlite3"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=_folder(".sqlite3")) as home:
            _migrate(home)
            # The last connection has closed: nothing is left in the log that runs ahead.
            assert not Path(home, "quartier.sqlite3-wal").exists()
            Path(home, "quartier.sqlite3").replace(kept)
    return kept


def copy_to(home: Path) -> Path:
    """A home whose embedded database has all its tables."""
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(sqlite(), home / "quartier.sqlite3")
    return home


def postgresql(server: Postgresql) -> None:
    """Give a server the database TEMPLATE, with all tables."""
    url = server.create(TEMPLATE)
    kept = KEPT / f"{key()}.{server.version()}.sql"
    if kept.exists():
        server.load(TEMPLATE, kept)
        return
    with tempfile.TemporaryDirectory(dir=_folder(".sql")) as home:
        _migrate(home, url)
        Path(home, "dump.sql").write_bytes(server.dump(TEMPLATE))
        Path(home, "dump.sql").replace(kept)


def _folder(suffix: str) -> Path:
    """The folder of what is kept, without what older migrations left there."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for old in KEPT.glob(f"*{suffix}"):
        if not old.name.startswith(key()):  # another process may just have made the same
            old.unlink(missing_ok=True)
    return KEPT


def _migrate(home: str, url: str = "") -> None:
    # The names that pytest-django sets belong to the run, not to this.
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("QUARTIER_", "DJANGO_", "DATABASE_URL"))
    }
    environment = kept | {"QUARTIER_HOME": home} | ({"DATABASE_URL": url} if url else {})
    done = subprocess.run(
        [sys.executable, "-c", MIGRATE], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
