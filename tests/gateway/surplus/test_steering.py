"""A gateway that steers: a whole day, and whatever goes wrong on it."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.uplink.appliances import (
    MODES,
    REASONS,
    SG_READY,
    SG_STATES,
    ApplianceSettings,
    TimerWindow,
)
from quartier.gateway.buffer import Buffer
from quartier.gateway.outputs.contacts import Inverted, SgReady
from quartier.gateway.ports import BadMeter
from quartier.gateway.surplus.consumers import Mode
from quartier.gateway.surplus.controller import Reason
from tests.gateway.clocks import run
from tests.gateway.surplus.house import BASE_W, BOILER, MIDNIGHT, PUMP, Contact, House, relay, sun_w

NOON = MIDNIGHT + timedelta(hours=12)
ONE = BOILER[0]
NIGHT = TimerWindow((0, 1, 2, 3, 4, 5, 6), 2 * 60, 3 * 60)


def bright(_at):
    return 6000


def dark(_at):
    return 0


def lived(folder, scenario, *appliances, **about):
    """What ``scenario(house)`` returns; the gateway runs around it."""

    async def living():
        house = House(folder, *appliances, **about)
        await house.start()
        try:
            return await scenario(house)
        finally:
            await house.stop()

    return run(living())


def test_a_day_uses_more_of_the_sun_and_all_of_it_is_told(tmp_path):
    async def day(house):
        await house.pass_time(hours=16, minutes=2)
        return house.wh, house.relays.log, house.told(), house.codes()

    dawn = MIDNIGHT + timedelta(hours=6)
    wh, log, told, codes = lived(tmp_path, day, *BOILER, PUMP, starts_at=dawn)
    minutes = [dawn + timedelta(minutes=minute) for minute in range(16 * 60)]
    assert wh["own"] > 3 * sum(min(BASE_W, sun_w(at)) for at in minutes) / 60
    assert codes == []
    # Each relay that moved was told, in order, within the second in which it did.
    channel = {one.name: one.output.channels[-1] for one in (*BOILER, PUMP)}
    assert [(channel[name], is_on) for _, name, is_on, _ in told] == [row[1:] for row in log]
    late = [abs(at - row[0]) for (at, *_), row in zip(told, log, strict=True)]
    assert max(late) < timedelta(seconds=1)
    assert {reason for *_, reason in told} <= {"surplus", "no_surplus"}
    # Nothing chatters, and at night nothing runs.
    assert max(Counter(row[1] for row in log).values()) < 30
    for name in channel:
        for (a, _, was_on, _), (b, *_) in pairwise(row for row in told if row[1] == name):
            assert b - a >= timedelta(seconds=599 if was_on else 299)
    assert sum(1 if is_on else -1 for *_, is_on, _ in told) == 0


def test_power_cuts_keep_minimum_times_and_the_hours_of_the_day(tmp_path):
    pump = replace(ONE, off_s=1800, daily_s=4 * 3600)

    async def scenario(house):
        await house.pass_time(minutes=20)
        assert house.relays.closed == {0}
        ran_s = house.agent.steering.controller.ran_s(pump.name)
        await house.pass_time(minutes=16)
        await house.cut_power()
        house.relays.closed.clear()  # the module had no supply either
        await asyncio.sleep(30)
        await house.start()
        await house.pass_time(minutes=28)
        assert house.relays.closed == set(), "a compressor rests half an hour"
        await house.pass_time(minutes=5)
        assert house.relays.closed == {0}
        assert house.agent.steering.controller.ran_s(pump.name) > ran_s > 600
        assert [row[2:] for row in house.told()] == [
            (True, "surplus"),
            (False, "other"),
            (True, "surplus"),
        ]

    lived(tmp_path, scenario, pump, sun=bright, starts_at=NOON)


def test_without_a_date_what_stayed_closed_is_opened_but_what_is_always_on(tmp_path):
    always = replace(BOILER[1], mode="on")

    async def scenario(house):
        await house.pass_time(minutes=8)
        assert house.relays.closed == {0, 1}
        await house.cut_power()
        house.clock.boot_without_battery()
        house.platform.is_away = True
        house.relays.is_silent = True
        await house.start()
        await house.pass_time(minutes=7)
        house.relays.is_silent = False
        assert house.relays.closed == {0, 1}
        await house.pass_time(minutes=3)
        assert house.relays.closed == {1}
        house.relays.set(0, True)  # whoever does that on the device is not disturbed
        await house.pass_time(minutes=30)
        assert house.relays.closed == {0, 1}
        house.clock.wrong = timedelta(0)
        house.platform.is_away = False
        await house.pass_time(minutes=30)
        assert house.relays.closed == {0, 1}
        told = [row[1:] for row in house.told() if row[1] == ONE.name]
        assert (ONE.name, False, "stopped") in told

    lived(tmp_path, scenario, ONE, always, sun=bright, starts_at=NOON)


def test_a_relay_that_stayed_closed_is_taken_over(tmp_path):
    async def scenario(house):
        await house.pass_time(minutes=8)
        assert house.relays.closed == {0}
        await house.cut_power()
        await asyncio.sleep(20)
        house.sun = dark
        await house.start()
        await house.pass_time(minutes=2)
        assert house.relays.closed == {0}, "not yet its minimum time"
        await house.pass_time(minutes=12)
        assert house.relays.closed == set()
        assert [row[2:] for row in house.told()] == [(True, "surplus"), (False, "no_surplus")]

    lived(tmp_path, scenario, ONE, sun=bright, starts_at=NOON)


def test_memory_that_cannot_be_read_is_said_and_begins_anew(tmp_path):
    async def scenario(house):
        await house.pass_time(minutes=8)
        await house.cut_power()
        buffer = Buffer(tmp_path / "buffer.sqlite3")
        buffer.remember("surplus", '{"boiler-0": {"is_on": 3}}')
        buffer.close()
        await house.start()
        await house.pass_time(minutes=8)
        assert house.relays.closed == {0}
        reported = {one["code"] for report in house.platform.reports for one in report["findings"]}
        assert "surplus.memory" in reported

    lived(tmp_path, scenario, ONE, sun=bright, starts_at=NOON)


def test_a_silent_module_is_said_and_nobody_waits_for_each_of_its_relays(tmp_path):
    async def scenario(house):
        house.relays.is_silent = True
        await house.pass_time(minutes=10)
        assert house.codes().count("modbus.no_answer") == 1
        assert house.agent.steering.decisions["boiler-0"].reason == Reason.NO_ANSWER
        house.relays.is_silent = False
        await house.pass_time(minutes=10)
        assert house.codes() == []
        assert house.relays.closed == {0, 1, 2}

    lived(tmp_path, scenario, *BOILER, sun=bright, starts_at=NOON)


def test_what_is_switched_on_the_device_is_told_and_has_its_minimum_time(tmp_path):
    async def scenario(house):
        await house.pass_time(minutes=5)
        house.relays.set(0, True)
        await house.pass_time(minutes=5)
        assert house.relays.closed == {0}
        await house.pass_time(minutes=10)
        assert house.relays.closed == set()
        assert [row[2:] for row in house.told()] == [(True, "other"), (False, "no_surplus")]

    lived(tmp_path, scenario, ONE, sun=dark, starts_at=NOON)


def test_without_the_grid_entry_nothing_runs_by_the_sun(tmp_path):
    always = ApplianceSettings("fan", 60, "on", relay(7))

    async def scenario(house):
        await house.pass_time(minutes=15)
        assert house.relays.closed == {0, 7}
        house.is_entry_silent = True
        await house.pass_time(minutes=9)
        assert house.relays.closed == {7}
        assert "surplus.no_grid" in house.codes()
        house.is_entry_silent = False
        await house.pass_time(minutes=20)
        assert house.relays.closed == {0, 7}
        assert "surplus.no_grid" not in house.codes()

    lived(tmp_path, scenario, ONE, always, sun=bright, starts_at=NOON)


def test_a_new_configuration_is_followed_without_reading_the_meters_anew(tmp_path):
    pressed = replace(BOILER[1], mode="manual", is_pressed=True)

    async def scenario(house):
        await house.pass_time(minutes=8)
        assert house.relays.closed == {0}
        (poller,) = house.agent.pollers.values()
        house.configure(pressed)  # another appliance, and the first is gone
        await house.pass_time(minutes=3)
        assert house.relays.closed == {1}
        assert list(house.agent.pollers.values()) == [poller]
        house.configure(replace(pressed, is_pressed=False))
        await house.pass_time(minutes=3)
        assert house.relays.closed == set()
        house.configure()
        await house.pass_time(minutes=3)
        assert house.agent.steering is None
        assert [row[1:] for row in house.told()] == [
            ("boiler-0", True, "surplus"),
            ("boiler-0", False, "stopped"),
            ("boiler-1", True, "manual"),
            ("boiler-1", False, "manual"),
        ]

    lived(tmp_path, scenario, ONE, sun=bright, starts_at=NOON)


def test_a_gateway_that_stops_leaves_on_only_what_always_runs(tmp_path):
    always = ApplianceSettings("fan", 60, "on", relay(7))

    async def scenario(house):
        await house.pass_time(minutes=8)
        assert house.relays.closed == {0, 7}
        await house.stop()
        assert house.relays.closed == {7}
        await house.start()
        await house.pass_time(minutes=8)
        assert house.relays.closed == {0, 7}
        assert ("boiler-0", False, "stopped") in [row[1:] for row in house.told()]

    lived(tmp_path, scenario, ONE, always, sun=bright, starts_at=NOON)


def test_a_timer_runs_by_local_time_without_any_sun_or_meter(tmp_path):
    timed = ApplianceSettings("towel-rail", 500, "timer", relay(3), timer=(NIGHT,))

    async def scenario(house):
        house.is_entry_silent = True
        await house.pass_time(hours=4)
        return [((at - MIDNIGHT).total_seconds() / 60, is_on) for at, _, is_on in house.relays.log]

    (begun, is_on), (ended, is_on_then) = lived(tmp_path, scenario, timed, sun=dark)
    assert (is_on, is_on_then) == (True, False)
    assert 120 <= begun < 122
    assert 180 <= ended < 182


def test_a_bus_that_is_not_there_is_said_and_the_others_run(tmp_path):
    class Broken(House):
        def output(self, settings, channel, name):
            if settings.driver != "waveshare_relay":
                raise BadMeter(f"{name}: there is no driver {settings.driver!r}")
            return super().output(settings, channel, name)

    async def living():
        odd = ApplianceSettings("odd", 100, "on", replace(relay(6), driver="nobody"))
        house = Broken(tmp_path, ONE, odd, sun=bright, starts_at=NOON)
        await house.start()
        await house.pass_time(minutes=8)
        assert house.codes() == ["gateway.bad_appliance"]
        assert house.relays.closed == {0}
        await house.stop()

    run(living())


class Bench:
    """Relays without a house."""

    def __init__(self):
        self.closed, self.seen = set(), []
        self.house = self.clock = self
        self.truth = None
        self.log = []
        self.is_silent = False

    def set(self, channel, is_on):
        (self.closed.add if is_on else self.closed.discard)(channel)
        self.seen.append(frozenset(self.closed))


@given(
    st.sampled_from(SG_STATES),
    st.sets(st.sampled_from((0, 1))),
    st.lists(st.booleans(), min_size=1, max_size=6),
)
def test_a_heat_pump_is_never_locked_on_the_way(state, closed, wanted):
    bench = Bench()
    bench.closed |= closed
    pump = SgReady(Contact(bench, 0), Contact(bench, 1), state == 4)

    async def scenario():
        await pump.is_on()  # what nobody meant is undone here
        bench.seen.clear()
        for is_on in wanted:
            await pump.switch(is_on, 180)
            assert await pump.is_on() == is_on

    run(scenario())
    assert frozenset({0}) not in bench.seen
    assert bench.closed == (({0, 1} if state == 4 else {1}) if wanted[-1] else set())


def test_a_normally_closed_contact_is_on_when_it_is_open():
    bench = Bench()
    inverted = Inverted(Contact(bench, 0))

    async def scenario():
        assert await inverted.is_on()
        await inverted.switch(False, 180)
        assert bench.closed == {0}
        assert not await inverted.is_on()

    run(scenario())


def test_the_wire_and_the_controller_know_the_same_words():
    assert tuple(REASONS) == tuple(one.value for one in Reason)
    assert tuple(MODES) == tuple(one.value for one in Mode)
    assert PUMP.output.kind == SG_READY
