"""Who is on the bus: by primary address, and by secondary address with wildcards.

A search selects all devices whose number begins with some digits. Where several answer at once
nothing can be read, and the next digit is tried from 0 to 9 (EN 13757-3, wildcard searching).

Answers at the same time are joined on the wire: a 0 of one pulls the line down. New meters of one
make, with numbers in a row and all at 0 m³, differ in two bytes only, and what is heard may be a
sound frame of one of them, or of none. So a meter that answers to an open number is not believed
to be alone until the numbers that could hide behind its own were asked for.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from quartier.core.kernel.findings import Finding, warning
from quartier.protocols.mbus import telegram
from quartier.protocols.mbus.addresses import MEDIA, Secondary
from quartier.protocols.mbus.bus import HIGHEST, Bus, is_one_of
from quartier.protocols.mbus.exchange import Timing
from quartier.protocols.mbus.frames import Long
from quartier.protocols.mbus.heard import Heard

DIGITS: Final = "0123456789"
LETTERS: Final = "ABCDE"
"""Digits that no number should have; some meters have them nevertheless."""
MOST_PROBES: Final = 3000


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is: what it asks for now, how often it asked, what it found."""

    asked: str
    probes: int
    found: int


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Scan:
    """Primary addresses where somebody answers, and where several do at once."""

    addresses: tuple[int, ...]
    findings: tuple[Finding, ...]


async def scan(
    bus: Bus,
    addresses: Iterable[int] = range(HIGHEST + 1),
    *,
    timing: Timing | None = None,
    report: Report | None = None,
) -> Scan:
    """Ask each of ``addresses`` whether somebody is there. Raises NoConnection."""
    found, findings = list[int](), list[Finding]()
    for probes, address in enumerate(addresses):
        if report:
            report(Progress(f"address {address}", probes, len(found)))
        heard = await bus.ping(address, timing)
        if heard.is_silence:
            continue
        found.append(address)
        if heard.is_damaged or heard.acks != 1:
            findings.append(
                warning(
                    "mbus.address_twice",
                    f"Several meters answer at address {address}, or the line is disturbed.",
                    where=bus.link.name,
                    remedy="Read them by the number printed on each, or give them new addresses.",
                )
            )
    return Scan(tuple(found), tuple(findings))


@dataclass(frozen=True, slots=True)
class Found:
    """Devices by their secondary address, in the order of their numbers."""

    devices: tuple[Secondary, ...]
    findings: tuple[Finding, ...]
    probes: int


async def search(
    bus: Bus,
    among: Secondary | None = None,
    *,
    timing: Timing | None = None,
    most_probes: int = MOST_PROBES,
    report: Report | None = None,
) -> Found:
    """The devices that match ``among``, all if it is left out.

    Each level of digits costs 10 questions, each meter some 10 more, a silent one two time-outs:
    40 meters with mixed numbers take a quarter of an hour. It ends after ``most_probes`` questions
    with a finding. Raises NoConnection.
    """
    job = _Search(bus, timing, most_probes, report)
    await job.look(among or Secondary())
    await bus.deselect()
    return Found(tuple(sorted(job.devices, key=str)), tuple(job.findings), job.probes)


class _Search:
    def __init__(
        self, bus: Bus, timing: Timing | None, most_probes: int, report: Report | None
    ) -> None:
        self.bus = bus
        self.timing = timing
        self.most_probes = most_probes
        self.report = report
        self.devices: dict[Secondary, None] = {}
        self.findings: list[Finding] = []
        self.probes = 0

    async def look(self, mask: Secondary) -> bool:
        """Find those whom ``mask`` selects; whether anybody answered."""
        heard = await self._probe(mask)
        if heard is None or heard.is_silence:
            return False
        device = _alone(heard, mask)
        if device is not None:
            await self._is_alone(device, mask)
            return True
        place = mask.number.find("F")
        if place < 0:
            await self._same_number(mask)
            return True
        was_heard = [await self.look(_with_digit(mask, place, digit)) for digit in DIGITS]
        if not any(was_heard):
            was_heard = [await self.look(_with_digit(mask, place, digit)) for digit in LETTERS]
        if not any(was_heard) and not self._is_over:
            self._note(
                "mbus.search_lost",
                f"Somebody answers to {mask.number}, but to none of its digits",
                "Check the wires of the bus, then search again with a longer time-out",
            )
        return True

    async def _is_alone(self, device: Secondary, mask: Secondary) -> None:
        """Add ``device``, which answered to ``mask``, and those that it hides."""
        hidden = [await self.look(other) for other in _hidden(device.number, mask)]
        if any(hidden):  # then it may be nobody, but two numbers joined
            heard = await self._probe(replace(mask, number=device.number))
            if heard is None or heard.is_silence:
                return
        self.devices[device] = None

    async def _same_number(self, mask: Secondary) -> None:
        """Several devices have the whole number in common: their media may differ."""
        if mask.medium is None:
            was_heard = [await self.look(replace(mask, medium=medium)) for medium in MEDIA]
            if any(was_heard) or self._is_over:
                return
        self._note(
            "mbus.search_twice",
            f"Several meters answer to {mask}, or the line is disturbed there",
            "Connect them one after the other and give each a primary address",
        )

    @property
    def _is_over(self) -> bool:
        return self.probes > self.most_probes

    async def _probe(self, mask: Secondary) -> Heard | None:
        if self.probes >= self.most_probes:
            if self.probes == self.most_probes:
                self.probes += 1
                self._note(
                    "mbus.search_stopped",
                    f"The search ended after {self.most_probes} questions at {mask.number}",
                    "Search again for the numbers from there on",
                )
            return None
        if self.report:
            self.report(Progress(str(mask), self.probes, len(self.devices)))
        self.probes += 1
        return await self.bus.probe(mask, self.timing)

    def _note(self, code: str, message: str, remedy: str) -> None:
        where = self.bus.link.name
        self.findings.append(warning(code, f"{message}.", where=where, remedy=f"{remedy}."))


def _alone(heard: Heard, mask: Secondary) -> Secondary | None:
    """The device that answered, if it was one alone and one of those selected."""
    if heard.is_damaged or len(heard.answers) != 1:
        return None
    answer: Long = heard.answers[0]
    return telegram.device_of(answer) if is_one_of(mask)(answer) else None


def _hidden(number: str, mask: Secondary) -> Iterator[Secondary]:
    """Masks of all other numbers whose bits hold those of ``number``, each number in one."""
    for place, digit in enumerate(number):
        if mask.number[place] != "F":
            continue
        known = number[:place] + mask.number[place:]
        for other in DIGITS:
            if other != digit and int(other, 16) & int(digit, 16) == int(digit, 16):
                yield _with_digit(replace(mask, number=known), place, other)


def _with_digit(mask: Secondary, place: int, digit: str) -> Secondary:
    return replace(mask, number=mask.number[:place] + digit + mask.number[place + 1 :])
