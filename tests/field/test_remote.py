"""The remote connection with its real parts: a server on a database, a gateway with a bus, and
between them sockets."""

import asyncio
import contextlib
import logging
import sys

import pytest

from quartier.formats.uplink.configuration import (
    BusKind,
    BusSettings,
    Configuration,
    MeterSettings,
    Plan,
)
from quartier.gateway.home import Home, Pairing
from quartier.gateway.remote.client import remote_url
from quartier.gateway.transport import BadUrl
from tests.drivers.maps import sdm630
from tests.field.house import Platform, a_gateway, connected, hand_made, until


@pytest.fixture
def platform(tmp_path):
    made = Platform(tmp_path / "platform")
    yield made
    made.close()


def configuration(port):
    return Configuration(
        "linde",
        3,
        "Europe/Zurich",
        (BusSettings("rs485", BusKind.MODBUS_TCP, "127.0.0.1", port, timeout_ms=50),),
        (
            MeterSettings("w001", "rs485", "eastron_sdm630", "", "11", "", Plan.QUARTER_HOUR),
            MeterSettings("w002", "rs485", "eastron_sdm630", "", "12", "", Plan.QUARTER_HOUR),
        ),
    )


@contextlib.asynccontextmanager
async def the_gateway(platform, folder):
    async with a_gateway(folder, platform.pair("linde"), configuration, sdm630()) as agent:
        yield agent


def test_everything_that_can_be_asked(platform, tmp_path, monkeypatch):
    monkeypatch.setattr("quartier.drivers.modbus.line._SCANNED", [11])

    async def scenario():
        async with (
            platform.serving() as service,
            the_gateway(platform, tmp_path / "gateway") as agent,
            connected(agent.client_of(service.port)),
        ):
            await until(lambda: platform.presence("linde"))
            read = await platform.answered(platform.ask("linde", "read_meter", meter="w001"))
            assert read["state"] == "done"
            assert ["w001", "1-1:1.8.0", "8123500", "Wh"] in [row[:4] for row in read["rows"]]
            assert read["rows"][0][4].endswith("Z")
            live = await platform.answered(platform.ask("linde", "live_values"))
            assert [row[:4] for row in live["rows"] if row[0] == "w002"] == [["w002", "", "", ""]]
            assert ["w001", "1-1:1.8.0", "8123500", "Wh"] in [row[:4] for row in live["rows"]]
            status = await platform.answered(platform.ask("linde", "status"))
            assert ["configuration", "3"] in status["rows"]
            assert any("w002" in row[1] for row in status["rows"] if row[0] == "finding")
            found = await platform.answered(platform.ask("linde", "scan_bus", bus="rs485"))
            assert found["state"] == "done"
            assert [row[0] for row in found["rows"]] == ["11"]
            assert "eastron_sdm630" in found["rows"][0][1]
            for kind, arguments, says in (
                ("read_meter", {"meter": "w009"}, "does not read that meter"),
                ("scan_bus", {"bus": "no"}, "has no such bus"),
                ("log", {"lines": "1001"}, "ask for 1 to 1000 lines"),
                ("log", {"lines": "-1"}, "ask for 1 to 1000 lines"),
                ("dance", {}, "too old for that"),
                ("status", {"how": "well"}, "knows other arguments"),
            ):
                refused = await platform.answered(platform.ask("linde", kind, **arguments))
                assert (refused["state"], refused["rows"]) == ("refused", [])
                assert says in refused["text"]
            assert agent.restarts == []
            restarted = await platform.answered(platform.ask("linde", "restart"))
            assert restarted["state"] == "done"
            await until(lambda: agent.restarts == [1])

    asyncio.run(scenario())


def test_the_log_comes_without_secrets(platform, tmp_path):
    async def scenario():
        async with (
            platform.serving() as service,
            the_gateway(platform, tmp_path / "gateway") as agent,
        ):
            logger = logging.getLogger("tests.field.log")
            logger.setLevel(logging.INFO)
            logger.addHandler(agent.log)
            logger.info("the key is %s and the PIN 042042", agent.pairing.key.hex())
            logger.info("a line\nand another")
            logger.removeHandler(agent.log)
            async with connected(agent.client_of(service.port)):
                log = await platform.answered(platform.ask("linde", "log", lines="2"))
            (first,), (second,) = log["rows"]
            assert first.endswith("INFO the key is *** and the PIN ***")
            assert second.endswith("INFO a line and another")

    asyncio.run(scenario())


