"""The archive of received files: ``QUARTIER_HOME/files/<first two digits>/<sha256>.gz``.

A file is compressed, written beside its place, synced and moved there, and its folder synced,
before any row of the database mentions it.
"""

import gzip
import hashlib
import os
import tempfile
import zlib
from pathlib import Path

from django.conf import settings


class ArchiveDamaged(Exception):
    """A file of the archive is gone or is not what it was."""


def sha256_of(data: bytes) -> str:
    """The hexadecimal SHA-256 of ``data``."""
    return hashlib.sha256(data).hexdigest()


def path_of(sha256: str) -> Path:
    """Where the file with that hash is kept."""
    return Path(settings.QUARTIER_HOME) / "files" / sha256[:2] / f"{sha256}.gz"


def keep(data: bytes) -> str:
    """Archive ``data`` durably and return its hash; a file that is there already is left alone."""
    sha256 = sha256_of(data)
    path = path_of(sha256)
    if path.exists():
        return sha256
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(gzip.compress(data, 6, mtime=0))
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return sha256


def fetch(sha256: str) -> bytes:
    """The archived file; raises :class:`ArchiveDamaged`."""
    path = path_of(sha256)
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveDamaged(f"{path} cannot be read: {error}; restore it from a backup") from error
    if sha256_of(data) != sha256:
        raise ArchiveDamaged(f"{path} is not what was archived; restore it from a backup")
    return data
