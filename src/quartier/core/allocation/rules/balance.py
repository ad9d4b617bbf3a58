"""Against the grid meter: S = max(0, C - G_in), shared by another rule (rules.md a.3, [S29]).

What did not come from the grid came from the site: battery, losses and hidden loads fall out.
The consumers' grid energy sums to what the grid meter counted, wherever it counted no more than
they used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from quartier.core.allocation.request import BadParameters, MissingMeter, Request, Rule
from quartier.core.allocation.rules import rule_called, rules
from quartier.core.allocation.ties import Int64

uses_grid = True


@dataclass(frozen=True, slots=True)
class Settings:
    """The rule that shares S, and its settings."""

    key: Rule
    of_key: Any


def settings(parameters: Mapping[str, Any], consumers: Sequence[str]) -> Settings:
    """From ``key``, the name of another rule; all other parameters are that rule's."""
    names = [name for name in rules() if name != "balance"]
    name = parameters.get("key")
    if name not in names:
        raise BadParameters(
            f"the rule balance needs key = one of {', '.join(names)}, which shares what did not "
            f"come from the grid, not {name!r}"
        )
    key = rule_called(name)
    of_key = {word: value for word, value in parameters.items() if word != "key"}
    if name == "quota" and of_key.get("rest") == "export":
        raise BadParameters(
            'under balance the rule quota needs rest = "proportional": what did not come from the '
            "grid was used, so it cannot be exported"
        )
    return Settings(key, key.settings(of_key, consumers))


def share(request: Request, settings: Settings) -> Int64:
    """All of S is shared: the sum of the solar parts is max(0, C - G_in)."""
    if request.grid_in_mwh is None:
        raise MissingMeter("the rule balance needs what the grid meter counted (grid_in_mwh)")
    used = np.maximum(request.consumption_mwh.sum(axis=0) - request.grid_in_mwh, 0)
    return settings.key.share(replace(request, pool_mwh=used), settings.of_key)
