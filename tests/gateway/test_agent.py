"""The running gateway follows its configuration, and one part that fails stops no other."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from quartier.gateway.agent import STUCK_S, Agent
from quartier.gateway.home import Home, Pairing
from quartier.gateway.plan import What
from tests.gateway.clocks import LoopClock, run
from tests.gateway.platform import KEY, NAME, Platform
from tests.gateway.test_months import Building, configuration

AT = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)


class House:
    """An agent with the meters of a building, in a simulated time."""

    def __init__(self, folder):
        self.clock = LoopClock(AT)
        self.platform = Platform(lambda: self.clock.truth)
        self.platform.configure(configuration())
        self.building = Building(self.clock, AT)
        home = Home(folder)
        pairing = Pairing("https://quartier.example", NAME, KEY, "123456")
        home.save_pairing(pairing)
        self.agent = Agent(
            home,
            pairing,
            self.clock,
            self.building.open_bus,
            self.platform.send,
            software="0.1.0",
            draw=lambda: 0.5,
        )

    async def __aenter__(self):
        self.running = asyncio.create_task(self.agent.run())
        await asyncio.sleep(10)
        return self

    async def __aexit__(self, *_):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    def codes(self):
        return [one.code for one in self.agent.ledger.current(self.clock.truth)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def test_a_new_configuration_is_followed_at_once(folder):
    async def scenario():
        async with House(folder) as house:
            assert set(house.agent.pollers["rs485"].meters) == {"w001", "w002", "h001"}
            await asyncio.sleep(900)
            content = configuration()
            del content["meters"][0]
            house.platform.configure(content)
            await asyncio.sleep(120)
            assert set(house.agent.pollers["rs485"].meters) == {"w002", "h001"}
            arrived = len(house.platform.rows["w001", "1-1:1.8.0"])
            await asyncio.sleep(3600)
            assert len(house.platform.rows["w001", "1-1:1.8.0"]) == arrived
            assert len(house.platform.rows["w002", "1-1:1.8.0"]) >= arrived + 4
            assert house.codes() == []

    run(scenario())


def test_an_inspection_begins_and_ends_without_another_reading_of_all(folder):
    async def scenario():
        async with House(folder) as house:
            await asyncio.sleep(900)
            (poller,) = house.agent.pollers.values()
            read, wanted = poller.read, []

            async def noted(what, **more):
                wanted.append(what)
                await read(what, **more)

            poller.read = noted
            until = house.clock.truth + timedelta(minutes=30)
            asked = {"inspect_until_ms": int(until.timestamp() * 1000)}
            house.platform.configure(configuration() | asked)
            await asyncio.sleep(120)
            assert abs(poller.inspect_until - until) < timedelta(seconds=1)
            house.platform.configure(configuration())
            await asyncio.sleep(120)
            assert poller.inspect_until is None
            assert list(house.agent.pollers.values()) == [poller]
            await asyncio.sleep(900)
            assert What.REGISTERS in wanted
            assert What.REGISTERS_OF_ALL not in wanted
            assert house.codes() == []

    run(scenario())


def test_a_fault_of_the_program_is_said_and_the_bus_goes_on(folder, caplog):
    async def scenario():
        async with House(folder) as house:
            poller = house.agent.pollers["rs485"]
            read, broken = poller.read, []

            async def fails_once(*args, **kwargs):
                if not broken:
                    broken.append(1)
                    raise RuntimeError("a bug")
                await read(*args, **kwargs)

            poller.read = fails_once
            await asyncio.sleep(900)
            faults = [one for report in house.platform.reports for one in report["findings"]]
            assert [one["code"] for one in faults] == ["gateway.fault"], "told once"
            arrived = len(house.platform.rows["w001", "1-1:1.8.0"])
            await asyncio.sleep(1800)
            assert len(house.platform.rows["w001", "1-1:1.8.0"]) >= arrived + 2

    run(scenario())
    assert "a bug" in caplog.text


def test_a_bus_that_is_stuck_is_not_called_alive(folder):
    async def scenario():
        async with House(folder) as house:
            await asyncio.sleep(3600)
            assert house.agent.is_alive

            async def hangs():
                await asyncio.sleep(10 * STUCK_S)

            house.agent.pollers["rs485"].meters["w001"].port.registers = hangs
            await asyncio.sleep(900 + STUCK_S)
            assert not house.agent.is_alive

    run(scenario())


def test_what_is_in_a_damaged_folder_is_reported(folder):
    async def scenario():
        async with House(folder):
            pass
        (folder / "configuration.json").write_text("{")
        async with House(folder) as house:
            codes = [one["code"] for one in house.platform.reports[0]["findings"]]
            assert codes == ["gateway.damaged_configuration"]
            await asyncio.sleep(timedelta(minutes=2).total_seconds())
            assert house.agent.configuration.number == 1, "it was fetched again"

    run(scenario())
