"""Puts badges and keys together, and leaves out a badge that is only held longer.

Only arithmetic: what time it is, is an argument, in seconds of a monotonic clock.
"""

from dataclasses import dataclass

MOST_KEYS = 8
_CLEAR, _END = "*", "#"


@dataclass
class Assembler:
    """Of one reader. ``keys``: none belong to a badge, or those before it, or those after it."""

    keys: str
    keys_s: float
    repeat_s: float
    _typed: str = ""
    _typed_s: float = 0.0
    _pending: str = ""
    _last: str = ""
    _last_s: float = 0.0

    @property
    def deadline_s(self) -> float | None:
        """Until when a badge waits for its keys; None where none does."""
        return self._typed_s + self.keys_s if self._pending else None

    def card(self, number: str, keys: str, now_s: float) -> list[tuple[str, str]]:
        """A badge, perhaps with keys that came with it; gives what is complete now: numbers, each
        with its keys."""
        done = self.tick(now_s)
        is_held = number == self._last and now_s - self._last_s < self.repeat_s
        self._last, self._last_s = number, now_s
        if is_held:
            return done
        done += self._flush()
        if keys or self.keys != "after":
            before = self._typed if self.keys == "before" and self._is_fresh(now_s) else ""
            self._typed = ""
            return [*done, (number, _digits(before + keys))]
        self._pending, self._typed, self._typed_s = number, "", now_s
        return done

    def key(self, keys: str, now_s: float) -> list[tuple[str, str]]:
        """Keys that were pressed; what is complete now."""
        done = self.tick(now_s)
        if self.keys == "none" or (self.keys == "after" and not self._pending):
            return done
        if not self._is_fresh(now_s):
            self._typed = ""
        for one in keys:
            self._typed_s = now_s
            if one == _CLEAR:
                self._typed = ""
            elif one == _END and self.keys == "after":
                return [*done, *self._flush()]
            elif one != _END:
                self._typed = (self._typed + one)[:MOST_KEYS]
        return done

    def tick(self, now_s: float) -> list[tuple[str, str]]:
        """What is complete because nothing more came in time."""
        if self.deadline_s is None or now_s < self.deadline_s:
            return []
        return self._flush()

    def _flush(self) -> list[tuple[str, str]]:
        if not self._pending:
            return []
        done = [(self._pending, self._typed)]
        self._pending = self._typed = ""
        return done

    def _is_fresh(self, now_s: float) -> bool:
        return now_s - self._typed_s < self.keys_s


def _digits(keys: str) -> str:
    return "".join(one for one in keys if one.isdecimal())[:MOST_KEYS]
