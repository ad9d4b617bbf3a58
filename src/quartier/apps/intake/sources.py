"""The files behind the paths a person names: files, folders, ZIP and tar.gz archives.

Archive members are read in memory and never written by their name, so a hostile name is only a
name. Sizes are bounded by what is really unpacked, not by what the archive claims.
"""

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

    Hidden files are left out. Raises :class:`NoSuchPath` before the first file is read.
    """
    found = [file for path in paths for file in _files(path)]
    for file in found:
        if file.name.lower().endswith(_ARCHIVES):
            yield from _unpacked(file)
        else:
            yield _read(file)


def _files(path: Path) -> list[Path]:
    try:
        if path.is_dir():
            return sorted(
                file
                for file in path.rglob("*")
                if file.is_file()
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
            )
        if not path.is_file():
            raise NoSuchPath(f"there is no file or folder {path}")
    except OSError as error:
        raise NoSuchPath(f"{path} cannot be read: {error.strerror}") from error
    return [path]


def _read(file: Path) -> Source:
    try:
        if file.stat().st_size > MEMBER_LIMIT:
            return Source(str(file), problem=_too_large())
        return Source(str(file), file.read_bytes())
    except OSError as error:
        return Source(str(file), problem=f"it cannot be read: {error.strerror}")


def _too_large() -> str:
    return f"it is larger than {MEMBER_LIMIT // 2**20} MiB"


def _unpacked(file: Path) -> Iterator[Source]:
    members = _zip_members if file.name.lower().endswith(".zip") else _tar_members
    total = number = 0
    try:
        for source in members(file):
            number += 1
            total += len(source.data)
            if number > COUNT_LIMIT or total > TOTAL_LIMIT:
                yield Source(
                    str(file),
                    problem=f"it holds more than {COUNT_LIMIT} files or "
                    f"{TOTAL_LIMIT // 2**30} GiB; the rest was not read. Split it",
                )
                return
            yield source
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError) as error:
        yield Source(str(file), problem=f"it cannot be unpacked: {error}")
        return
    if number == 0:
        yield Source(str(file), problem="it is an archive without files")


def _zip_members(file: Path) -> Iterator[Source]:
    with zipfile.ZipFile(file) as archive:
        for member in sorted(archive.infolist(), key=lambda info: info.filename):
            if member.is_dir() or _is_junk(member.filename):
                continue
            name = f"{file}:{member.filename}"
            if member.filename.lower().endswith(_ARCHIVES):
                yield Source(name, problem="it is an archive in an archive; unpack it first")
                continue
            if member.flag_bits & 0x1:
                yield Source(name, problem="it is encrypted; unpack it first")
                continue
            try:
                with archive.open(member) as stream:
                    data = stream.read(MEMBER_LIMIT + 1)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
                yield Source(name, problem=f"it cannot be unpacked: {error}")
                continue
            yield _member(name, data)


def _tar_members(file: Path) -> Iterator[Source]:
    with tarfile.open(file, "r:*") as archive:
        for member in archive:
            if not member.isfile() or _is_junk(member.name):
                continue
            name = f"{file}:{member.name}"
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
