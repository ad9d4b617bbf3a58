"""The poller against pymodbus' simulator and an M-Bus converter with captured frames."""

import contextlib
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from quartier.formats.uplink.batch import Kind
from quartier.formats.uplink.configuration import BusKind, BusSettings, MeterSettings, Plan
from quartier.gateway.buffer import Buffer
from quartier.gateway.lines import opener
from quartier.gateway.noticed import Ledger
from quartier.gateway.plan import What
from quartier.gateway.poller import Poller
from quartier.gateway.recorder import Recorder
from quartier.gateway.timekeeper import SystemClock, Timekeeper
from quartier.protocols.mbus.exchange import Timing
from tests.drivers.maps import floats, sdm630
from tests.protocols.clock import run
from tests.protocols.mbus.captures import CAPTURES
from tests.protocols.mbus.slaves import Converter, Device
from tests.protocols.modbus.simulator import device, registers, simulated

QUICK = Timing(answer_s=0.02, gap_s=0.01, tries=1)
ZURICH = ZoneInfo("Europe/Zurich")


def meter(
    name, address, bus="b", driver="eastron_sdm630", serial="", plan=Plan.QUARTER_HOUR, **own
):
    return MeterSettings(name, bus, driver, "", str(address), serial, plan, own)


@contextlib.contextmanager
def polling(tmp_path, settings, meters, **more):
    ledger = Ledger()
    buffer = Buffer(tmp_path / "buffer.sqlite3")
    recorder = Recorder(buffer, Timekeeper(SystemClock()), ledger)
    recorder.look()
    poller = Poller(
        settings,
        meters,
        recorder,
        ledger,
        opener(time.monotonic),
        zone=ZURICH,
        power_every_s=60,
        **more,
    )
    try:
        yield poller, buffer, ledger
    finally:
        poller.close()
        buffer.close()


def port_of(bus):
    return int(bus.link.name.rpartition(":")[2])


def tcp(port, kind=BusKind.MODBUS_TCP, timeout_ms=150):
    return BusSettings("b", kind, "127.0.0.1", port, timeout_ms=timeout_ms)


def found(ledger):
    return [(one.code, one.meter) for one in ledger.current(datetime.now(UTC))]


def columns(buffer):
    batch = buffer.batch("gw", now=datetime.now(UTC))
    return {
        (one.meter, one.obis): [row.value for row in one.measurements]
        for one in (batch.columns if batch else ())
    }


@pytest.mark.parametrize("is_rtu", [False, True])
def test_registers_and_power_of_meters_on_a_modbus_line(tmp_path, is_rtu):
    async def scenario():
        there = [device(11, inputs=sdm630(8123.5)), device(12, inputs=sdm630(7000.25))]
        async with simulated(there, rtu=is_rtu) as bus:
            kind = BusKind.MODBUS_RTU_TCP if is_rtu else BusKind.MODBUS_TCP
            wanted = [meter("w001", 11), meter("w002", 12)]
            with polling(tmp_path, tcp(port_of(bus), kind), wanted) as (poller, buffer, ledger):
                before = datetime.now(UTC)
                await poller.read(What.REGISTERS)
                assert found(ledger) == []
                batch = buffer.batch("gw", now=before)
                at = [row.measured_at for one in batch.columns for row in one.measurements]
                assert all(abs((one - before).total_seconds()) < 5 for one in at)
                return columns(buffer), {one.kind for one in batch.columns}

    read, kinds = run(scenario())
    assert read == {
        ("w001", "1-1:1.8.0"): [8123500],
        ("w001", "1-1:2.8.0"): [44500],
        ("w001", "1-1:16.7.0"): [pytest.approx(1649.5)],
        ("w002", "1-1:1.8.0"): [7000250],
        ("w002", "1-1:2.8.0"): [44500],
        ("w002", "1-1:16.7.0"): [pytest.approx(1649.5)],
    }
    assert kinds == {Kind.REGISTER, Kind.POWER}


