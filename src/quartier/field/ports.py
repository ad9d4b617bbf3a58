"""What the field server needs of the platform. ``config/wiring.py`` says who gives it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from quartier.field.brokers import Network
from quartier.formats.uplink.remote import Command, Row


class StorageDown(Exception):
    """The database cannot be asked now; the text says why. Asking again later may help."""


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """A gateway that is paired."""

    gateway_id: int
    name: str
    key: bytes

    def __repr__(self) -> str:
        return f"KnownGateway({self.gateway_id}, {self.name!r})"  # the key is not shown


class GatewayKeys(Protocol):
    """Who may connect. All raise :class:`StorageDown`."""

    async def gateway(self, name: str) -> KnownGateway | None:
        """The paired gateway of that name."""

    async def is_first(self, gateway_id: int, nonce: str, at: datetime) -> bool:
        """Whether the gateway never used ``nonce`` before; from now on it has."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A command for the gateway, to be answered before ``ends_at``."""

    gateway_id: int
    command: Command
    ends_at: datetime


class Commands(Protocol):
    """What pages ask of gateways. All raise :class:`StorageDown`."""

    async def changed(self, timeout_s: float) -> None:
        """Returns when there may be something to take, after ``timeout_s`` at the latest."""

    async def take(self, sessions: Collection[str], at: datetime) -> list[Asked]:
        """The commands for the gateways of ``sessions``, each given out once, to one server."""

    async def answer(
        self, number: int, state: str, rows: Collection[Row], text: str, at: datetime
    ) -> bool:
        """Keep all ``rows`` of a command that was taken here, on the disk when it returns; False
        where nobody waits for them any more."""

    async def expire(self, at: datetime) -> None:
        """Say of the commands that nobody took or answered in time that it is so."""

    async def prune(self, at: datetime) -> None:
        """Forget the commands of long ago."""


class Presences(Protocol):
    """Which gateway is connected where. All raise :class:`StorageDown`."""

    async def arrive(self, gateway_id: int, session: str, at: datetime) -> None:
        """From now on ``session`` is the gateway's connection."""

    async def keep(self, sessions: Mapping[str, KnownGateway], at: datetime) -> set[str]:
        """Those of ``sessions`` that are still their gateway's connection, with the same key; they
        are known to live at ``at``."""

    async def held(self) -> set[str]:
        """The sessions of this server that are still their gateway's connection; only looks."""

    async def leave(self, session: str, reason: str, at: datetime) -> None:
        """The connection has ended."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where to subscribe to what."""

    source_id: int
    host: str
    port: int
    is_tls: bool
    ca: str
    username: str
    password: str
    topic: str

    def __repr__(self) -> str:
        return f"Source({self.source_id}, {self.host}:{self.port})"  # the password is not shown


@dataclass(frozen=True, slots=True)
class Came:
    """One message."""

    topic: str
    payload: bytes
    received_at: datetime
    problem: str = ""


class Sources(Protocol):
    """What the service needs of the platform. All raise :class:`StorageDown`."""

    async def hold(self, at: datetime) -> list[Source]:
        """The sources that this server is to hold from ``at`` on, for a while."""

    async def release(self) -> None:
        """Another server may hold them at once."""

    async def keep(self, source_id: int, messages: list[Came]) -> None:
        """On the disk when it returns."""

    async def say(self, source_id: int, connected_at: datetime | None, problem: str) -> None:
        """How the connection stands."""


@dataclass(frozen=True, slots=True)
class KnownStation:
    """A charging station that is let in. ``password_sha256`` is empty where it needs none."""

    station_id: int
    site_id: int
    identity: str
    password_sha256: str
    is_free: bool
    tags: tuple[str, ...]

    def __repr__(self) -> str:
        return f"KnownStation({self.station_id}, {self.identity!r})"


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a station, and our answer, each as JSON."""

    station: KnownStation
    number: int
    received_at: datetime
    version: str
    action: str
    asked: str
    answer: str


class StationStore(Protocol):
    """The charging stations. All raise :class:`StorageDown`."""

    async def station(self, identity: str) -> KnownStation | None:
        """The station that may connect so."""

    async def unknown(self, identity: str, at: datetime, *, has_password: bool) -> None:
        """Somebody tried to; it waits for approval."""

    async def arrive(self, station: KnownStation, version: str, at: datetime) -> int:
        """It is connected here; the number of its last message, 0 where there is none."""

    async def keep(self, stations: Collection[KnownStation], at: datetime) -> set[int]:
        """They are connected here still; the ids of those that may be, and are nowhere else."""

    async def leave(self, station: KnownStation) -> None:
        """Its connection here has ended."""

    async def start(self, station: KnownStation, digest: str) -> int:
        """The number of the transaction that is begun with the words of ``digest``: the same for
        the same, on the disk when it returns."""

    async def append(self, said: Sequence[Said]) -> None:
        """All of them, on the disk when it returns; none where ``NotUnique`` is raised, because
        one's number is taken."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All of them."""

    keys: GatewayKeys
    commands: Commands
    presences: Presences
    sources: Sources | None = None
    """None: no MQTT."""
    broker_networks: tuple[Network, ...] = ()
    """Where brokers may be, beside the internet."""
    stations: StationStore | None = None
    """None: no charging stations."""
