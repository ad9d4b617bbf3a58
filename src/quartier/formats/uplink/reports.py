"""What a gateway says of itself: its software, its buffer and what is wrong where."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from quartier.core.kernel.findings import Severity
from quartier.formats.uplink.batch import NAME
from quartier.formats.uplink.strict import (
    VERSION,
    BadMessage,
    Fields,
    encoded,
    message,
    milliseconds,
)

MOST_BYTES = 1 << 20
MOST_FINDINGS = 1_000
MOST_TEXT = 1_000

_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,4}")
_SOFTWARE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+~_\-]{0,62}")


@dataclass(frozen=True, slots=True)
class Noticed:
    """A finding that is still true, since ``since``; of ``meter``, or of the gateway where that
    is empty."""

    code: str
    text: str
    severity: Severity
    since: datetime
    meter: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """``configuration`` is the number of the one that is used, 0 before the first. ``waiting``
    measurements are not on the platform yet, the oldest of ``oldest_at``, in ``file_bytes``."""

    software: str
    configuration: int
    started_at: datetime
    waiting: int
    oldest_at: datetime | None
    file_bytes: int
    findings: tuple[Noticed, ...] = ()


def encode(report: Report) -> bytes:
    """The bytes to send; raises :class:`BadMessage` for what :func:`decode` would refuse."""
    buffer: dict[str, Any] = {"waiting": report.waiting, "bytes": report.file_bytes}
    if report.oldest_at is not None:
        buffer["oldest_ms"] = milliseconds(report.oldest_at)
    data = encoded(
        {
            "version": VERSION,
            "software": report.software,
            "configuration": report.configuration,
            "started_ms": milliseconds(report.started_at),
            "buffer": buffer,
            "findings": [_written(one) for one in report.findings],
        }
    )
    decode(data)
    return data


def decode(data: bytes) -> Report:
    """The report in ``data``; raises :class:`BadMessage`."""
    names = ("software", "configuration", "started_ms", "buffer", "findings")
    fields = message(data, MOST_BYTES, names)
    buffer = Fields(fields.raw["buffer"], "buffer", ("waiting", "bytes"), ("oldest_ms",))
    findings = fields.objects(
        "findings", MOST_FINDINGS, "finding", ("code", "text", "severity", "since_ms"), ("meter",)
    )
    waiting = buffer.whole("waiting", 0)
    if (waiting > 0) != ("oldest_ms" in buffer.raw):
        raise BadMessage("buffer: oldest_ms belongs to what is waiting")
    return Report(
        fields.text("software", _SOFTWARE, "a version"),
        fields.whole("configuration", 0),
        fields.instant("started_ms"),
        waiting,
        buffer.instant("oldest_ms") if waiting else None,
        buffer.whole("bytes", 0),
        tuple(_noticed(one) for one in findings),
    )


def _written(one: Noticed) -> dict[str, Any]:
    written: dict[str, Any] = {
        "code": one.code,
        "text": one.text,
        "severity": one.severity.value,
        "since_ms": milliseconds(one.since),
    }
    return written | ({"meter": one.meter} if one.meter else {})


def _noticed(one: Fields) -> Noticed:
    return Noticed(
        one.text("code", _CODE, "a code"),
        one.line("text", MOST_TEXT),
        Severity(one.one_of("severity", [word.value for word in Severity])),
        one.instant("since_ms"),
        one.text("meter", NAME, "the name of a meter") if "meter" in one.raw else "",
    )
