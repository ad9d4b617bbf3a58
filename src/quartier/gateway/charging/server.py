"""The charging stations of a gateway, served on its own network."""

from datetime import datetime

from quartier.core.kernel.findings import Finding, error, warning
from quartier.formats.uplink.stations import Charging as Settings
from quartier.gateway.charging import profiles
from quartier.gateway.charging.desk import ChargingDesk
from quartier.gateway.noticed import Ledger
from quartier.gateway.ports import Charging, NotSwitched
from quartier.gateway.recorder import Recorder
from quartier.ocpp.peer import QueueFull
from quartier.ocpp.stations import NoAnswer, StationServer

ANYWHERE = "0.0.0.0"  # noqa: S104 - stations are on the network of the building
_PLACE = "charging"
_PATIENCE_S = 20.0


class LocalStations:
    """Those of ``settings``; :meth:`run` serves them."""

    def __init__(
        self, settings: Settings, ledger: Ledger, recorder: Recorder, *, host: str = ANYWHERE
    ) -> None:
        self.desk = ChargingDesk(settings, recorder)
        self.server = StationServer(self.desk, host, settings.port)
        self._ledger = ledger
        self._keeper = recorder.timekeeper
        self._port = settings.port
        self._identities = {one.name: one.identity for one in settings.stations}

    async def run(self) -> None:
        """Serve until cancelled; where the port is taken, that is said, and tried again."""
        while True:
            try:
                self._ledger.hold(_PLACE, [], None)
                await self.server.run()
            except OSError as problem:
                found = _cannot_listen(self._port, problem.strerror or str(problem))
                self._ledger.hold(_PLACE, [found], self._date())
                await self._keeper.clock.sleep(60)
            finally:
                await self.desk.close()

    def state(self, name: str) -> Charging | None:
        """How the station called ``name`` stands; None where it is not connected."""
        identity = self._identities[name]
        if identity not in self.server.stations:
            return None
        connector = self.desk.connectors[identity]
        found = [_takes_no_limits(name, connector.refused)] if connector.refused else []
        self._ledger.hold(f"station {name}", found, self._date())
        return connector.state(self._keeper.clock.monotonic())

    async def limit(self, name: str, amperes: int, hold_s: int) -> None:
        """As :class:`quartier.gateway.ports.Chargers` has it."""
        identity = self._identities[name]
        station = self.server.stations.get(identity)
        connector = self.desk.connectors[identity]
        transaction = connector.transaction
        if station is None or transaction is None:
            raise NotSwitched(_no_answer(name, "nobody charges there any more"))
        wanted = profiles.limit(
            amperes, connector.settings.phases, transaction, hold_s, self.desk.date()
        )
        begun_s = self._keeper.clock.monotonic()
        try:
            told = await station.ask("SetChargingProfile", wanted, timeout_s=_PATIENCE_S)
        except (NoAnswer, QueueFull) as problem:
            raise NotSwitched(_no_answer(name, str(problem))) from None
        if told["status"] != "Accepted":
            raise NotSwitched(_takes_no_limits(name, told["status"]))
        connector.limit = amperes, begun_s + hold_s

    def _date(self) -> datetime | None:
        return self._keeper.now() if self._keeper.is_set else None


def _cannot_listen(port: int, why: str) -> Finding:
    return error(
        "charging.port",
        f"the gateway cannot serve charging stations on port {port} ({why}).",
        where=_PLACE,
        remedy="Give the stations another port, or stop the program that has this one.",
    )


def _no_answer(name: str, why: str) -> Finding:
    return warning(
        "charging.no_answer",
        f"the charging station does not take its limit ({why}).",
        where=name,
        remedy="It falls back by itself; if this lasts, restart the station.",
    )


def _takes_no_limits(name: str, why: str) -> Finding:
    return error(
        "charging.no_limits",
        f"the charging station refuses charging profiles ({why}).",
        where=name,
        remedy="Switch smart charging on in the station's settings, or renew its firmware.",
    )
