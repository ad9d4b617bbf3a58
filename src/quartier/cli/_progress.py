"""A progress bar on stderr, for work of more than a second before a person."""

import sys
import time
from types import TracebackType
from typing import Self, TextIO

_WIDTH = 30


class Progress:
    """Counts steps of ``total`` and shows a bar once a second has passed, on a terminal only.

    ::

        with Progress(total, "reading") as progress:
            for chunk in chunks:
                ...
                progress.advance(len(chunk))
    """

    def __init__(self, total: int, label: str, stream: TextIO | None = None) -> None:
        self.total = max(total, 1)
        self.label = label
        self.done = 0
        self._stream = stream or sys.stderr
        self._is_terminal = self._stream.isatty()
        self._started = self._drawn = time.monotonic()
        self._is_shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self._is_shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def advance(self, steps: int = 1) -> None:
        """``steps`` more are done."""
        self.done += steps
        now = time.monotonic()
        if not self._is_terminal or now - self._started < 1 or now - self._drawn < 0.1:
            return
        self._drawn = now
        self._is_shown = True
        share = min(self.done / self.total, 1)
        full = int(share * _WIDTH)
        left = (now - self._started) * (1 - share) / share if share else 0
        bar = "█" * full + "·" * (_WIDTH - full)
        self._stream.write(f"\r\x1b[K{self.label} {bar} {share:4.0%}, {left:.0f} s left")
        self._stream.flush()
