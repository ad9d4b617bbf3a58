"""Frames of real meters (``frames/libmbus.txt``, NOTICE.md), with what is expected of them."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Capture:
    """One telegram; rows as they stand in the file."""

    name: str
    frame: bytes = b""
    device: tuple[str, ...] = ()
    records: list[tuple[str, ...]] = field(default_factory=list)
    rest: tuple[str, ...] = ()


def _captures() -> dict[str, Capture]:
    found: dict[str, Capture] = {}
    text = (Path(__file__).parent / "frames/libmbus.txt").read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("["):
            current = found[line[1:-1]] = Capture(line[1:-1])
            continue
        kind, _, rest = line.partition(" ")
        cells = tuple(rest.split(" | "))
        if kind == "hex":
            current.frame += bytes.fromhex(rest)
        elif kind == "device":
            current.device = cells
        elif kind == "record":
            current.records.append(cells)
        elif kind == "rest":
            current.rest = cells
        else:
            assert not line, line
    return found


CAPTURES = _captures()
