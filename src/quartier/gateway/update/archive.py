"""A version of the gateway as one file: a ZIP with ``VERSION`` and ``lib/``, and its signature.

The signature is Ed25519 (RFC 8032) over the whole file, checked by the program ``openssl`` of the
system before anything in the file is looked at.
"""

import os
import re
import shutil
import stat
import subprocess
import tempfile
import zipfile
from pathlib import Path

from quartier.formats.uplink.software import DAMAGED

MOST_BYTES = 32 << 20
MOST_BYTES_INSIDE = 128 << 20
MOST_FILES = 5_000
VERSION = "VERSION"
LIB = "lib"
VERSION_SHAPE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){1,3}")
_NAME = re.compile(r"lib(/[A-Za-z0-9_][A-Za-z0-9_.+\-]{0,100}){1,12}")
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SIGNATURE_BYTES = 64
_CHECK_S = 60


class BadPackage(ValueError):
    """The file is no version of the gateway, or not of whom it should be; the text says why."""


def verify(archive: Path, signature: bytes, key: Path) -> None:
    """Raises :class:`BadPackage` unless whoever has the private part of ``key`` (PEM) signed
    ``archive``, and ``OSError`` where that cannot be told now."""
    if not key.is_file():
        raise BadPackage("this gateway has no key of releases; install new versions with apt")
    openssl = shutil.which("openssl")
    if openssl is None:
        raise BadPackage("openssl is not installed, so no signature can be checked")
    if len(signature) != _SIGNATURE_BYTES:
        raise BadPackage("the signature does not have 64 bytes")
    with tempfile.NamedTemporaryFile(dir=archive.parent, suffix=".sig") as file:
        file.write(signature)
        file.flush()
        command = [openssl, "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(key)]
        command += ["-in", str(archive), "-sigfile", file.name]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_CHECK_S, check=False)
        except subprocess.TimeoutExpired:
            raise OSError("its signature could not be checked in time") from None
    if done.returncode != 0:
        raise BadPackage("its signature is not that of the releases")


def unpack(archive: Path, folder: Path, version: str) -> None:
    """Put what is in ``archive`` into the new ``folder``, whole and on the disk, or not at all.
    Raises :class:`BadPackage`, and ``OSError`` where there is no room."""
    beside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as file:
            _check(file, version)
            for one in file.infolist():
                _write(beside / one.filename, file.read(one))
    except BadPackage:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    except DAMAGED as problem:
        shutil.rmtree(beside, ignore_errors=True)
        raise BadPackage(f"it is no ZIP file, or a damaged one ({problem})") from None
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)
    _sync(folder.parent)


def _check(file: zipfile.ZipFile, version: str) -> None:
    entries = file.infolist()
    if len(entries) > MOST_FILES:
        raise BadPackage(f"it has more than {MOST_FILES} files")
    if sum(one.file_size for one in entries) > MOST_BYTES_INSIDE:
        raise BadPackage(f"it has more than {MOST_BYTES_INSIDE >> 20} MiB inside")
    names = [one.filename for one in entries]
    if len(set(names)) < len(names):
        raise BadPackage("a file stands in it twice")
    for one in entries:
        kind = stat.S_IFMT(one.external_attr >> 16)
        is_plain = kind in (0, stat.S_IFREG) and one.compress_type in _COMPRESSIONS
        is_named = one.filename == VERSION or _NAME.fullmatch(one.filename)
        if not (is_plain and is_named) or one.flag_bits & 1:
            raise BadPackage(f"{one.filename!r:.100} does not belong into a version")
    if f"{LIB}/quartier/gateway/program.py" not in names:
        raise BadPackage("there is no gateway in it")
    if VERSION not in names or file.getinfo(VERSION).file_size > 100:
        raise BadPackage("it does not say which version it is")
    said = file.read(VERSION).decode("ascii", "replace").strip()
    if said != version:
        raise BadPackage(f"it is version {said!r:.40}, not {version}")


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
