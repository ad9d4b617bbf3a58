"""Who used whose solar energy; one file a sharing rule."""

from quartier.core.allocation.allocate import Allocation, allocate
from quartier.core.allocation.request import (
    AllocationError,
    BadEnergy,
    BadParameters,
    MissingMeter,
    UnknownRule,
)
from quartier.core.allocation.rules import rule_called, rules
from quartier.core.allocation.storage import Battery

__all__ = [
    "Allocation",
    "AllocationError",
    "BadEnergy",
    "BadParameters",
    "Battery",
    "MissingMeter",
    "UnknownRule",
    "allocate",
    "rule_called",
    "rules",
]
