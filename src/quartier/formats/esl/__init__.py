"""ESLBillingData: the XML in which grid operators send register readings (rules.md b.1).

Readings are what the registers showed, before the CT/VT factor, at local times without offset
(usually the month's end). Only energy and volume registers (OBIS C.8.E) are readings; peaks and
their times are left out.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from lxml import etree

from quartier.core.kernel.findings import Finding, warning
from quartier.core.kernel.obis import NotObis, Obis

__all__ = ["SIZE_LIMIT", "EslError", "EslReading", "looks_like_esl", "read_billing_data"]

SIZE_LIMIT = 64 * 1024 * 1024
_COUNTER = 8
_VALID = "V"
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_DEFUSED: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


class EslError(ValueError):
    """The file cannot be read; nothing of it may be used."""


@dataclass(frozen=True, slots=True)
class EslReading:
    """One register at one time: ``value`` in kWh, or m3 for water, before the factor.

    ``read_at`` is local time without zone, as the file has it; ``line`` where it stands.
    """

    serial: str
    obis: Obis
    read_at: datetime
    value: Decimal
    line: int


def looks_like_esl(data: bytes) -> bool:
    """Whether the beginning of ``data`` names this format."""
    return b"<ESLBillingData" in data[:4096]


def read_billing_data(data: bytes) -> tuple[tuple[EslReading, ...], tuple[Finding, ...]]:
    """The readings of a file, and what was noticed.

    A reading whose status is not V (valid) is left out with a finding. Raises :class:`EslError`.
    """
    root = _root(data)
    readings: list[EslReading] = []
    findings: list[Finding] = []
    for meter in root.iterfind("Meter"):
        serial = (meter.get("factoryNo") or "").strip()
        if not serial:
            raise EslError(f"line {meter.sourceline}: a meter has no factoryNo")
        for period in meter.iterfind("TimePeriod"):
            read_at = _moment(period)
            for row in period.iterfind("ValueRow"):
                reading = _reading(serial, read_at, row, findings)
                if reading is not None:
                    readings.append(reading)
    if not readings:
        raise EslError("the file has no reading of a register (OBIS C.8.E): nothing was read")
    return tuple(readings), tuple(findings)


def _root(data: bytes) -> etree._Element:
    if len(data) > SIZE_LIMIT:
        raise EslError(f"the file is larger than {SIZE_LIMIT // 2**20} MiB")
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise EslError("the file declares a document type or entities; this format has none")
    try:
        root = etree.fromstring(data, etree.XMLParser(**_DEFUSED))
    except etree.XMLSyntaxError as error:
        raise EslError(f"the file is not well-formed XML: {error.msg}") from None
    except (LookupError, ValueError) as error:
        raise EslError(f"the file's encoding cannot be read: {error}") from None
    document: Any = root.getroottree().docinfo  # its stub lacks the document type
    if document.doctype:
        raise EslError("the file declares a document type; this format has none")
    if root.tag != "ESLBillingData":
        raise EslError(f"<{root.tag}> is not ESLBillingData")
    return root


def _moment(period: etree._Element) -> datetime:
    text = (period.get("end") or "").strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise EslError(
            f"line {period.sourceline}: the end {text[:40]!r} of a period is not a time"
        ) from None
    if not 1990 <= moment.year < 2100:
        raise EslError(f"line {period.sourceline}: the year {moment.year} cannot be right")
    return moment


def _reading(
    serial: str, read_at: datetime, row: etree._Element, findings: list[Finding]
) -> EslReading | None:
    line = int(str(row.sourceline or 0))
    text, status = (row.get("obis") or "").strip(), (row.get("status") or "").strip()
    try:
        obis = Obis.parse(text)
    except NotObis as error:
        raise EslError(f"line {line}: {error}") from None
    if obis.processing != _COUNTER:
        return None
    value = (row.get("value") or "").strip()
    if status != _VALID:
        findings.append(
            warning(
                "esl.status",
                f"the reading of {text} at {read_at:%Y-%m-%d} has the status {status[:10]!r}, not "
                "V (valid); it is not used.",
                where=f"meter {serial}, line {line}",
            )
        )
        return None
    if not _NUMBER.fullmatch(value):
        raise EslError(f"line {line}: the value {value[:30]!r} of {text} is not a reading")
    return EslReading(serial, obis, read_at, Decimal(value), line)
