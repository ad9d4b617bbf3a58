"""A computer whose power fails: what a program wrote to files, and what of it a cut leaves.

The program runs under strace, which tells each write and each sync. A cut at any moment leaves of
every file what was synced, and of what was written since any part, in any order. Names of files
are synced at once, as the journal of a file system nearly does.
"""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

CALLS = "pwrite64,pwritev,write,ftruncate,fsync,fdatasync,unlink,rename,link"
_LINE = re.compile(rb"(\w+)\((.*)\) += (-?\d+)(?: .*|<.*)?")
_TEXT, _FILE = rb'"((?:\\x[0-9a-f]{2})*)"', rb"\d+<((?:\\x[0-9a-f]{2})*)>(?:\(deleted\))?"
_WRITE = re.compile(_FILE + b", " + _TEXT + rb", (\d+)(?:, (\d+))?")
_WRITEV = re.compile(_FILE + rb", \[(.*)\], \d+, (\d+)")
_PART = re.compile(rb"iov_base=" + _TEXT)
_PLACE = re.compile(rb"(?:" + _FILE + b"|" + _TEXT + rb")(?:, (\d+))?")
_RENAME = re.compile(_TEXT + b", " + _TEXT)
_WHOLE = ("pg_control",)
"""Files that are written from their beginning each time."""
_SECTOR = 512
TOLD = "told"
"""What the program appends to the file of this name it has told somebody, and cannot take back."""


@dataclass(frozen=True)
class Call:
    """A write (``data`` at ``offset``, at the end where that is negative), a cut to a length
    (``data`` None), a new name, a sync or an end."""

    name: str
    path: Path
    offset: int = 0
    data: bytes | None = None
    to: Path | None = None


def traced(command: Sequence[str], folder: Path, **environment: str) -> list[Call]:
    """Run ``command``; its calls on files in ``folder``, in their order."""
    log = folder.with_name(f"{folder.name}.strace")
    strace = ["strace", "--seccomp-bpf", "-f", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}"]
    done = subprocess.run(
        [*strace, "-o", str(log), *command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    calls = list(_calls(log, folder))
    log.unlink()
    return calls


def _calls(log: Path, folder: Path) -> Iterator[Call]:
    """Those on files below ``folder``; of a call that others interrupt, when it returns."""
    begun: dict[bytes, bytes] = {}
    with log.open("rb") as lines:
        for line in lines:
            who, _, text = line.rstrip().partition(b" ")
            text = text.strip()
            if text.endswith(b"<unfinished ...>"):
                begun[who] = text.removesuffix(b"<unfinished ...>").rstrip()
                continue
            if text.startswith(b"<... "):
                text = begun.pop(who) + text.partition(b" resumed>")[2]
            found = _LINE.fullmatch(text)
            if found and int(found[3]) >= 0:
                call = _call(found[1].decode(), found[2], int(found[3]), folder)
                if call is not None:
                    yield call


def _call(name: str, rest: bytes, result: int, folder: Path) -> Call | None:
    to, offset, data = None, 0, None
    if name in ("write", "pwrite64"):
        found = _WRITE.fullmatch(rest)
        offset = int(found[4]) if found and found[4] else -1
        data = _bytes(found[2]) if found else b""
    elif name == "pwritev":
        found = _WRITEV.fullmatch(rest)
        offset = int(found[3]) if found else 0
        data = b"".join(map(_bytes, _PART.findall(found[2]))) if found else b""
    elif name in ("rename", "link"):
        found = _RENAME.fullmatch(rest)
        to = _below(found[2], folder) if found else None
    else:
        found = _PLACE.fullmatch(rest)
        offset = int(found[3]) if found and found[3] else 0
    if found is None:  # of a pipe or a socket
        return None
    path = _below(found[1] if to else found[1] or found[2], folder)
    if folder not in path.parents:
        return None
    assert data is None or len(data) == result, "all of it was written"
    if path.name in _WHOLE and offset < 0:
        offset = 0
    return Call(name, path, offset, data, to)


def _below(text: bytes, folder: Path) -> Path:
    """A path; one that is relative is so to the folder of a database's files."""
    return folder / "data" / _bytes(text).decode()


def _bytes(text: bytes) -> bytes:
    return bytes.fromhex(text.replace(b"\\x", b"").decode())


@dataclass
class _File:
    synced: bytearray = field(default_factory=bytearray)
    since: list[Call] = field(default_factory=list)

    def sync(self) -> None:
        for call in self.since:
            _apply(self.synced, call)
        self.since = []


def _apply(content: bytearray, call: Call) -> None:
    if call.data is None:
        assert call.name == "ftruncate"
        del content[call.offset :]
        content.extend(bytes(call.offset - len(content)))
        return
    offset = len(content) if call.offset < 0 else call.offset
    content.extend(bytes(max(offset - len(content), 0)))
    content[offset : offset + len(call.data)] = call.data


def _torn(call: Call, draw: random.Random) -> Call:
    """All of a write, or its first sectors."""
    if call.data is None or draw.random() < 0.5:
        return call
    return replace(call, data=call.data[: draw.randint(0, len(call.data) // _SECTOR) * _SECTOR])


class Disk:
    """The files of ``folder`` as they were, and what calls make of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = {
            path: _File(bytearray(path.read_bytes()))
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.name.endswith("-shm")
        }
        self.told: list[str] = []

    def call(self, call: Call) -> None:
        """The program did this."""
        if call.path.name == TOLD:
            assert call.data is not None
            self.told += call.data.decode().split("\n")[:-1]
        elif call.name == "unlink":
            self._files.pop(call.path, None)
        elif call.name == "rename":
            assert call.to is not None
            self._files[call.to] = self._files.pop(call.path, _File())
        elif call.name == "link":  # two names of one file, of which one soon ends
            assert call.to is not None
            self._files[call.to] = self._files.setdefault(call.path, _File())
        elif call.name in ("fsync", "fdatasync"):
            if not call.path.is_dir():  # names are never lost here
                self._files.setdefault(call.path, _File()).sync()
        else:
            self._files.setdefault(call.path, _File()).since.append(call)

    def cut(self, to: Path, draw: random.Random, how: str | None = None) -> None:
        """Write into the folder ``to`` what a power cut now leaves: of what is not synced nothing,
        its beginning, or any of it, in halves of sectors too (``how``, else one of them)."""
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir()
        for folder in sorted(self._folder.rglob("*")):
            if folder.is_dir():
                (to / folder.relative_to(self._folder)).mkdir(folder.stat().st_mode & 0o777)
        how = how or draw.choice(("nothing", "beginning", "any"))
        for path, file in self._files.items():
            if path.name.endswith("-shm"):  # shared memory, made anew
                continue
            left = list(file.since)
            if how == "nothing":
                left = []
            elif how == "beginning":
                del left[draw.randint(0, len(left)) :]
            else:
                left = [_torn(call, draw) for call in left if draw.random() < 0.5]
            content = bytearray(file.synced)
            for call in left:
                _apply(content, call)
            target = to / path.relative_to(self._folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
