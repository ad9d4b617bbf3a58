"""Read the tables of a page and the comments that say how to check them."""

import re
from dataclasses import dataclass
from pathlib import Path

_MARKER = re.compile(r"<!--\s*check:\s*([A-Za-z]\w*)\s*-->")
_RULE = re.compile(r"\|(\s*:?-+:?\s*\|)+")


class BadTable(Exception):
    """The table cannot be executed; says where."""


@dataclass(frozen=True)
class Table:
    """One table: the name of its check, and a dict and a line number for each row."""

    check: str
    line: int
    rows: tuple[tuple[int, dict[str, str]], ...]


def _cells(text: str) -> list[str]:
    parts = re.split(r"(?<!\\)\|", text.strip().removeprefix("|").removesuffix("|"))
    cells = (part.strip().replace("\\|", "|") for part in parts)
    return [c[1:-1] if c.count("`") == 2 and c[0] == c[-1] == "`" else c for c in cells]


def tables_of(path: Path) -> list[Table]:
    """The tables of the page; raises BadTable for one that nothing executes."""
    found: list[Table] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    is_fenced = False
    marker: tuple[str, int] | None = None
    number = 0
    while number < len(lines):
        text = lines[number].strip()
        number += 1
        where = f"{path.name}:{number}"
        if text.startswith("```"):
            is_fenced = not is_fenced
        if is_fenced or not text:
            continue
        if match := _MARKER.fullmatch(text):
            if marker:
                raise BadTable(f"{path.name}:{marker[1]}: no table follows the comment")
            marker = (match[1], number)
        elif text.startswith("|"):
            if marker is None:
                raise BadTable(f"{where}: no comment '<!-- check: NAME -->' above the table")
            table, number = _table(path.name, lines, number, marker[0])
            found.append(table)
            marker = None
        elif marker:
            raise BadTable(f"{path.name}:{marker[1]}: no table follows the comment")
    if marker:
        raise BadTable(f"{path.name}:{marker[1]}: no table follows the comment")
    return found


def _table(page: str, lines: list[str], first: int, check: str) -> tuple[Table, int]:
    header = _cells(lines[first - 1])
    if first >= len(lines) or not _RULE.fullmatch(lines[first].strip()):
        raise BadTable(f"{page}:{first}: the table has no line of dashes under its header")
    if len(set(header)) != len(header):
        raise BadTable(f"{page}:{first}: two columns have the same header")
    number = first + 1
    rows: list[tuple[int, dict[str, str]]] = []
    while number < len(lines) and lines[number].strip().startswith("|"):
        cells = _cells(lines[number])
        number += 1
        if len(cells) != len(header):
            raise BadTable(f"{page}:{number}: {len(cells)} cells under {len(header)} headers")
        rows.append((number, dict(zip(header, cells, strict=True))))
    if not rows:
        raise BadTable(f"{page}:{first}: the table has no rows")
    return Table(check, first, tuple(rows)), number
