"""From a message that was served to what it says, whatever the version."""

from typing import Any

from quartier.core.charging.facts import Fact
from quartier.core.kernel.findings import Finding
from quartier.ocpp.samples import Unreadable
from quartier.ocpp.v16.facts import READERS as _V16
from quartier.ocpp.v201.facts import READERS as _V201
from quartier.ocpp.versions import Version

_READERS = {Version.V16: _V16, Version.V201: _V201, Version.V21: _V201}
"""2.1 adds fields and words to the messages of 2.0.1, and takes none away [GK]."""


def fact_of(
    version: Version, action: str, payload: dict[str, Any], answer: dict[str, Any]
) -> tuple[Fact | None, list[Finding]]:
    """What ``payload`` says, which the schema let pass and ``answer`` answered; None where that is
    nothing about charging. What of it cannot be read is a finding."""
    findings: list[Finding] = []
    read = _READERS[version].get(action)
    if read is None:
        return None, findings
    try:
        return read(payload, answer, findings), findings
    except Unreadable as problem:
        return None, [*findings, problem.finding]
