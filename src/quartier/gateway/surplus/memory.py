"""What the controller knows, kept over a power cut: since when each appliance has been on or off,
and how long it ran today. On the disk with dates, since the monotonic clock begins anew."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from quartier.core.kernel.findings import Finding, warning
from quartier.gateway.surplus.controller import Controller, Memory
from quartier.gateway.timekeeper import Timekeeper

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def written(controller: Controller, names: Iterable[str], keeper: Timekeeper) -> str:
    """What to keep of ``names``; the clock is set."""
    content = {}
    for name in names:
        memory = controller.memory(name)
        changed_s = memory.changed_at_s
        content[name] = {
            "is_on": memory.is_on,
            "changed_ms": None
            if changed_s is None
            else (keeper.at(changed_s) - _EPOCH) // _MILLISECOND,
            "day": memory.day.isoformat() if memory.day else None,
            "ran_s": round(memory.ran_s),
        }
    return json.dumps(content)


def resume(
    controller: Controller, names: Iterable[str], stored: str, keeper: Timekeeper
) -> list[Finding]:
    """Give the controller what was kept of ``names``; the clock is set. What cannot be read is a
    finding, and begins anew."""
    now, at_s = keeper.now(), keeper.clock.monotonic()
    try:
        content = json.loads(stored)
        found = {name: _memory(content[name], now, at_s) for name in names if name in content}
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return [
            warning(
                "surplus.memory",
                "what was kept of the appliances cannot be read; minimum times and the hours of "
                "today begin anew.",
                where="surplus",
                remedy="Nothing needs to be done.",
            )
        ]
    for name, memory in found.items():
        controller.resume(name, memory)
    return []


def _memory(one: dict[str, object], now: datetime, at_s: float) -> Memory:
    is_on, changed_ms, day, ran_s = (one[key] for key in ("is_on", "changed_ms", "day", "ran_s"))
    changed_s = None
    if changed_ms is not None:
        passed = now - (_EPOCH + int(str(changed_ms)) * _MILLISECOND)
        changed_s = at_s - max(passed.total_seconds(), 0.0)
    if not isinstance(is_on, bool):
        raise TypeError("is_on")
    return Memory(
        is_on, changed_s, date.fromisoformat(str(day)) if day else None, float(str(ran_s))
    )
