"""The sharing rules: a file is a rule, found without a central list (architecture.md, rule 9)."""

import importlib
import pkgutil
from functools import cache
from typing import cast

from quartier.core.allocation.request import Rule, UnknownRule


@cache
def rules() -> tuple[str, ...]:
    """The names of all sharing rules."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def rule_called(name: str) -> Rule:
    """The rule; raises UnknownRule with the names there are."""
    if name not in rules():
        raise UnknownRule(f"there is no rule {name!r}; one of: {', '.join(rules())}")
    return cast(Rule, importlib.import_module(f"{__name__}.{name}"))
