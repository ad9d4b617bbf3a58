"""What an installer does at a gateway, on its local page or over the remote connection."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

from quartier.core.metering.momentary import phase_of
from quartier.drivers.values import Value
from quartier.gateway.agent import Agent
from quartier.gateway.poller import Meter, Poller
from quartier.gateway.ports import Present, Taken

_SHOWN_AT = "%Y-%m-%d %H:%M:%SZ"


@dataclass
class Search:
    """Who is on ``bus``, as far as is known; ``problem``: a sentence where it cannot be asked."""

    bus: str
    found: list[Present] = field(default_factory=list)
    problem: str = ""
    task: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nobody more will be found."""
        return self.task is None or self.task.done()


class Tools:
    """Those of one gateway, whoever uses them."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.search: Search | None = None
        """The last one."""

    def poller_of(self, meter: str) -> Poller | None:
        """Who reads ``meter``."""
        return next((one for one in self.agent.pollers.values() if meter in one.meters), None)

    def begin_search(self, poller: Poller) -> Search:
        """The search on the bus of ``poller``, or the one that is under way: there is one at a
        time."""
        if self.search is None or self.search.is_over:
            self.search = search = Search(poller.settings.name)
            search.task = asyncio.create_task(_look(poller, search))
        return self.search

    async def close(self) -> None:
        """End a search that is under way."""
        if self.search is not None and self.search.task is not None:
            self.search.task.cancel()
            await asyncio.gather(self.search.task, return_exceptions=True)


def facts(agent: Agent) -> list[tuple[str, str]]:
    """How a gateway stands, by words; empty is what there is not."""
    keeper, waiting = agent.recorder.timekeeper, agent.buffer.waiting()
    answered_at = agent.uplink.state.last_answer_at
    return [
        ("platform", agent.pairing.url),
        ("last_answer", f"{answered_at:{_SHOWN_AT}}" if answered_at else ""),
        ("waiting", str(waiting.count + agent.recorder.waiting)),
        ("configuration", str(agent.configuration.number) if agent.configuration else ""),
        ("clock", f"{keeper.now():{_SHOWN_AT}}" if keeper.is_set else ""),
    ]


@dataclass(frozen=True, slots=True)
class ShownValue:
    """A value as people read it."""

    quantity: str
    value: str
    unit: str


def shown(taken: Taken | None) -> list[ShownValue]:
    """The values of a meter, each with the phase it is of."""
    return [] if taken is None else list(_shown(taken.values))


def read_at(meter: Meter) -> str:
    """When it was last read, in UTC; empty where it never was or there was no date."""
    return f"{meter.taken_at:{_SHOWN_AT}}" if meter.taken_at else ""


def _shown(values: Iterable[Value]) -> Iterable[ShownValue]:
    for one in values:
        phase = phase_of(one.obis) if one.obis else 0
        name = f"L{phase} {one.name}" if phase else one.name
        yield ShownValue(name, f"{one.value.normalize():f}", one.unit)


async def _look(poller: Poller, search: Search) -> None:
    if poller.bus is None:
        search.problem = "the bus could not be set up"
        return
    try:
        async for one in poller.bus.scan():
            search.found.append(one)
    except ValueError as problem:
        search.problem = str(problem)
