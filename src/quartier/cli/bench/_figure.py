"""One measured figure, and how it is measured: warm runs, a median, the floor beside it."""

import importlib
import pkgutil
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from quartier.cli.bench._counts import Counts

Group = Callable[[Path, Counts], Iterator["Figure"]]


@dataclass(frozen=True)
class Figure:
    """A figure with its unit, and the floor or limit measured in the same run."""

    name: str
    value: float
    unit: str
    what: str
    floor: float | None = None
    floor_what: str = ""
    higher_is_better: bool = False
    goal: float | None = None
    cpu: float | None = None
    """The median CPU time of the same work, in the unit of the figure."""
    samples: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """How many times the floor it takes (1 is the floor itself)."""
        if not self.floor or not self.value:
            return None
        return self.floor / self.value if self.higher_is_better else self.value / self.floor

    def line(self) -> str:
        """The figure on one line."""
        text = f"{self.name:<26} {_short(self.value):>12} {self.unit:<11} {self.what}"
        if self.cpu is not None:
            text += f"; CPU {_short(self.cpu)}"
        if self.floor is not None:
            text += f"; {self.floor_what}: {_short(self.floor)}"
            text += f" ({self.ratio:.1f} x)" if self.ratio else ""
        if self.goal is not None:
            text += f"; goal {_short(self.goal)}"
        return text

    def as_dict(self) -> dict[str, object]:
        """All of it, for the JSON file."""
        spread = sorted(self.samples)
        return {
            "value": self.value,
            "unit": self.unit,
            "what": self.what,
            "cpu": self.cpu,
            "floor": self.floor,
            "floor_what": self.floor_what,
            "ratio": self.ratio,
            "goal": self.goal,
            "runs": len(spread),
            "fastest": spread[0] if spread else None,
            "slowest": spread[-1] if spread else None,
        }


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


@dataclass(frozen=True)
class Timing:
    """The same work several times: wall and CPU seconds of each run."""

    wall_s: list[float]
    cpu_s: list[float]

    @property
    def median_s(self) -> float:
        """The median of the wall seconds."""
        return statistics.median(self.wall_s)

    @property
    def median_cpu_s(self) -> float:
        """The median of the CPU seconds."""
        return statistics.median(self.cpu_s)

    def per(self, units: float) -> "Timing":
        """The same as seconds per unit of work, of which a run did ``units``."""
        return Timing([one / units for one in self.wall_s], [one / units for one in self.cpu_s])

    def figure(self, name: str, unit: str, scale: float, what: str, **more: object) -> Figure:
        """The medians as a figure; a unit is ``1 / scale`` seconds."""
        return Figure(
            name=name,
            value=self.median_s * scale,
            unit=unit,
            what=what,
            cpu=self.median_cpu_s * scale,
            samples=[one * scale for one in self.wall_s],
            **more,  # type: ignore[arg-type]
        )


def timed_in_turn(*works: Callable[[], object], runs: int, warm: int = 1) -> list[Timing]:
    """``runs`` calls of each of ``works`` in turn, after ``warm`` unmeasured ones. A machine whose
    speed changes from second to second changes all of them alike, and so not their ratio."""
    timings = [Timing([], []) for _ in works]
    for position in range(runs + warm):
        for work, timing in zip(works, timings, strict=True):
            one = timed_each([work])
            if position >= warm:
                timing.wall_s.extend(one.wall_s)
                timing.cpu_s.extend(one.cpu_s)
    return timings


def timed_each(works: Iterable[Callable[[], object]], warm: int = 0) -> Timing:
    """One call of each of ``works``, the first ``warm`` of them unmeasured. Taking the next of
    ``works`` is not measured, so that an iterator can make what a call uses up."""
    timing = Timing([], [])
    for position, work in enumerate(works):
        cpu = time.process_time()
        started = time.perf_counter()
        work()
        ended = time.perf_counter()
        if position >= warm:
            timing.wall_s.append(ended - started)
            timing.cpu_s.append(time.process_time() - cpu)
    return timing


def peak_mb() -> float:
    """The most memory this process ever held, in MB (10^6 bytes), shared pages included.

    On Linux not what getrusage says: a child begins there with the peak of its parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / 1e6 if sys.platform == "darwin" else size * 1024 / 1e6


@cache
def groups() -> dict[str, Group]:
    """The groups of this folder: a module that does not begin with ``_`` and has ``measure``."""
    package = importlib.import_module(__package__)
    names = [one.name for one in pkgutil.iter_modules(package.__path__) if one.name[0] != "_"]
    return {name: _lazy(name) for name in sorted(names)}


def _lazy(name: str) -> Group:
    def measure(folder: Path, counts: Counts) -> Iterator[Figure]:
        module = importlib.import_module(f"{__package__}.{name}")
        return module.measure(folder, counts)  # type: ignore[no-any-return]

    return measure
