"""Uploaded files wait on the disk between preview and import: ``QUARTIER_HOME/uploads``.

A folder has a random name that only the uploader's session knows, and is gone after a day.
"""

import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

LIMIT_BYTES = 256 * 1024 * 1024
KEPT_SECONDS = 24 * 3600
_TOKEN = re.compile(r"[0-9a-f]{32}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._ -]")


class TooMuch(ValueError):
    """The files together are larger than what a browser may send."""


def _root() -> Path:
    return Path(settings.QUARTIER_HOME) / "uploads"


def keep(files: Iterable["UploadedFile[Any]"], now: float) -> str:
    """Keep ``files`` and return their token. Raises :class:`TooMuch`; ``now`` is seconds since
    1970, to clear what was left behind."""
    _clear(now)
    token = secrets.token_hex(16)
    folder = _root() / token
    folder.mkdir(parents=True, mode=0o700)
    size = 0
    for number, file in enumerate(files):
        size += file.size or 0
        if size > LIMIT_BYTES:
            shutil.rmtree(folder)
            raise TooMuch(f"more than {LIMIT_BYTES // 1024**2} MiB")
        place = folder / f"{number:04}"
        place.mkdir()
        with (place / safe_name(file.name or "file")).open("wb") as out:
            for chunk in file.chunks():
                out.write(chunk)
    return token


def safe_name(name: str) -> str:
    """``name`` without folders and without what is not plain; never hidden, never empty."""
    plain = _UNSAFE.sub("_", Path(name.replace("\\", "/")).name).lstrip(". ")
    return plain[-120:] or "file"


def paths(token: str) -> list[Path]:
    """The files kept under ``token``, in the order they came; none if it is unknown."""
    if not _TOKEN.fullmatch(token):
        return []
    return sorted((_root() / token).glob("*/*"))


def drop(token: str) -> None:
    """Forget the files."""
    if _TOKEN.fullmatch(token):
        shutil.rmtree(_root() / token, ignore_errors=True)


def _clear(now: float) -> None:
    for folder in _root().glob("*"):
        try:
            is_old = folder.stat().st_mtime < now - KEPT_SECONDS
        except FileNotFoundError:  # somebody else cleared it
            continue
        if is_old:
            shutil.rmtree(folder, ignore_errors=True)
