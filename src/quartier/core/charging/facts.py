"""What a charging station says, whatever its version of OCPP, in the words of 2.0.1.

Facts alone: nothing is judged, completed or priced. An EVSE is numbered from 1; 0 is the whole
station. The connector of a 1.6 station is an EVSE with one connector.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

REGISTER = "Energy.Active.Import.Register"
"""The measurand that is billed by (architecture.md, house rule 6)."""


class Status(StrEnum):
    """Of a connector (OCPP 2.0.1 part 2, ConnectorStatusEnumType)."""

    AVAILABLE = "Available"
    OCCUPIED = "Occupied"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


class ChargingState(StrEnum):
    """Of a transaction (OCPP 2.0.1 part 2, ChargingStateEnumType)."""

    CHARGING = "Charging"
    EV_CONNECTED = "EVConnected"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    IDLE = "Idle"


class Step(StrEnum):
    """Of a transaction (OCPP 2.0.1 part 2, TransactionEventEnumType)."""

    STARTED = "Started"
    UPDATED = "Updated"
    ENDED = "Ended"


@dataclass(frozen=True, slots=True)
class IdToken:
    """Who charges; letter case means nothing. ``kind`` is empty where the version tells none."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value at an instant: ``value`` in ``unit``, without prefix (Wh, W, var); ``unit`` is
    empty where the station told none and the measurand is no energy. ``phase`` is empty for all."""

    at: datetime
    measurand: str
    value: Decimal
    unit: str
    context: str
    location: str
    phase: str


@dataclass(frozen=True, slots=True)
class SignedValue:
    """A signed value, byte for byte as it came."""

    at: datetime
    context: str
    data: str
    encoding: str = ""
    method: str = ""
    public_key: str = ""


@dataclass(frozen=True, slots=True)
class Booted:
    """The station has started."""

    vendor: str
    model: str
    serial: str
    firmware: str
    reason: str


@dataclass(frozen=True, slots=True)
class StatusTold:
    """How a connector stands. ``at`` is None where the station told no time; ``state`` is told by
    1.6 alone, which has no other message for it; ``error`` is empty where there is none."""

    at: datetime | None
    evse_id: int
    connector_id: int
    status: Status
    state: ChargingState | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class TransactionTold:
    """A step of a transaction, perhaps told late, twice or out of order.

    ``transaction_id`` is unique for its station alone. ``evse_id`` is None where the step does not
    name it. ``sequence`` numbers the steps, where the version has it. ``is_refused``: the
    platform answered that the token may not charge; such a start ends no other transaction.
    """

    at: datetime
    step: Step
    transaction_id: str
    evse_id: int | None = None
    connector_id: int | None = None
    token: IdToken | None = None
    trigger: str = ""
    state: ChargingState | None = None
    stopped: str = ""
    sequence: int | None = None
    is_offline: bool = False
    is_refused: bool = False
    remote_start_id: int | None = None
    reservation_id: int | None = None
    samples: tuple[Sample, ...] = ()
    signed: tuple[SignedValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What an EVSE measured outside of a transaction, such as at every quarter-hour."""

    evse_id: int
    samples: tuple[Sample, ...]
    signed: tuple[SignedValue, ...] = ()


Fact = Booted | StatusTold | TransactionTold | Measured
