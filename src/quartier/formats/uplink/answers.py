"""What the platform answers to a batch and to a report, and how it refuses."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quartier.formats.uplink.strict import VERSION, encoded, message, milliseconds

MOST_BYTES = 1 << 20
MOST_FINDINGS = 1_000
MOST_TEXT = 1_000

_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,4}")


@dataclass(frozen=True, slots=True)
class Told:
    """A finding that the platform tells the gateway."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The platform's clock, the number of the newest configuration (0: there is none) and what it
    found. ``kept``: the highest number of the buffer up to which all is on its disk; None in the
    answer to a report."""

    time: datetime
    configuration: int
    findings: tuple[Told, ...] = ()
    kept: int | None = None


def encode(answer: Answer) -> bytes:
    """The bytes to send; raises ``BadMessage`` for what :func:`decode` would refuse."""
    content: dict[str, Any] = {
        "version": VERSION,
        "time_ms": milliseconds(answer.time),
        "configuration": answer.configuration,
        "findings": [{"code": one.code, "text": one.text} for one in answer.findings],
    }
    if answer.kept is not None:
        content["kept"] = answer.kept
    data = encoded(content)
    decode(data, is_to_batch=answer.kept is not None)
    return data


def decode(data: bytes, *, is_to_batch: bool) -> Answer:
    """The answer to a batch, or to a report; raises ``BadMessage``."""
    own = ("kept",) if is_to_batch else ()
    fields = message(data, MOST_BYTES, ("time_ms", "configuration", "findings", *own))
    findings = fields.objects("findings", MOST_FINDINGS, "finding", ("code", "text"))
    return Answer(
        fields.instant("time_ms"),
        fields.whole("configuration", 0),
        tuple(
            Told(one.text("code", _CODE, "a code"), one.line("text", MOST_TEXT)) for one in findings
        ),
        fields.whole("kept", 0) if is_to_batch else None,
    )


def encode_refusal(text: str) -> bytes:
    """The body of a refusal: one sentence for people."""
    data = encoded({"version": VERSION, "error": text})
    decode_refusal(data)
    return data


def decode_refusal(data: bytes) -> str:
    """The sentence of a refusal; raises ``BadMessage``."""
    return message(data, MOST_BYTES, ("error",)).line("error", MOST_TEXT)
