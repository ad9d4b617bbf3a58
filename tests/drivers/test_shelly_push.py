"""What a Shelly tells of its own accord, over a real WebSocket, and what happens when it stops."""

import asyncio
import json
import time
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quartier.drivers import catalog
from quartier.drivers.replay import captures_in, read_capture
from quartier.formats.uplink.configuration import BusKind, BusSettings, MeterSettings, Plan
from quartier.gateway.lines import opener
from quartier.protocols.shelly import push
from tests.protocols.shelly.pushing import PushingDevice

CAPTURES = {
    path.stem: read_capture(path)
    for name in ("shelly_plus_1pm", "shelly_pro_4pm", "shelly_pro_3em")
    for path in captures_in(catalog.family(name).folder)
}
POWER = "1-1:16.7.0"


def status_of(name):
    return json.loads(CAPTURES[name].raw["status"])


class House:
    """A bus with one device, and the meters of its channels."""

    def __init__(self, port, driver="shelly_plus_1pm", addresses=("0",), password=""):
        now = [0.0]
        self.pass_s = lambda seconds: now.__setitem__(0, now[0] + seconds)
        opened = opener(lambda: time.monotonic() + now[0])
        self.bus = opened(BusSettings("plug", BusKind.SHELLY, "127.0.0.1", port))
        given_ = {"password": password} if password else {}
        self.meters = [
            self.bus.meter(
                MeterSettings(f"w{one}", "plug", driver, "", one, "", Plan.QUARTER_HOUR, given_)
            )
            for one in addresses
        ]

    async def power(self, number=0):
        taken = await self.meters[number].power()
        assert taken.is_reached
        assert not taken.findings
        return next(one.value for one in taken.values if one.name == POWER)

    async def until(self, watts, number=0):
        async with asyncio.timeout(5):
            while await self.power(number) != Decimal(watts):
                await asyncio.sleep(0.005)

    async def told(self, device):
        """Wait until power comes without a question."""
        async with asyncio.timeout(5):
            while True:
                before = device.asked
                await self.power()
                if device.asked == before:
                    return
                await asyncio.sleep(0.005)


def played(device, scenario, **how):
    async def whole():
        async with device.listening() as port:
            house = House(port, **how)
            try:
                return await scenario(house)
            finally:
                house.bus.close()

    return asyncio.run(whole())


def test_power_comes_without_being_asked_for_and_registers_are_asked():
    device = PushingDevice(status_of("plus_plug_s"))

    async def scenario(house):
        assert await house.power() == Decimal("2.7")
        assert device.asked == 1
        await house.told(device)
        asked = device.asked
        await device.push({"ts": 1.5, "switch:0": {"id": 0, "apower": 812.25}})
        await house.until("812.25")
        await device.push({"ts": 2.5, "switch:0": {"voltage": 231.5}})
        shown = {}
        while shown.get("1-1:32.7.0") != Decimal("231.5"):
            shown = {one.name: one.value for one in (await house.meters[0].momentary()).values}
            await asyncio.sleep(0.005)
        assert shown[POWER] == Decimal("812.25")
        assert device.asked == asked
        taken = await house.meters[0].registers()
        assert (taken.serial, device.asked) == ("AABBCCDDEEFF", asked + 1)
        power = await house.meters[0].power()
        assert power.serial == "AABBCCDDEEFF"

    played(device, scenario)


def test_each_channel_and_all_phases():
    four = PushingDevice(status_of("channel_0"))

    async def channels(house):
        await house.told(four)
        await four.push({"switch:3": {"apower": 7.5}, "switch:0": {"apower": 1.5}})
        await house.until("7.5", 1)
        assert await house.power(0) == Decimal("1.5")
        assert len(four.frames) == 1

    played(four, channels, driver="shelly_pro_4pm", addresses=("0", "3"))
    three = PushingDevice(status_of("triphase"))

    async def phases(house):
        await house.told(three)
        await three.push({"em:0": {"total_act_power": -12.5}}, "NotifyFullStatus")
        await house.until("-12.5")

    played(three, phases, driver="shelly_pro_3em")


def test_the_password_is_proved_and_never_sent():
    device = PushingDevice(status_of("plus_1pm"), "geheim ü")

    async def scenario(house):
        await house.told(device)
        await device.push({"switch:0": {"apower": 5.5}})
        await house.until("5.5")

    played(device, scenario, password="geheim ü")
    assert len(device.frames) == 2
    assert "geheim" not in json.dumps(device.frames)


@pytest.mark.parametrize("password", ["", "wrong"])
def test_without_the_password_it_is_asked_and_not_tried_at_once_again(password):
    device = PushingDevice(status_of("plus_plug_s"), "secret")

    async def scenario(house):
        async with asyncio.timeout(5):
            while len(device.frames) < 1 + bool(password):
                await house.power()
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        return await house.power(), len(device.frames)

    assert played(device, scenario, password=password) == (Decimal("2.7"), 1 + bool(password))


