"""Static files with their content's hash in the URL, so that a browser may keep them for good."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


@cache
def version_of(name: str) -> str:
    """The first digits of the SHA-256 of the static file ``name``; "" if there is none."""
    path = finders.find(name)
    if not isinstance(path, str):
        return ""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10]


class VersionedStorage(StaticFilesStorage):
    """Appends ``?v=`` and the content's hash; needs no build step and no copied files."""

    def url(self, name: str | None, *args: Any, **more: Any) -> str:
        plain = super().url(name, *args, **more)
        version = version_of(name or "")
        return f"{plain}?v={version}" if version else plain
