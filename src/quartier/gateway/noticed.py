"""What is wrong now, by place: said once when it begins and once when it ends, not at each poll."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from quartier.core.kernel.findings import Finding, Severity
from quartier.formats.uplink.reports import MOST_FINDINGS, MOST_TEXT, Noticed

_log = logging.getLogger("quartier.gateway")
_WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
_LEVEL = {
    Severity.ERROR: logging.ERROR,
    Severity.WARNING: logging.WARNING,
    Severity.INFO: logging.INFO,
}


@dataclass(frozen=True, slots=True)
class _Entry:
    finding: Finding
    since: datetime | None
    meter: str


class Ledger:
    """The findings that hold. ``version`` grows when one begins or ends."""

    def __init__(self) -> None:
        self.version = 0
        self._holding: dict[str, dict[tuple[str, str], _Entry]] = {}
        self._events: list[_Entry] = []

    def hold(
        self, place: str, findings: Iterable[Finding], at: datetime | None, meter: str = ""
    ) -> None:
        """``findings`` are all that is wrong at ``place`` now; ``at`` None: no date is known."""
        before = self._holding.get(place, {})
        now: dict[tuple[str, str], _Entry] = {}
        for finding in findings:
            key = finding.code, finding.where
            old = before.get(key)
            now.setdefault(key, _Entry(finding, old.since if old else at, meter))
            if old is None:
                _log.log(_LEVEL[finding.severity], "%s", finding)
        for key, ended in before.items():
            if key not in now:
                _log.info("ended: %s", ended.finding)
        if before.keys() != now.keys():
            self.version += 1
        self._holding[place] = now

    def forget(self, place: str) -> None:
        """There is no such place any more."""
        self.hold(place, (), None)
        del self._holding[place]

    def event(self, finding: Finding, at: datetime | None, meter: str = "") -> None:
        """Something happened; it is kept until it has been told."""
        _log.log(_LEVEL[finding.severity], "%s", finding)
        self._events.append(_Entry(finding, finding.since or at, meter))
        del self._events[: -MOST_FINDINGS // 2]
        self.version += 1

    def current(self, now: datetime) -> tuple[Noticed, ...]:
        """What to report, the worst first."""
        entries = [*self._events]
        for place in self._holding.values():
            entries += place.values()
        entries.sort(key=lambda one: _WEIGHT[one.finding.severity])
        return tuple(_noticed(one, now) for one in entries[:MOST_FINDINGS])

    def told(self, count: int) -> None:
        """The platform has the first ``count`` events."""
        del self._events[:count]

    @property
    def event_count(self) -> int:
        """How many events have not been told."""
        return len(self._events)


def _noticed(entry: _Entry, now: datetime) -> Noticed:
    finding = entry.finding
    text = replace(finding, severity=Severity.INFO)
    plain = str(text).removeprefix(f"{Severity.INFO.value}: ")
    plain = "".join(one if one.isprintable() else " " for one in plain)[:MOST_TEXT]
    since = min(entry.since or now, now)
    return Noticed(finding.code, plain, finding.severity, since, entry.meter)
