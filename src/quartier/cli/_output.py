"""A file that is either written whole or not at all."""

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from quartier.cli._errors import UserError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def whole_file(path: Path, *, newline: str = "", errors: str = "strict") -> Iterator[TextIO]:
    """A text file that takes the place of ``path`` when the block ends without an error.

    Until then the text is in a temporary file of the same folder, which is removed if anything
    goes wrong. Raises :class:`UserError` where the file cannot be made. A path that is not a
    regular file (``/dev/stdout``, a named pipe) is written directly: it cannot be replaced.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file")
    try:
        if path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8", newline=newline, errors=errors) as stream:
                yield stream
        else:
            with (
                _beside(path) as temporary,
                temporary.open("w", encoding="utf-8", newline=newline, errors=errors) as stream,
            ):
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
    except OSError as error:
        if error.errno in _FULL:  # others may come from what the block reads
            raise UserError(f"cannot write {path}: {error.strerror}; make room first") from error
        raise


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A temporary file in the folder of ``path``, which takes its place at the end."""
    target = path.resolve()  # a symbolic link stays one
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:64]}.", dir=target.parent)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
