"""What came over the bus after one request, and the words for it."""

from collections import Counter
from dataclasses import dataclass, field

from quartier.core.kernel.findings import Finding, warning
from quartier.protocols.mbus.errors import (
    BadFrame,
    Garbled,
    MBusError,
    NoAnswer,
    NoData,
    OtherDevice,
)
from quartier.protocols.mbus.frames import Long


@dataclass
class Heard:
    """All that came until it was quiet, or until what was wanted had come.

    ``answers`` are the telegrams of devices; ``noise`` counts bytes of no frame, ``bad`` is what
    looked like a frame. Requests of our own, which some converters send back, are not in it.
    """

    answers: list[Long] = field(default_factory=list)
    acks: int = 0
    noise: int = 0
    bad: list[BadFrame] = field(default_factory=list)

    @property
    def is_silence(self) -> bool:
        """Whether nothing came at all."""
        return not (self.answers or self.acks or self.noise or self.bad)

    @property
    def is_damaged(self) -> bool:
        """Whether more, or less, than whole frames came: two devices at once, or noise."""
        return bool(self.noise or self.bad)

    def why(self, who: str, timeout_s: float, others: list[str]) -> MBusError:
        """Why this is no answer of ``who``; ``others`` answered in its place."""
        if others:
            return OtherDevice(f"Meter {who} was asked, but {', '.join(others)} answered")
        if self.bad:
            return type(self.bad[0])(f"Meter {who} was asked; {self.bad[0]}")
        if self.acks:
            return NoData(f"Meter {who} acknowledges, but sends no data")
        if self.noise:
            return Garbled(f"Meter {who} was asked; {self.noise} bytes came that are no answer")
        return NoAnswer(f"Meter {who} does not answer within {timeout_s:g} s")


class Line:
    """Counts of one reading with all of its tries, for findings where it came through."""

    def __init__(self, who: str) -> None:
        self.who = who
        self.damaged = 0
        self.silent = 0
        self.others: Counter[str] = Counter()

    def note(self, heard: Heard, others: list[str]) -> None:
        """A try that brought nothing of use."""
        self.others.update(others)
        if heard.is_damaged:
            self.damaged += 1
        elif heard.is_silence:
            self.silent += 1

    def findings(self, where: str) -> tuple[Finding, ...]:
        """One finding for each kind of trouble that did not keep the answer from coming."""
        found = [
            warning(
                "mbus.other_device",
                f"Meter {self.who} was asked, and {other} answered too ({count} times).",
                where=where,
                remedy=(
                    "Set a longer time-out for this converter, and check that each address is on "
                    "the bus once."
                ),
            )
            for other, count in sorted(self.others.items())
        ]
        if self.damaged:
            found.append(
                warning(
                    "mbus.noise",
                    f"{self.damaged} answers of meter {self.who} were damaged, and it was asked "
                    "again.",
                    where=where,
                    remedy="Check the wires of the bus and that no address is there twice.",
                )
            )
        if self.silent:
            found.append(
                warning(
                    "mbus.slow",
                    f"Meter {self.who} answered only when it was asked {self.silent + 1} times.",
                    where=where,
                    remedy="Set a longer time-out for this converter.",
                )
            )
        return tuple(found)
