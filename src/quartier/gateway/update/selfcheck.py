"""What a new version does before it may run: it looks at the disk, and changes nothing."""

import importlib
import sqlite3
import sys
from pathlib import Path

from quartier.drivers.catalog import families
from quartier.gateway.home import BUFFER, Home


def check(folder: str) -> int:
    """0 where this version can read the pairing, the configuration, the drivers and the buffer in
    ``folder``; else 1 and a sentence on the standard error."""
    home = Home(Path(folder))
    pairing = home.pairing()
    try:
        importlib.import_module("quartier.gateway.program")  # with all that it needs
        families()
        if pairing is not None:
            home.configuration(pairing)
        _look(home.folder / BUFFER)
    except (ImportError, ValueError, LookupError, sqlite3.Error) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    if home.findings:
        sys.stderr.write(f"{home.findings[0].message}\n")
        return 1
    return 0


def _look(path: Path) -> None:
    """Raises ``sqlite3.Error``."""
    if not path.exists():
        return
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        connection.execute("SELECT count(*), min(at_ms) FROM measurement").fetchone()
        connection.execute("SELECT count(*) FROM source").fetchone()
    finally:
        connection.close()
