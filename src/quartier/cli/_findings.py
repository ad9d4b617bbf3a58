"""Findings on the terminal: the same everywhere, errors first."""

from collections.abc import Iterable, Sequence

from quartier.cli._errors import FINDINGS, GOOD
from quartier.core.kernel.findings import Finding, Severity

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def print_findings(findings: Iterable[Finding], indent: str = "") -> None:
    """One line a finding, errors first, otherwise in their order."""
    for finding in sorted(findings, key=lambda one: _ORDER[one.severity]):
        print(f"{indent}{printable(str(finding))}")


def printable(text: str) -> str:
    """One line without control characters: what a file or a name holds does not reach the
    terminal as a command to it."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def exit_code(findings: Sequence[Finding]) -> int:
    """``FINDINGS`` if there is something to look at, otherwise ``GOOD``."""
    return FINDINGS if any(one.severity is not Severity.INFO for one in findings) else GOOD
