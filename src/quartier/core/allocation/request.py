"""What a sharing rule is asked, and what can be wrong with the question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from quartier.core.allocation.ties import Int64


class AllocationError(ValueError):
    """An allocation that cannot be made; the message names the place and the remedy."""


class UnknownRule(AllocationError):
    """There is no sharing rule of that name."""


class BadParameters(AllocationError):
    """The parameters do not fit the rule."""


class BadEnergy(AllocationError):
    """An energy is negative, not an integer, too large, or its array has the wrong shape.

    ``row`` is the consumer or plant, or None for a series of the whole site, and ``column`` the
    interval, where the fault is in one value.
    """

    def __init__(self, message: str, *, row: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.row = row
        self.column = column


class MissingMeter(AllocationError):
    """The rule needs a series that was not given, or was given one that it would not use."""


@dataclass(frozen=True, slots=True)
class Request:
    """The question to a rule, in mWh: consumption[n, t], and pool[t] to be shared.

    ``grid_in_mwh[t]`` is what the grid meter counted, for the rules that use it. ``slots[t]``
    turns the ties.
    """

    consumption_mwh: Int64
    pool_mwh: Int64
    slots: Int64
    grid_in_mwh: Int64 | None = None


class Rule(Protocol):
    """A module of ``allocation/rules``: its file name is the rule's name."""

    uses_grid: bool
    """Whether ``share`` needs ``grid_in_mwh``."""

    @staticmethod
    def settings(parameters: Mapping[str, Any], consumers: Sequence[str]) -> Any:
        """What ``share`` needs of the parameters; raises BadParameters."""

    @staticmethod
    def share(request: Request, settings: Any) -> Int64:
        """solar[n, t] in mWh: 0 <= solar <= consumption, and the sum at most the pool."""


def refuse_unknown(parameters: Mapping[str, Any], known: Sequence[str], rule: str) -> None:
    """Raise BadParameters for a parameter that ``rule`` does not have."""
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        has = f"it has {', '.join(known)}" if known else "it has none"
        raise BadParameters(f"the rule {rule} has no parameter {unknown[0]!r}; {has}")


def by_consumer(
    parameters: Mapping[str, Any], name: str, consumers: Sequence[str], rule: str
) -> list[Any]:
    """The values of table ``name`` in the order of ``consumers``; each must have exactly one."""
    table = parameters.get(name)
    if not isinstance(table, Mapping):
        raise BadParameters(f"the rule {rule} needs a table [{name}] with one value per consumer")
    missing = [consumer for consumer in consumers if consumer not in table]
    if missing:
        raise BadParameters(f"[{name}] has no value for {', '.join(missing)}")
    unknown = sorted(set(table) - set(consumers))
    if unknown:
        raise BadParameters(f"[{name}] names {unknown[0]!r}, which is not a consumer")
    return [table[consumer] for consumer in consumers]
