"""A computer whose power fails: what a program wrote to files, and what of it a cut leaves.

The program runs under strace, which tells each write and each sync. A cut at any moment leaves of
every file what was synced, and of what was written since any part, in any order.
"""

import random
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CALLS = "pwrite64,write,ftruncate,fsync,fdatasync,unlink"
_CALL = re.compile(rb'(\w+)\((?:\d+<|")((?:\\x[0-9a-f]{2})*)[>"](?:, (.*))?\) += (-?\d+)(?: .*)?')
_DATA = re.compile(rb'"((?:\\x[0-9a-f]{2})*)", (\d+)(?:, (\d+))?')
TOLD = "told"
"""What the program appends to the file of this name it has told somebody, and cannot take back."""


@dataclass(frozen=True)
class Call:
    """A write (``data`` at ``offset``), a cut to a length (``data`` None), a sync or an end."""

    name: str
    path: Path
    offset: int = 0
    data: bytes | None = None


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
    with log.open("rb") as lines:
        for line in lines:
            found = _CALL.fullmatch(line.rstrip().partition(b" ")[2].strip())
            if not found:
                assert b"unfinished" not in line or str(folder).encode() not in line, line[:200]
                continue
            name, path_text, rest, result = found.groups()
            path = Path(_bytes(path_text).decode())
            if folder not in path.parents or int(result) < 0:
                continue
            yield _call(name.decode(), path, rest or b"", int(result))


def _call(name: str, path: Path, rest: bytes, result: int) -> Call:
    if name in ("write", "pwrite64"):
        found = _DATA.fullmatch(rest)
        assert found, rest[:100]
        data = _bytes(found[1])
        assert len(data) == result, "all of it was written"
        return Call(name, path, int(found[3]) if found[3] else -1, data)
    return Call(name, path, int(rest) if name == "ftruncate" else 0)


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
        del content[call.offset :]
        content.extend(bytes(call.offset - len(content)))
        return
    offset = len(content) if call.offset < 0 else call.offset
    content.extend(bytes(max(offset - len(content), 0)))
    content[offset : offset + len(call.data)] = call.data


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
        elif call.name in ("fsync", "fdatasync"):
            self._files.setdefault(call.path, _File()).sync()
        else:
            self._files.setdefault(call.path, _File()).since.append(call)

    def cut(self, to: Path, draw: random.Random) -> None:
        """Write into the folder ``to`` what a power cut now leaves: of what is not synced nothing,
        its beginning, or any of it."""
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir()
        how = draw.choice(("nothing", "beginning", "any"))
        for path, file in self._files.items():
            if path.name.endswith("-shm"):  # shared memory, made anew
                continue
            left = list(file.since)
            if how == "nothing":
                left = []
            elif how == "beginning":
                del left[draw.randint(0, len(left)) :]
            else:
                left = [call for call in left if draw.random() < 0.5]
            content = bytearray(file.synced)
            for call in left:
                _apply(content, call)
            target = to / path.relative_to(self._folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
