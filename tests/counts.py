"""How many examples a property is tried with that names a number of its own."""

import os

DRILL_TIMES = 1000 // 30
"""As the profiles in conftest.py: a drill tries as many times more."""


def is_drill() -> bool:
    """Whether this is `make drill`."""
    return os.environ.get("QUARTIER_DRILL") == "1"


def examples(count: int) -> int:
    """``count`` in `make test`, as many times more in `make drill` as every other property."""
    return count * DRILL_TIMES if is_drill() else count
