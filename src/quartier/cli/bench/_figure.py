"""One measured figure, and how it is measured: warm runs, a median, the floor beside it."""

import importlib
import pkgutil
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

Group = Callable[[Path], Iterator["Figure"]]


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
    samples: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float | None:
        """How many times the floor it takes (1 is the floor itself)."""
        if not self.floor or not self.value:
            return None
        return self.floor / self.value if self.higher_is_better else self.value / self.floor

    def line(self) -> str:
        """The figure on one line."""
        text = f"{self.name:<26} {_short(self.value):>12} {self.unit:<10} {self.what}"
        if self.floor is not None:
            text += f"; {self.floor_what}: {_short(self.floor)} {self.unit}"
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


def seconds(work: Callable[[], object], runs: int, warm: int = 1) -> list[float]:
    """Wall seconds of ``runs`` calls of ``work`` after ``warm`` unmeasured ones."""
    for _ in range(warm):
        work()
    samples = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        samples.append(time.perf_counter() - started)
    return samples


def median(samples: list[float]) -> float:
    """The median of ``samples``."""
    return statistics.median(samples)


def peak_mb() -> float:
    """The most memory this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@cache
def groups() -> dict[str, Group]:
    """The groups of this folder: a module that does not begin with ``_`` and has ``measure``."""
    package = importlib.import_module(__package__)
    names = [one.name for one in pkgutil.iter_modules(package.__path__) if one.name[0] != "_"]
    return {name: _lazy(name) for name in sorted(names)}


def _lazy(name: str) -> Group:
    def measure(folder: Path) -> Iterator[Figure]:
        return importlib.import_module(f"{__package__}.{name}").measure(folder)  # type: ignore[no-any-return]

    return measure
