"""Which version runs: that of the system's package, or one below ``versions/`` of the gateway's
folder. A new one is on trial until it has confirmed itself; one that does not is given up.

The launcher asks :meth:`Slots.choose` before each start, from the system's package, so a version
that does not even start is left behind too. All that is known is one small file, replaced whole.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from quartier.gateway.update.archive import LIB, VERSION_SHAPE

FOLDER = "versions"
MOST_STARTS = 3
"""So often a version on trial may begin without confirming itself."""
MOST_STARTS_OF_KNOWN = 10
"""So often in a row one that was good may end at once, as when the card it lies on goes bad."""
_DAMAGED = 0
"""The attempt of one that had been good: the next time somebody wants it, it is fetched anew."""
_STATE = "state.json"
_MOST_FAILED = 20


@dataclass(frozen=True, slots=True)
class State:
    """``current`` runs (empty: the system's package); ``trial`` is tried, for the ``attempt`` that
    the platform has asked for; ``starts`` is how often what runs has begun since it last was good;
    ``failed`` were given up, as [version, attempt]."""

    current: str = ""
    trial: str = ""
    attempt: int = 0
    starts: int = 0
    failed: tuple[tuple[str, int], ...] = field(default=())


class Slots:
    """The versions below a gateway's ``folder``; ``packaged`` is the version of the system."""

    def __init__(self, folder: Path, packaged: str) -> None:
        self.folder = folder / FOLDER
        self.packaged = packaged

    def place(self, version: str) -> Path:
        """Where ``version`` lies or would lie; raises ``ValueError`` for what is none."""
        if not VERSION_SHAPE.fullmatch(version):
            raise ValueError(f"{version!r:.40} is no version")
        return self.folder / version

    def state(self) -> State:
        """What is known; nothing where the file is missing or damaged."""
        try:
            raw = json.loads((self.folder / _STATE).read_bytes())
            return _state(raw)
        except FileNotFoundError:
            return State()
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return State()

    def choose(self) -> Path | None:
        """Before a start: the folder that goes before the system's on the import path; None for
        the system's own. Counts the starts, and gives up what began too often."""
        state = self.state()
        if state.trial and state.starts >= MOST_STARTS:
            state = self.give_up()
        if not state.trial and state.current and state.starts >= MOST_STARTS_OF_KNOWN:
            failed = (*state.failed, (state.current, _DAMAGED))[-_MOST_FAILED:]
            state = State(failed=failed)
            self._save(state)
        if state.trial or self._is_newer(state.current):
            self._save(replace(state, starts=state.starts + 1))
        return self.standing()

    def settle(self) -> None:
        """What runs, and is not on trial, has run for a while."""
        state = self.state()
        if state.starts and not state.trial:
            self._save(replace(state, starts=0))

    def damaged(self) -> list[str]:
        """The versions that had been good and were given up, and do not run again."""
        return [version for version, attempt in self.state().failed if attempt == _DAMAGED]

    def standing(self) -> Path | None:
        """As :meth:`choose`, without counting a start."""
        state = self.state()
        version = state.trial or state.current
        if not version or not self._is_newer(version):
            return None
        lib = self.place(version) / LIB
        return lib if (lib / "quartier" / "gateway" / "program.py").is_file() else None

    def adopt(self, version: str, attempt: int) -> None:
        """``version``, which has been unpacked, is on trial from the next start on."""
        self._save(replace(self.state(), trial=version, attempt=attempt, starts=0))

    def confirm(self) -> str:
        """The version on trial is good; those before it go. Which one it is, empty for none."""
        state = self.state()
        if not state.trial:
            return ""
        failed = tuple(one for one in state.failed if one != (state.trial, _DAMAGED))
        self._save(replace(state, current=state.trial, trial="", starts=0, failed=failed))
        self.tidy()
        return state.trial

    def give_up(self) -> State:
        """The version on trial is not good: the one before runs from the next start on."""
        state = self.state()
        failed = (*state.failed, (state.trial, state.attempt))[-_MOST_FAILED:]
        state = replace(state, trial="", starts=0, failed=failed)
        self._save(state)
        return state

    def tidy(self) -> None:
        """Delete what neither runs nor is tried."""
        state = self.state()
        kept = {_STATE, state.current, state.trial} - {""}
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path.name not in kept and path.is_dir():
                shutil.rmtree(path, ignore_errors=True)

    def has_failed(self, version: str, attempt: int) -> bool:
        """Whether that was given up for this attempt, or a later one."""
        return any(v == version and a >= attempt for v, a in self.state().failed)

    def is_outdated(self, version: str) -> bool:
        """Whether the system's package is newer, so that ``version`` would never run."""
        return order(version) < order(self.packaged)

    def _is_newer(self, version: str) -> bool:
        """Than the system's: a package that was installed since goes before."""
        return order(version) > order(self.packaged)

    def _save(self, state: State) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / _STATE
        beside = path.with_suffix(".new")
        with beside.open("wb") as file:
            file.write(json.dumps(asdict(state)).encode())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        number = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def order(version: str) -> list[int]:
    """What versions are compared by; below all of them for what is none."""
    return [int(part) for part in version.split(".")] if VERSION_SHAPE.fullmatch(version) else []


def _state(raw: dict[str, Any]) -> State:
    names = raw["current"], raw["trial"]
    if any(name and not VERSION_SHAPE.fullmatch(name) for name in names):
        raise ValueError("no version")
    failed = tuple((str(version), int(attempt)) for version, attempt in raw["failed"])
    return State(*names, int(raw["attempt"]), int(raw["starts"]), failed)
