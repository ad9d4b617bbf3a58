"""The shape of what can go wrong on a line: each protocol names its causes in its own words."""

from typing import ClassVar

from quartier.core.kernel.findings import Finding, error


class LinkDown(Exception):
    """The converter or the serial port cannot be reached; the text says how."""


class LineError(Exception):
    """Anything that kept an answer from being used.

    ``code`` is that of its finding, ``remedy`` what an electrician can check. ``where`` is added by
    who knows the meter.
    """

    code: ClassVar[str]
    remedy: ClassVar[str] = ""

    def finding(self, where: str) -> Finding:
        """This error as a finding about ``where``."""
        return error(self.code, f"{self}.", where=where, remedy=self.remedy)