def test_a_device_that_hangs_up_is_asked_and_then_listened_to_again(monkeypatch):
    monkeypatch.setattr(push, "FIRST_PAUSE_S", 0.01)
    device = PushingDevice(status_of("plus_1pm"))

    async def scenario(house):
        await house.told(device)
        await device.push({"switch:0": {"apower": 99.5}})
        await house.until("99.5")
        device.status["switch:0"]["apower"] = 1.5
        await device.hang_up()
        await house.until("1.5")
        await device.listened()
        await house.told(device)
        await device.push({"switch:0": {"apower": 2.5}})
        await house.until("2.5")

    played(device, scenario)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "a" * 70])
def test_where_nobody_is_it_is_tried_again(host, monkeypatch):
    monkeypatch.setattr(push, "FIRST_PAUSE_S", 0.001)

    async def scenario():
        one = push.Push(host, 1, 0.5, time.monotonic)
        assert one.status("") is None
        await asyncio.sleep(0.03)
        assert not one._task.done()
        one.close()

    asyncio.run(scenario())


def test_one_that_tells_nothing_any_more_is_asked():
    device = PushingDevice(status_of("plus_1pm"))

    async def scenario(house):
        await house.told(device)
        device.status["switch:0"]["apower"] = 3.5
        assert await house.power() == 0
        house.pass_s(push.FRESH_S + 1)
        assert await house.power() == Decimal("3.5")

    played(device, scenario)


def test_what_was_asked_for_is_newer_than_what_was_told():
    device = PushingDevice(status_of("plus_1pm"))

    async def scenario(house):
        await house.told(device)
        device.status["switch:0"]["apower"] = 3.5
        assert await house.power() == 0
        await house.meters[0].registers()
        asked = device.asked
        assert await house.power() == Decimal("3.5")
        assert device.asked == asked

    played(device, scenario)


HOSTILE = [
    "",
    "{",
    "[]",
    b"\xff\xfe",
    "[" * 50_000,
    '{"method": "NotifyStatus"}',
    '{"method": "NotifyStatus", "params": [1]}',
    '{"error": 5}',
    '{"id": 1, "error": {"code": 401, "message": "{}"}}',
    '{"id": 2, "error": {"code": 401, "message": 7}}',
    '{"id": 1, "error": {"code": 500, "message": "x"}}',
    '{"id": 1, "result": 1}',
    '{"a": ' + "1" * 5000 + "}",
    '{"a": "' + "x" * (push.MOST_FRAME_BYTES + 1) + '"}',
]


@pytest.mark.parametrize("frame", HOSTILE, ids=range(len(HOSTILE)))
def test_after_a_frame_that_is_none_it_is_asked(frame):
    device = PushingDevice(status_of("plus_plug_s"), greeting=frame)

    async def scenario(house):
        for _ in range(10):
            assert await house.power() == Decimal("2.7")
            await asyncio.sleep(0.002)
        return device.asked

    assert played(device, scenario, password="secret") == 10


def test_no_device_fills_the_memory():
    device = PushingDevice(status_of("plus_1pm"))

    async def scenario(house):
        await house.told(device)
        for number in range(300):
            much = {f"x{number}_{one}": "y" * 100 for one in range(50)}
            await device.push({"switch:0": {"apower": number, **much}, f"z:{number}": much})
        await house.until("299")
        return house.bus.line.push._status

    kept = played(device, scenario)
    assert len(json.dumps(kept, default=str)) < 500


PARTS = st.dictionaries(
    st.sampled_from(["switch:0", "sys", "ts"]),
    st.none() | st.integers() | st.dictionaries(st.sampled_from(["apower", "mac"]), st.text()),
)
FRAMES = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from([1, 2, "x"]),
        "method": st.sampled_from(["NotifyStatus", "NotifyFullStatus", "NotifyEvent", 1]),
        "params": PARTS | st.lists(st.integers()),
        "result": PARTS | st.none(),
        "error": st.dictionaries(st.sampled_from(["code", "message"]), st.integers() | st.text()),
    },
)


@given(st.lists(FRAMES.map(json.dumps) | st.text(max_size=30), min_size=1, max_size=3))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_frames_leave_values_or_findings(frames):
    device = PushingDevice(status_of("plus_1pm"))

    async def scenario(house):
        await house.told(device)
        for one in frames:
            await device.send(one)
        await asyncio.sleep(0.002)
        taken = await house.meters[0].power()
        assert len(taken.values) + len(taken.findings) == 1

    played(device, scenario)
