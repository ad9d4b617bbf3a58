"""The gateway of the demo while it is served: a minute's values each minute, steered as people say.

Run as a process of its own beside the web server, with the folder of the demo in QUARTIER_HOME.
"""

import os
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from quartier.config.start import django

MOST_DAYS = 60
"""After so many days a demo stays as it was: making up for them would take minutes."""
_MINUTE = timedelta(minutes=1)
_AHEAD = timedelta(days=2)
"""How far the energy is known."""


class Live:
    """The gateway of the demo as of ``as_of``, from where it was left, for a day from ``now``."""

    def __init__(self, as_of: date, now: datetime) -> None:
        from quartier.apps.equipment.models import Gateway
        from quartier.apps.sites.models import Site
        from quartier.cli.demo import building
        from quartier.cli.demo._build import data_of, played
        from quartier.cli.demo.energy import House, consumers
        from quartier.cli.demo.equipment import NAME
        from quartier.cli.demo.gateway import Sender
        from quartier.core.kernel.period import local_midnight

        self.site = Site.objects.get(ref=building.SITE)
        gateway = Gateway.objects.get(name=NAME)
        # It is heard before its backlog comes, as a real one is.
        Gateway.objects.filter(pk=gateway.pk).update(seen_at=now)
        self.energy = played(self.site, data_of(as_of), now.date() + _AHEAD)
        self.ends_at = self.energy.ends_at - _MINUTE
        self._sender = Sender(gateway, self.energy, local_midnight(as_of, self.energy.tz))
        self._house = House(consumers(), self.energy.tz)
        self._minute, self._sent = 0, self._sender.sent_minutes

    def send(self, now: datetime) -> None:
        """Everything before the minute of ``now``. What was sent before was steered as it was set
        up, the rest as people say by now."""
        from quartier import __version__
        from quartier.apps.equipment.models import Appliance
        from quartier.cli.demo.energy import Switched, consumers
        from quartier.gateway.surplus.consumers import Mode

        rows = list(Appliance.objects.filter(site=self.site))
        modes = {row.ref: Mode(row.mode) for row in rows}
        switches = []
        while (at := self.energy.starts_at + self._minute * _MINUTE) + _MINUTE <= now:
            if self._minute >= self._sent:
                self._house.change(consumers(modes), {row.ref: row.is_pressed for row in rows})
            found = self._house.step(at, self._minute, self.energy.other_w(self._minute))
            switches += [Switched(at, one) for one in found]
            self._minute += 1
        self._sender.gateway.refresh_from_db()
        self._sender.send(at, switches, self._house.drawn_w)
        self._sender.report(f"quartier {__version__}", now)


def main() -> None:
    """The process: sends each minute until it is ended."""
    django()
    folder = Path(os.environ["QUARTIER_HOME"])
    as_of = date.fromisoformat((folder / "as-of.txt").read_text().strip())
    while True:
        live = Live(as_of, datetime.now(UTC))
        while (now := datetime.now(UTC)) < live.ends_at:
            live.send(now)
            time.sleep(max(1.0, 60.5 - datetime.now(UTC).second))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