def test_while_inspected_a_meter_tells_its_phases_and_a_silent_one_is_asked_again(tmp_path):
    async def scenario():
        async with simulated([device(11, inputs=sdm630())]) as bus:
            there, away = meter("w001", 11), meter("w002", 12)
            until = {"inspect_until": datetime.now(UTC) + timedelta(hours=1)}
            settings = tcp(port_of(bus), timeout_ms=50)
            with polling(tmp_path, settings, [there, away], **until) as (poller, buffer, ledger):
                await poller.read(What.REGISTERS)
                poller.meters["w002"].port = poller.bus.meter(meter("w002", 11))
                await poller.read(What.POWER)
                assert found(ledger) == []
                assert poller.meters["w002"].is_reached
                batch = buffer.batch("gw", now=datetime.now(UTC))
                poller.inspect_until = datetime.now(UTC) - timedelta(seconds=1)
                buffer.acknowledge(buffer.id, batch.last)
                await poller.read(What.POWER)
                return batch, buffer.batch("gw", now=datetime.now(UTC))

    batch, after = run(scenario())
    shown = {
        (one.obis, float(one.measurements[-1].value))
        for one in batch.columns
        if (one.meter, one.kind) == ("w002", Kind.MOMENTARY)
    }
    assert shown == {
        *(("1-1:32.7.0", 230), ("1-1:52.7.0", 231), ("1-1:72.7.0", 229)),
        *(("1-1:31.7.0", 10.5), ("1-1:51.7.0", -3.25), ("1-1:71.7.0", 0)),
        *(("1-1:36.7.0", 2400), ("1-1:56.7.0", -750.5), ("1-1:76.7.0", 0)),
        *(("1-1:16.7.0", 1649.5), ("1-1:13.7.0", 0.5)),
    }
    powers = [one.obis for one in batch.columns if one.kind is Kind.POWER]
    assert powers == ["1-1:16.7.0"] * 2
    assert {(one.obis, one.kind) for one in after.columns} == {("1-1:16.7.0", Kind.POWER)}


def test_a_meter_read_by_hand_tells_its_phases_and_sends_only_its_power(tmp_path):
    async def scenario():
        async with simulated([device(11, inputs=sdm630())]) as bus:
            with polling(tmp_path, tcp(port_of(bus)), [meter("w001", 11)]) as (poller, buffer, _):
                await poller.read_now("w001")
                told = {value.name for value in poller.meters["w001"].power.values}
                return told, {one.kind for one in buffer.batch("gw", now=datetime.now(UTC)).columns}

    told, sent = run(scenario())
    assert {"1-1:32.7.0", "1-1:51.7.0", "1-1:76.7.0", "1-1:16.7.0"} <= told
    assert sent == {Kind.REGISTER, Kind.POWER}


def test_a_silent_meter_is_one_finding_with_its_beginning_and_costs_nobody_else(tmp_path):
    async def scenario():
        async with simulated([device(11, inputs=sdm630())]) as bus:
            wanted = [meter("w002", 12), meter("w001", 11)]
            with polling(tmp_path, tcp(port_of(bus), timeout_ms=50), wanted) as (
                poller,
                buf,
                ledger,
            ):
                await poller.read(What.REGISTERS)
                first = ledger.current(datetime.now(UTC))
                await poller.read(What.REGISTERS)
                assert ledger.current(datetime.now(UTC)) == first, "since when stays"
                assert [(one.code, one.meter) for one in first] == [("modbus.no_answer", "w002")]
                assert columns(buf)["w001", "1-1:1.8.0"] == [8123500, 8123500]
                version = ledger.version
                there = meter("w002", 11)
                poller.meters["w002"].port = poller.bus.meter(there)
                await poller.read(What.REGISTERS)
                assert found(ledger) == []
                assert ledger.version > version

    run(scenario())


