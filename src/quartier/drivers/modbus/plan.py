"""From registers to few requests: neighbors are read together, within the limits of a device."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from quartier.drivers.modbus.part import Limits
from quartier.drivers.modbus.registers import Place, Register
from quartier.protocols.modbus.pdu import Request


@dataclass(frozen=True, slots=True)
class Block:
    """One request and the places that it fetches; others between them are read in passing."""

    function: int
    address: int
    count: int
    places: tuple[Place, ...]

    @property
    def request(self) -> Request:
        return Request(self.function, self.address, self.count)

    def parts(self) -> "Iterator[Block]":
        """Each run of wanted registers by itself, without what lies between: for a device that
        refuses to read across a gap. Places that overlap or touch stay together."""
        yield from blocks_of(self.places, Limits(0, self.count, ()), joins=False)


def plan(registers: Iterable[Register], limits: Limits) -> tuple[Block, ...]:
    """The fewest requests, taken greedily in the order of addresses, that fetch ``registers``
    with their exponents and what is added to them."""
    groups: dict[str, set[Place]] = {}
    for register in registers:
        places = groups.setdefault(register.group, set())
        places.add(register.place)
        if register.exponent is not None:
            places.add(register.exponent)
        places.update(register.plus)
    return tuple(block for places in groups.values() for block in blocks_of(places, limits))


def blocks_of(places: Iterable[Place], limits: Limits, *, joins: bool = True) -> Iterator[Block]:
    """Blocks over ``places``. Without ``joins`` only places that overlap share one."""
    run: list[Place] = []
    end = 0
    for place in sorted(places, key=lambda one: (one.function, one.address, one.end)):
        if run and not _fits(run[0], end, place, limits, joins):
            yield _block(run, end)
            run = []
        end = max(end, place.end) if run else place.end
        run.append(place)
    if run:
        yield _block(run, end)


def _fits(first: Place, end: int, place: Place, limits: Limits, joins: bool) -> bool:
    """Whether ``place`` can be read with the run from ``first`` to ``end``."""
    if place.function != first.function:
        return False
    if place.address < end:
        return True  # a value is never cut in two
    if not joins or place.address - end > limits.gap:
        return False
    if place.end - first.address > limits.longest:
        return False
    return not any(
        span.function == place.function and span.first < place.address and end <= span.last
        for span in limits.unreadable
    )


def _block(run: list[Place], end: int) -> Block:
    return Block(run[0].function, run[0].address, end - run[0].address, tuple(run))
