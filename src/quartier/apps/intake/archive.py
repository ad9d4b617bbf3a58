"""The archive of received files: ``QUARTIER_HOME/files/<first two digits>/<sha256>.gz``.

A file is compressed, written beside its place, synced and moved there, and its folder synced,
before any row of the database mentions it.
"""

import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from django.conf import settings

_THREADS = 8


class ArchiveDamaged(Exception):
    """A file of the archive is gone or is not what it was."""


def sha256_of(data: bytes) -> str:
    """The hexadecimal SHA-256 of ``data``."""
    return hashlib.sha256(data).hexdigest()


def path_of(sha256: str) -> Path:
    """Where the file with that hash is kept."""
    return Path(settings.QUARTIER_HOME) / "files" / sha256[:2] / f"{sha256}.gz"


def keep(files: Sequence[bytes]) -> None:
    """Archive ``files`` durably; what is there already is left alone.

    They are synced in parallel, which a disk does in little more than the time of one.
    """
    new = {sha256_of(data): data for data in files}
    missing = {sha256: data for sha256, data in new.items() if not path_of(sha256).exists()}
    folders = {path_of(sha256).parent for sha256 in missing}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(_write, missing.keys(), missing.values()))
        list(pool.map(_sync_folder, folders))


def _write(sha256: str, data: bytes) -> None:
    path = path_of(sha256)
    handle, name = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(gzip.compress(data, 6, mtime=0))
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
