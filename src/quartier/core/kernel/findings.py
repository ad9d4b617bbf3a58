"""Findings: what was noticed, as values. They look the same everywhere (design.md, Patterns).

A core function that may meet bad data returns ``(value, findings)``; it does not print, skip or
guess. A finding says what happened, where, since when, and what to do now.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    """Stops what depends on it: a bill fails closed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing noticed.

    ``code`` is a stable dotted word (``metering.gap``), the key of its translation; ``message``
    is the English sentence with its values filled in; ``where`` names the place (meter, file and
    line, household); ``values`` are what the message was filled with.
    """

    code: str
    severity: Severity
    message: str
    where: str = ""
    since: datetime | None = None
    until: datetime | None = None
    remedy: str = ""
    values: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{self.severity.value}: {place}{self.message}{remedy}"


def error(code: str, message: str, *, where: str = "", remedy: str = "") -> Finding:
    """A finding that stops what depends on it."""
    return Finding(code, Severity.ERROR, message, where, remedy=remedy)


def warning(code: str, message: str, *, where: str = "", remedy: str = "") -> Finding:
    """A finding that a person should look at."""
    return Finding(code, Severity.WARNING, message, where, remedy=remedy)


def info(code: str, message: str, *, where: str = "", remedy: str = "") -> Finding:
    """A finding that is only good to know."""
    return Finding(code, Severity.INFO, message, where, remedy=remedy)


def has_errors(findings: Iterable[Finding]) -> bool:
    """Whether any of ``findings`` stops what depends on it."""
    return any(finding.severity is Severity.ERROR for finding in findings)
