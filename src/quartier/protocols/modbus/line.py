"""What is noticed on the line during one question, and the words for it."""

from collections import Counter

from quartier.core.kernel.findings import Finding, warning
from quartier.protocols.modbus.errors import Garbled, ModbusError, NoAnswer, OtherAddress


class Line:
    """Counts of one question with all of its tries."""

    def __init__(self, unit: int) -> None:
        self.unit = unit
        self.is_retry = False
        self.heard = 0
        self.noise = 0
        self.late = 0
        self.others: Counter[int] = Counter()
        self._before = (0, 0)

    def begin(self) -> None:
        """A try begins."""
        self._before = (self.heard, self.others.total())

    def silence(self, timeout_s: float) -> ModbusError:
        """Why the try that began last had no answer."""
        heard, others = self._before
        if self.others.total() > others:
            who = ", ".join(map(str, sorted(self.others)))
            return OtherAddress(f"device {self.unit} was asked, but device {who} answered")
        if self.heard > heard:
            return Garbled(
                f"device {self.unit} was asked; {self.heard - heard} bytes came within "
                f"{timeout_s:g} s that are no answer to it"
            )
        return NoAnswer(f"device {self.unit} does not answer within {timeout_s:g} s")

    def findings(self, name: str) -> tuple[Finding, ...]:
        """One finding for each kind of trouble that did not keep the answer from coming."""
        found = [
            warning(
                "modbus.other_address",
                f"device {self.unit} was asked, and device {unit} answered too ({count} times).",
                where=name,
                remedy="Check the addresses on the bus: each must be there once.",
            )
            for unit, count in sorted(self.others.items())
        ]
        if self.late:
            found.append(
                warning(
                    "modbus.late_answer",
                    f"{self.late} late answers were dropped before device {self.unit} answered.",
                    where=name,
                    remedy="Set a longer time-out for this converter.",
                )
            )
        if self.noise:
            found.append(
                warning(
                    "modbus.noise",
                    f"{self.noise} stray bytes were on the line before device {self.unit} "
                    "answered.",
                    where=name,
                    remedy="Check the shield, the ground wire and the termination of the bus.",
                )
            )
        return tuple(found)
