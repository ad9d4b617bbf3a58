"""Readers of a running gateway follow its configuration; the page in the building shows what was
held to them, and nothing of it is sent or logged."""

import asyncio
from dataclasses import replace

from quartier.formats.uplink.badge_readers import ReaderKind, ReaderSettings
from quartier.formats.uplink.configuration import Configuration
from quartier.gateway.agent import Agent
from quartier.gateway.home import Home, Pairing
from quartier.gateway.lines import opener
from quartier.gateway.local import badges, pages
from quartier.gateway.readers.ports import Presented
from quartier.gateway.timekeeper import SystemClock
from quartier.gateway.transport import Unreachable
from tests.gateway.readers.doors import AT
from tests.gateway.readers.test_http import HTTP, get, sent
from tests.servers.ports import free_port

NUMBER = "04A1B2C3"


def agent_in(folder, readers):
    home = Home(folder)
    pairing = Pairing("https://quartier.example", "linde-keller", bytes(32), "042042")
    home.save_pairing(pairing)
    told = []

    async def nobody(*given):
        told.append(given)
        raise Unreachable("there is no internet here")

    clock = SystemClock()
    agent = Agent(home, pairing, clock, opener(clock.monotonic), nobody, software="0.1.0")
    agent.configuration = Configuration("linde-keller", 1, "Europe/Zurich", (), (), readers=readers)
    return agent, told


async def shown(agent, port):
    async with asyncio.timeout(5):
        while True:
            try:
                if await sent(port, get(f"/?card={NUMBER}")):
                    break
            except OSError:
                await asyncio.sleep(0.01)
    return pages.status(agent, (), "en")


def test_they_follow_the_configuration_and_the_page_shows_the_badge(tmp_path, caplog):
    first, second = free_port(), free_port()

    async def scenario():
        agent, told = agent_in(tmp_path, (replace(HTTP, port=first),))
        assert "None since" in pages.status(agent, (), "en")
        running = asyncio.create_task(agent.run())
        page = await shown(agent, first)
        assert NUMBER in page
        moved = replace(agent.configuration, number=2, readers=(replace(HTTP, port=second),))
        agent._take(moved)
        page = await shown(agent, second)
        try:
            await sent(first, get("/"))
            raise AssertionError("the first port is still open")
        except OSError:
            pass
        agent._take(replace(moved, number=3, readers=()))
        await asyncio.sleep(0.01)
        assert NUMBER not in pages.status(agent, (), "en")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return told

    told = asyncio.run(scenario())
    assert NUMBER not in f"{told}"
    assert NUMBER not in caplog.text


def test_a_reader_that_fails_stops_no_other(tmp_path):
    port = free_port()
    broken = ReaderSettings("door", ReaderKind.KEYBOARD, device=f"{tmp_path}/nothing")

    async def scenario():
        agent, _ = agent_in(tmp_path, (broken, replace(HTTP, port=port)))
        running = asyncio.create_task(agent.run())
        page = await shown(agent, port)
        codes = [one.code for one in agent.ledger.current(AT)]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return page, codes

    page, codes = asyncio.run(scenario())
    assert NUMBER in page
    assert "reader.shut" in codes


def test_the_page_says_what_cannot_be_a_badge():
    rows = [Presented("a&b", "393039", "", AT), Presented("r", "08A1B2C3", "12", None)]
    page = badges.table(rows, "en")
    assert "a&amp;b" in page
    assert "34 bits" in page
    assert "random" in page
    assert ">12<" in page