def test_a_meter_that_fails_once_is_asked_again_in_the_same_pass(tmp_path):
    spoiled = []

    def deaf(is_sent, packet):
        if is_sent and len(spoiled) < 2:
            spoiled.append(packet)
            return b""
        return packet

    async def scenario():
        async with simulated([device(11, inputs=sdm630())], trace=deaf) as bus:
            settings = tcp(port_of(bus), timeout_ms=50)
            with polling(tmp_path, settings, [meter("w001", 11)]) as (poller, buffer, ledger):
                await poller.read(What.REGISTERS)
                assert columns(buffer)["w001", "1-1:1.8.0"] == [8123500]
                assert found(ledger) == []

    run(scenario())
    assert len(spoiled) == 2


def test_a_converter_that_is_off_is_said_of_each_meter_and_nothing_is_made_up(tmp_path):
    async def scenario():
        async with simulated([device(11, inputs=sdm630())]) as bus:
            port = port_of(bus)
        with polling(tmp_path, tcp(port), [meter("w001", 11)]) as (poller, buffer, ledger):
            await poller.read(What.REGISTERS)
            assert found(ledger) == [("modbus.no_connection", "w001")]
            assert columns(buffer) == {}

    run(scenario())


def test_a_register_that_reads_nonsense_is_not_stored(tmp_path):
    async def scenario():
        inputs = sdm630(total_kwh=float("nan"))
        async with simulated([device(11, inputs=inputs)]) as bus:
            settings = tcp(port_of(bus))
            with polling(tmp_path, settings, [meter("w001", 11)]) as (poller, buffer, ledger):
                await poller.read(What.REGISTERS)
                assert ("w001", "1-1:1.8.0") not in columns(buffer)
                assert ("w001", "1-1:2.8.0") in columns(buffer)
                assert {one[1] for one in found(ledger)} == {"w001"}

    run(scenario())


def test_a_number_that_differs_is_a_finding_and_the_readings_keep_the_devices_own(tmp_path):
    def inepro(serial):
        return [
            registers(0x4000, [serial >> 16, serial & 0xFFFF]),
            floats(0x5012, 1.5),
            floats(0x6000, *[100.5] * 24),
        ]

    async def scenario():
        async with simulated([device(1, holding=inepro(0x12345678))]) as bus:
            wanted = [meter("w001", 1, driver="inepro_pro380", serial="999")]
            with polling(tmp_path, tcp(port_of(bus)), wanted) as (poller, buffer, ledger):
                await poller.read(What.REGISTERS)
                codes = found(ledger)
                batch = buffer.batch("gw", now=datetime.now(UTC))
                return codes, {one.serial for one in batch.columns}

    codes, serials = run(scenario())
    assert ("gateway.other_serial", "w001") in codes
    assert serials == {"12345678"}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (meter("w001", 11, driver="eastron_sdm9"), "there is no driver 'eastron_sdm9'"),
        (meter("w001", 11, driver="generic_modbus"), "is missing"),
        (meter("w001", 11, color="red"), "there is no setting 'color'"),
    ],
)
def test_a_meter_that_cannot_be_read_is_a_finding_and_the_others_are_read(tmp_path, wrong, says):
    async def scenario():
        async with simulated([device(12, inputs=sdm630())]) as bus:
            wanted = [wrong, meter("w002", 12)]
            with polling(tmp_path, tcp(port_of(bus)), wanted) as (poller, buffer, ledger):
                await poller.read(What.REGISTERS)
                (finding,) = ledger.current(datetime.now(UTC))
                assert finding.code == "gateway.bad_meter"
                assert says in finding.text
                assert ("w002", "1-1:1.8.0") in columns(buffer)

    run(scenario())


