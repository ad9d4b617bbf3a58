"""What is said over the remote connection: commands to a gateway, and what it answers.

A gateway answers a command with any number of messages that are ``running``, each with more rows,
and one that is ``done`` or ``refused``. What the columns of the rows are depends on the kind
(docs/uplink.md).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from quartier.formats.uplink.strict import VERSION, BadMessage, encoded, message

PATH: Final = "/field/gateway"
MOST_BYTES: Final = 1 << 20
"""Of one message."""
MOST_ROWS: Final = 100
"""Of one message."""
MOST_ROWS_OF_ALL: Final = 30_000
"""Of all messages that answer one command."""
MOST_CHARACTERS_OF_ALL: Final = 2 << 20
"""In the cells of all messages that answer one command: the platform holds all of it."""
MOST_COLUMNS: Final = 6
MOST_TEXT: Final = 300
"""Characters of a cell or of a refusal."""

NOT_TAKEN: Final = "no field server has a connection to the gateway"
NOT_ANSWERED: Final = "the gateway did not answer in time"

_KIND = re.compile(r"[a-z][a-z0-9_]{0,30}")


class Kind(StrEnum):
    """What a gateway may be asked."""

    STATUS = "status"
    READ_METER = "read_meter"
    SCAN_BUS = "scan_bus"
    LIVE_VALUES = "live_values"
    LOG = "log"
    RESTART = "restart"


ARGUMENTS: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {
        Kind.STATUS: (),
        Kind.READ_METER: ("meter",),
        Kind.SCAN_BUS: ("bus",),
        Kind.LIVE_VALUES: (),
        Kind.LOG: ("lines",),
        Kind.RESTART: (),
    }
)
"""The arguments of each kind; each must be there."""

PATIENCE_S: Final[Mapping[Kind, int]] = MappingProxyType(
    {
        Kind.STATUS: 20,
        Kind.READ_METER: 300,
        Kind.SCAN_BUS: 3600,
        Kind.LIVE_VALUES: 20,
        Kind.LOG: 20,
        Kind.RESTART: 20,
    }
)
"""How long a gateway works on a command at most, in seconds. A meter may have to wait for a pass
over its bus; a search for secondary addresses takes a quarter of an hour with 40 meters."""


class State(StrEnum):
    """How far a command is."""

    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Command:
    """``number`` is the platform's; ``kind`` may be one that this program does not know."""

    number: int
    kind: str
    arguments: Mapping[str, str] = field(default_factory=dict)


Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """To the command ``number``: more ``rows``, and in ``text`` why it is refused."""

    number: int
    state: State
    rows: tuple[Row, ...] = ()
    text: str = ""


def encode_command(command: Command) -> bytes:
    """The bytes to send; raises ``BadMessage`` for what :func:`decode_command` would refuse."""
    content: dict[str, Any] = {
        "version": VERSION,
        "id": command.number,
        "kind": command.kind,
        "arguments": dict(command.arguments),
    }
    data = encoded(content)
    decode_command(data)
    return data


def decode_command(data: bytes) -> Command:
    """The command in ``data``; raises ``BadMessage``."""
    fields = message(data, MOST_BYTES, ("id", "kind", "arguments"))
    return Command(
        fields.whole("id", 1),
        fields.text("kind", _KIND, "the name of a command"),
        fields.lines("arguments"),
    )


def encode_answer(answer: Answer) -> bytes:
    """The bytes to send; raises ``BadMessage`` for what :func:`decode_answer` would refuse."""
    content: dict[str, Any] = {
        "version": VERSION,
        "id": answer.number,
        "state": answer.state.value,
        "rows": [list(row) for row in answer.rows],
    }
    if answer.text:
        content["text"] = answer.text
    data = encoded(content)
    decode_answer(data)
    return data


def decode_answer(data: bytes) -> Answer:
    """The answer in ``data``; raises ``BadMessage``."""
    fields = message(data, MOST_BYTES, ("id", "state", "rows"), ("text",))
    state = State(fields.one_of("state", [one.value for one in State]))
    text = fields.line("text", MOST_TEXT) if "text" in fields.raw else ""
    if bool(text) != (state is State.REFUSED):
        raise BadMessage("it: text belongs to what is refused")
    rows = fields.raw["rows"]
    if not isinstance(rows, list) or len(rows) > MOST_ROWS:
        raise BadMessage(f"it: rows is not a list of at most {MOST_ROWS}")
    read = tuple(_row(row, number) for number, row in enumerate(rows, 1))
    return Answer(fields.whole("id", 1), state, read, text)


def cell(text: str) -> str:
    """``text`` as a cell of a row: one line that can be shown, cut where it is too long."""
    plain = "".join(one if one.isprintable() else " " for one in text)
    return plain if len(plain) <= MOST_TEXT else f"{plain[: MOST_TEXT - 1]}…"


def characters(rows: Iterable[Row]) -> int:
    """Of all cells."""
    return sum(len(one) for row in rows for one in row)


def pieces(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """``rows`` in pieces of which each fits into a message; one empty piece for none."""
    for start in range(0, max(len(rows), 1), MOST_ROWS):
        yield tuple(rows[start : start + MOST_ROWS])


def _row(raw: object, number: int) -> Row:
    if not isinstance(raw, list) or not 0 < len(raw) <= MOST_COLUMNS:
        raise BadMessage(f"row {number} is not a list of 1 to {MOST_COLUMNS} texts")
    for one in raw:
        if not isinstance(one, str) or len(one) > MOST_TEXT or not one.isprintable():
            raise BadMessage(f"row {number} is not of texts of at most {MOST_TEXT} characters")
    return tuple(raw)
