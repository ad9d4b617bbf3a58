"""The folder of printed documents: names, and files that are whole or not there."""

import hashlib
import os
import re
import tempfile
from datetime import date, timedelta
from pathlib import Path

from django.conf import settings

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def folder() -> Path:
    """``documents`` below ``QUARTIER_HOME``; backups take it along."""
    return Path(settings.QUARTIER_HOME) / "documents"


def period_name(from_date: date, to_date: date) -> str:
    """``2026-Q3``, ``2026-07``, ``2026``, or first and last day; ``to_date`` is exclusive."""
    if from_date.day == 1 and to_date.day == 1:
        months = (to_date.year - from_date.year) * 12 + to_date.month - from_date.month
        if months == 1:
            return f"{from_date:%Y-%m}"
        if months == 3 and from_date.month % 3 == 1:
            return f"{from_date.year}-Q{from_date.month // 3 + 1}"
        if months == 12 and from_date.month == 1:
            return f"{from_date.year}"
    return f"{from_date}_{to_date - timedelta(days=1)}"


def file_name(number: str) -> str:
    """A name for the document ``number`` that every file system takes.

    Where characters had to be replaced, a part of the number's hash keeps two names apart.
    """
    plain = _UNSAFE.sub("_", number).lstrip(".")
    if plain != number or not plain:
        plain = f"{plain[:60]}-{hashlib.sha256(number.encode()).hexdigest()[:8]}"
    return f"{plain}.pdf"


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` so that ``path`` is never half written, and synced before it is named."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o640)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