def test_a_serial_port_that_is_not_there_is_a_finding(tmp_path):
    async def scenario():
        settings = BusSettings(
            "b", BusKind.MODBUS_RTU, device="/dev/no-such", baud=9600, parity="even", stop_bits=1
        )
        with polling(tmp_path, settings, [meter("w001", 11)]) as (poller, _, ledger):
            await poller.read(What.REGISTERS)
            assert found(ledger) == [("modbus.no_connection", "w001")]

    run(scenario())


def test_a_line_that_no_port_has_is_a_finding(tmp_path):
    settings = BusSettings(
        "b", BusKind.MODBUS_RTU, device="/dev/ttyS0", baud=9601, parity="even", stop_bits=1
    )
    with polling(tmp_path, settings, [meter("w001", 11)]) as (_, _, ledger):
        (finding,) = ledger.current(datetime.now(UTC))
        assert "9601 baud is not one of" in finding.text
        assert finding.code == "gateway.bad_meter"


def test_who_is_on_the_modbus_line(tmp_path, monkeypatch):
    monkeypatch.setattr("quartier.drivers.modbus.line._SCANNED", range(10, 13))

    async def scenario():
        async with simulated([device(11, inputs=sdm630())]) as bus:
            with polling(tmp_path, tcp(port_of(bus)), [meter("w001", 11)]) as (poller, _, _):
                return [one async for one in poller.bus.scan()]

    (one,) = run(scenario())
    assert one.address == "11"
    assert "eastron_sdm630" in one.about


def mbus(port):
    return BusSettings("b", BusKind.MBUS_TCP, "127.0.0.1", port, timeout_ms=50)


def test_heat_and_water_meters_by_both_addresses(tmp_path):
    heat = Device(5, [CAPTURES["svm_f22_telegram1"].frame])
    water = Device(6, [CAPTURES["oms_frame2"].frame])

    async def scenario():
        async with Converter(heat, water) as line:
            wanted = [
                meter("h001", 5, driver="mbus", plan=Plan.DAY),
                meter("v001", water.who.hex().upper(), driver="mbus", plan=Plan.DAY),
                meter("h002", 77, driver="mbus", plan=Plan.DAY),
            ]
            with polling(tmp_path, mbus(line.port), wanted) as (poller, buffer, ledger):
                await poller.read(What.REGISTERS)
                assert columns(buffer) == {}, "those are read once a day"
                taken = await poller.read_now("v001")
                assert taken.is_reached
                await poller.read(What.REGISTERS_OF_ALL)
                return columns(buffer), found(ledger)

    read, noticed = run(scenario())
    assert {name for name, _ in read} == {"h001", "v001"}
    assert len(read["v001", "8-0:1.0.0"]) == 2
    assert ("mbus.no_answer", "h002") in noticed


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (meter("h001", 5, plan=Plan.DAY), "the driver eastron_sdm630 is of modbus"),
        (
            meter("h001", 5, driver="mbus", plan=Plan.DAY, pick="04 06"),
            "there is no setting 'pick'",
        ),
        (meter("h001", "1234567890", driver="mbus", plan=Plan.DAY), "is not the number of a meter"),
    ],
)
def test_a_meter_that_no_m_bus_has_is_a_finding(tmp_path, wrong, says):
    with polling(tmp_path, mbus(9), [wrong]) as (_, _, ledger):
        (finding,) = ledger.current(datetime.now(UTC))
        assert finding.code == "gateway.bad_meter"
        assert says in finding.text


def test_who_is_on_the_m_bus(tmp_path, monkeypatch):
    monkeypatch.setattr("quartier.drivers.mbus.line.HIGHEST", 6)
    water = Device(6, [CAPTURES["oms_frame2"].frame])

    async def scenario():
        async with Converter(water) as line:
            with polling(tmp_path, mbus(line.port), []) as (poller, _, _):
                monkeypatch.setattr(poller.bus.line.bus, "timing", QUICK)
                return [one async for one in poller.bus.scan()]

    present = run(scenario())
    assert [one.address for one in present] == ["6", water.who.hex().upper()]
