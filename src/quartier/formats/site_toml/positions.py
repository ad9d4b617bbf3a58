"""The line of every key of a TOML text. ``tomllib`` reads values and forgets where they stood.

Works on text that ``tomllib`` has accepted, so it need not find errors, only its way.
"""

import re
from bisect import bisect_right

from quartier.formats.site_toml.faults import Path

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_LETTERS = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}


def lines_of(text: str) -> dict[Path, int]:
    """Path of every table, key and list item to its line, from one."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[Path, int] = {(): 1}
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._last: dict[Path, int] = {}
        """Path of an array of tables to the index of its last one."""

    def document(self) -> None:
        table: Path = ()
        while True:
            self._skip(_BLANK)
            if self.at >= len(self.text):
                return
            if self._take("[["):
                table = self._next_of(self._keys())
                self._take("]]")
            elif self._take("["):
                table = self._resolved(self._keys())
                self.lines.setdefault(table, self._line())
                self._take("]")
            else:
                self._pair(table)

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.lines.setdefault(path, line)
        self._skip(_SPACE)
        self._take("=")
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        first = self.text[self.at]
        if first in "\"'":
            self._string()
        elif self._take("["):
            self._list(path)
        elif self._take("{"):
            self._inline_table(path)
        else:
            self._skip(_SCALAR)

    def _list(self, path: Path) -> None:
        index = 0
        while True:
            self._skip(_BLANK)
            if self._take("]"):
                return
            self.lines[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1
            self._skip(_BLANK)
            self._take(",")

    def _inline_table(self, path: Path) -> None:
        while True:
            self._skip(_BLANK)
            if self._take("}"):
                return
            self._pair(path)
            self._skip(_BLANK)
            self._take(",")

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACE)
            if self.text[self.at] in "\"'":
                keys.append(self._string())
            else:
                match = _BARE.match(self.text, self.at)
                assert match is not None, "tomllib accepted a key here"
                keys.append(match.group())
                self.at = match.end()
            self._skip(_SPACE)
            if not self._take("."):
                return keys

    def _string(self) -> str:
        quote = self.text[self.at]
        if self.text.startswith(quote * 3, self.at):
            self.at += 3
            self._seek(quote * 3, escapes=quote == '"')
            self.at += 3
            while self.text.startswith(quote, self.at):  # up to two more belong to the text
                self.at += 1
            return ""  # no key is a text of several lines
        self.at += 1
        start = self.at
        self._seek(quote, escapes=quote == '"')
        raw = self.text[start : self.at]
        self.at += 1
        return _ESCAPE.sub(_unescaped, raw) if quote == '"' else raw

    def _seek(self, end: str, *, escapes: bool) -> None:
        while not self.text.startswith(end, self.at):
            self.at += 2 if escapes and self.text[self.at] == "\\" else 1

    def _resolved(self, keys: list[str]) -> Path:
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._last:
                path = (*path, self._last[path])
        return path

    def _next_of(self, keys: list[str]) -> Path:
        array = (*self._resolved(keys[:-1]), keys[-1])
        self._last[array] = self._last.get(array, -1) + 1
        self.lines.setdefault(array, self._line())
        table = (*array, self._last[array])
        self.lines[table] = self._line()
        return table

    def _take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        assert match is not None, "the pattern matches the empty text"
        self.at = match.end()

    def _line(self) -> int:
        return bisect_right(self._ends, self.at - 1) + 1


def _unescaped(match: re.Match[str]) -> str:
    code = match.group(1)
    if code[0] in "uU":
        return chr(int(code[1:], 16))
    return _LETTERS.get(code, code)
