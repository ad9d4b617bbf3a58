"""The files behind the paths a person names: files, folders, ZIP and tar.gz archives.

Archive members are read in memory and never written by their name, so a hostile name is only a
name. Sizes are bounded by what is really unpacked, not by what the archive claims.
"""

import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MEMBER_LIMIT = 64 * 1024 * 1024
TOTAL_LIMIT = 2 * 1024 * 1024 * 1024
COUNT_LIMIT = 200_000

_ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")
_NOWHERE = "it is a link that leads nowhere; name the file itself"
_ELSEWHERE = "it is a link to a folder elsewhere, which is not followed; name that folder"
_NO_FILE = "it is neither a file nor a folder; save what it gives as a file"
_CHANGED = "it changed while it was read; import it again once it is complete"


class NoSuchPath(Exception):
    """A path does not exist or cannot be read."""


@dataclass(frozen=True)
class Source:
    """One file: its bytes, or why it cannot be read."""

    name: str
    data: bytes = b""
    problem: str = ""


def count(paths: Sequence[Path]) -> int:
    """How many files there are, an archive counted as one; for a progress bar."""
    return sum(len(_files(path)) for path in paths)


def sources(paths: Sequence[Path]) -> Iterator[Source]:
    """Every file, folders with all that is below them, in the order of their names.

    Hidden files are left out; what is there and cannot be read is named. Raises
    :class:`NoSuchPath` before the first file is read.
    """
    found = [one for path in paths for one in _files(path)]
    for file, problem in found:
        if problem:
            yield Source(_shown(file), problem=problem)
        elif file.name.lower().endswith(_ARCHIVES):
            yield from _unpacked(file)
        else:
            yield _read(file)


def _files(path: Path) -> list[tuple[Path, str]]:
    """The files of ``path`` in the order of their names, each with what is wrong with it."""
    try:
        if path.is_dir():
            return sorted(_below(path))
        if not path.exists():
            if path.is_symlink():
                raise NoSuchPath(f"{_shown(path)}: {_NOWHERE}")
            raise NoSuchPath(f"there is no file or folder {_shown(path)}")
        if not path.is_file():
            raise NoSuchPath(f"{_shown(path)}: {_NO_FILE}")
    except OSError as error:
        raise NoSuchPath(f"{_shown(path)} cannot be read: {error.strerror}") from error
    except ValueError:  # a NUL in it
        raise NoSuchPath(f"there is no file or folder {_shown(path)}") from None
    return [(path, "")]


def _below(folder: Path) -> Iterator[tuple[Path, str]]:
    """All files below ``folder``, and what cannot be looked into, each with why. Links to folders
    are not followed, so that no way leads round in a circle."""
    closed: list[OSError] = []
    for place, names, files in os.walk(folder, onerror=closed.append):
        names[:] = [name for name in names if not name.startswith(".")]
        for name in names:
            link = Path(place, name)
            if link.is_symlink() and not link.resolve().is_relative_to(folder.resolve()):
                yield link, _ELSEWHERE
        for name in files:
            file = Path(place, name)
            if not name.startswith("."):
                yield file, "" if file.is_file() else _NO_FILE if file.exists() else _NOWHERE
    for error in closed:
        yield Path(error.filename), f"the folder cannot be read: {error.strerror}"


def _shown(path: Path | str) -> str:
    """A path as text that can be printed and stored, whatever bytes its name has."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(path))


def _read(file: Path) -> Source:
    """A file as it was at one moment, bounded whatever its writer does meanwhile."""
    try:
        # What has become a pipe since it was found would be waited for, perhaps forever.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            before = os.fstat(stream.fileno())
            if not stat.S_ISREG(before.st_mode):
                return Source(_shown(file), problem=_NO_FILE)
            data = stream.read(MEMBER_LIMIT + 1)
            after = os.fstat(stream.fileno())
    except OSError as error:
        return Source(_shown(file), problem=f"it cannot be read: {error.strerror}")
    if len(data) > MEMBER_LIMIT:
        return Source(_shown(file), problem=_too_large())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        return Source(_shown(file), problem=_CHANGED)
    return Source(_shown(file), data)


def _too_large() -> str:
    return f"it is larger than {MEMBER_LIMIT // 2**20} MiB"


def _unpacked(file: Path) -> Iterator[Source]:
    """The members of an archive; what is wrong with it comes as a source too."""
    members = _zip_members if file.name.lower().endswith(".zip") else _tar_members
    total = number = 0
    try:
        for source in members(file):
            number += 1
            total += len(source.data)
            if number > COUNT_LIMIT or total > TOTAL_LIMIT:
                yield Source(
                    _shown(file),
                    problem=f"it holds more than {COUNT_LIMIT} files or "
                    f"{TOTAL_LIMIT // 2**30} GiB; the rest was not read. Split it",
                )
                return
            yield source
    except tarfile.ReadError:
        yield Source(_shown(file), problem="it is not a tar archive, or a damaged one")
        return
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        OSError,
        ValueError,
        OverflowError,
    ) as error:
        yield Source(_shown(file), problem=f"it cannot be unpacked: {error}")
        return
    if number == 0:
        yield Source(_shown(file), problem="it is an archive without files")


def _zip_members(file: Path) -> Iterator[Source]:
    with zipfile.ZipFile(file) as archive:
        for member in sorted(archive.infolist(), key=lambda info: info.filename):
            if member.is_dir() or _is_junk(member.filename):
                continue
            name = _shown(f"{file}:{member.filename}")
            if member.filename.lower().endswith(_ARCHIVES):
                yield Source(name, problem="it is an archive in an archive; unpack it first")
                continue
            if member.flag_bits & 0x1:
                yield Source(name, problem="it is encrypted; unpack it first")
                continue
            try:
                with archive.open(member) as stream:
                    data = stream.read(MEMBER_LIMIT + 1)
            except (
                zipfile.BadZipFile,
                zlib.error,
                lzma.LZMAError,
                EOFError,
                OSError,
                NotImplementedError,
            ) as error:
                yield Source(name, problem=f"it cannot be unpacked: {error}")
                continue
            yield _member(name, data)


def _tar_members(file: Path) -> Iterator[Source]:
    with tarfile.open(file, "r:*") as archive:
        for member in archive:
            if not member.isfile() or _is_junk(member.name):
                continue
            name = _shown(f"{file}:{member.name}")
            if member.name.lower().endswith(_ARCHIVES):
                yield Source(name, problem="it is an archive in an archive; unpack it first")
                continue
            stream = archive.extractfile(member)
            assert stream is not None, "a regular member can be read"
            yield _member(name, stream.read(MEMBER_LIMIT + 1))


def _member(name: str, data: bytes) -> Source:
    if len(data) > MEMBER_LIMIT:
        return Source(name, problem=_too_large())
    return Source(name, data)


def _is_junk(name: str) -> bool:
    parts = name.split("/")
    return parts[0] == "__MACOSX" or any(
        part.startswith(".") and part not in (".", "..") for part in parts
    )