def test_a_gateway_comes_back_when_the_server_was_away(platform, tmp_path):
    async def scenario():
        async with the_gateway(platform, tmp_path / "gateway") as agent:
            async with platform.serving("first") as first:
                port = first.port
                client = agent.client_of(port)
                running = asyncio.create_task(client.run())
                await until(lambda: client.is_connected and platform.presence("linde"))
            presence = platform.presence("linde")
            assert (presence["server"], presence["reason"]) == ("first", "stopped")
            assert presence["ended_at"]
            await until(lambda: not client.is_connected)
            waiting = platform.ask("linde", "live_values")
            async with platform.serving("second", port=port):
                assert (await platform.answered(waiting))["state"] == "done"
                presence = platform.presence("linde")
                assert (presence["server"], presence["ended_at"]) == ("second", None)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await until(lambda: platform.presence("linde")["reason"] == "lost")

    asyncio.run(scenario())


def test_the_newer_connection_replaces_the_older_one_on_another_server_too(platform):
    key = platform.pair("linde")

    async def scenario():
        async with (
            platform.serving("first", beat_s=0.05) as first,
            platform.serving("second", beat_s=0.05) as second,
            hand_made(first.port, key) as old,
        ):
            await until(lambda: platform.presence("linde"))
            async with hand_made(first.port, key):
                await asyncio.wait_for(old.connection.wait_closed(), 5)
                assert old.connection.close_reason == "replaced"
            async with hand_made(first.port, key) as third, hand_made(second.port, key) as new:
                await until(lambda: platform.presence("linde")["server"] == "second")
                number = platform.ask("linde", "status")
                asked = await new.receive()
                assert asked == {
                    "version": 1, "id": number, "kind": "status", "arguments": {},
                }  # fmt: skip
                await asyncio.wait_for(third.connection.wait_closed(), 5)
                row = [["clock", "12:00"]]
                await new.send({"version": 1, "id": number, "state": "done", "rows": row})
                done = await platform.answered(number)
                assert (done["rows"], done["taken_by"]) == (row, "second")
                assert not platform.presence("linde")["ended_at"]

    asyncio.run(scenario())


def test_a_gateway_that_is_paired_anew_is_known_by_its_new_key_alone(platform):
    key = platform.pair("linde")

    async def scenario():
        async with platform.serving(beat_s=0.05) as service, hand_made(service.port, key) as old:
            await until(lambda: platform.presence("linde"))
            platform.rows.execute("UPDATE equipment_gateway SET salt = ?", (b"new!" * 8,))
            await asyncio.wait_for(old.connection.wait_closed(), 5)

    asyncio.run(scenario())


def test_the_program_restarts_when_asked(platform, tmp_path):
    """The command itself: it ends well, so that who started it starts it again."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    Home(folder).save_pairing(Pairing("http://127.0.0.1:9", "linde", platform.pair("linde"), "1"))

    async def scenario():
        async with platform.serving() as service:
            program = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "quartier.gateway.program", "--home", str(folder), "run"),
                *("--page", "off", "--remote", f"http://127.0.0.1:{service.port}"),
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                log = await platform.answered(platform.ask("linde", "log", lines="50"))
                assert any("the remote connection" in line for (line,) in log["rows"])
                restarted = await platform.answered(platform.ask("linde", "restart"))
                assert (restarted["state"], restarted["text"]) == ("done", "")
                _, said = await asyncio.wait_for(program.communicate(), 15)
                assert program.returncode == 0
                assert b"to be started again" in said
                assert b"Traceback" not in said
            finally:
                with contextlib.suppress(ProcessLookupError):
                    program.kill()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("", "wss://quartier.example/field/gateway"),
        ("https://field.example:8443", "wss://field.example:8443/field/gateway"),
        ("http://127.0.0.1:8100/", "ws://127.0.0.1:8100/field/gateway"),
        ("off", ""),
    ],
)
def test_the_field_server_is_behind_the_platform_unless_told(told, found):
    assert remote_url("https://quartier.example", told) == found


@pytest.mark.parametrize(
    "told", ["http://field.example", "field.example", "https://a/b", "ftp://a"]
)
def test_an_address_that_would_show_what_is_said_is_refused(told):
    with pytest.raises(BadUrl):
        remote_url("https://quartier.example", told)
