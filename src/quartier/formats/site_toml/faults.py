"""What is wrong in a site file: where, what, and the remedy."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_BARE = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
_LONGEST = 500

Path = tuple[str | int, ...]
"""Keys and list indices from the top of the file."""


def path_text(path: Path) -> str:
    """``("meter", 0, "devices", 1, "serial")`` as ``meter[1].devices[2].serial``: people count
    from one."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = part if _BARE.fullmatch(part) else repr(part[:60])
            text += f".{name}" if text else name
    return text


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault; ``line`` and ``column`` from one, ``column`` 0 where it is not known."""

    line: int
    column: int
    path: str
    message: str
    remedy: str = ""
    is_warning: bool = False
    """The file is loaded all the same."""

    def in_file(self, name: str) -> str:
        """``file:line: path: message remedy``."""
        place = f"{name}:{self.line}" + (f":{self.column}" if self.column else "")
        path = f" {self.path}:" if self.path else ""
        return f"{place}:{path} {self.message}" + (f" {self.remedy}" if self.remedy else "")


class Faults:
    """Collects the faults of one file; knows the line of every path."""

    def __init__(self, lines: dict[Path, int]) -> None:
        self._lines = lines
        self._found: list[Fault] = []

    def add(self, path: Path, message: str, remedy: str = "", *, is_warning: bool = False) -> None:
        """A fault at ``path``, or at the nearest table above where the file has no such key."""
        if len(message) > _LONGEST:
            message = message[:_LONGEST] + " [...]"
        self._found.append(
            Fault(self.line_of(path), 0, path_text(path), message, remedy, is_warning)
        )

    def line_of(self, path: Path) -> int:
        """The line of ``path``, or of the nearest table above it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def has_one_at(self, path: Path) -> bool:
        """Whether ``path`` itself has a fault already, so that no other need follow from it."""
        text = path_text(path)
        return any(one.path == text for one in self._found)

    @property
    def has_errors(self) -> bool:
        """Whether anything found keeps the file from being loaded."""
        return any(not one.is_warning for one in self._found)

    @property
    def found(self) -> tuple[Fault, ...]:
        """All faults in the order of their lines, each once."""
        return tuple(sorted(set(self._found)))


def errors(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Those that keep the file from being loaded."""
    return tuple(one for one in faults if not one.is_warning)
