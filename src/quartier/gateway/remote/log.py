"""The last lines of the program's log, in memory: nothing is written to a card for it."""

import logging
from collections import deque
from collections.abc import Iterable, Mapping

from quartier.drivers.catalog import NoSuchFamily, family
from quartier.drivers.settings import HIDDEN, BadSetting
from quartier.formats.uplink.configuration import Configuration
from quartier.formats.uplink.remote import cell
from quartier.gateway.home import Pairing

MOST_LINES = 1000
_SHORTEST_SECRET = 4
"""Shorter ones would black out half of the log."""


class MemoryLog(logging.Handler):
    """Keeps the last lines; of a traceback its last line, which names the fault."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        try:
            first, *more = self.format(record).splitlines() or [""]
            self._lines.append(f"{first} {more[-1].strip()}" if more else first)
        except Exception:  # noqa: BLE001 - as logging wants it: said on stderr
            self.handleError(record)

    def last(self, count: int, secrets: Iterable[str]) -> list[str]:
        """The last ``count`` lines, without ``secrets``."""
        hidden = sorted({one for one in secrets if len(one) >= _SHORTEST_SECRET}, key=len)
        lines = list(self._lines)[-count:] if count > 0 else []
        for one in reversed(hidden):
            lines = [line.replace(one, "***") for line in lines]
        return [cell(line) for line in lines]


def secrets_of(pairing: Pairing, used: Configuration | None) -> list[str]:
    """What nobody may read in the log: key, PIN, and the passwords of devices and readers."""
    found = [pairing.key.hex(), pairing.pin]
    if used is None:
        return found
    devices = [(one.driver, one.settings) for one in used.meters]
    if used.surplus is not None:
        outputs = [one.output for one in used.surplus.appliances]
        devices += [(one.driver, one.settings) for one in outputs]
    for driver, given in devices:
        if given:
            found += _hidden(driver, given)
    return found + [one.secret for one in used.readers]


def _hidden(driver: str, given: Mapping[str, str]) -> list[str]:
    try:
        settings = family(driver).settings
    except (NoSuchFamily, BadSetting):
        return [*given.values()]  # which of them is a password is not known
    hidden = {setting.name for setting in settings if setting.kind == HIDDEN}
    return [text for name, text in given.items() if name in hidden]
