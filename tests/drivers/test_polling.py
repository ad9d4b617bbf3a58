"""Drivers against pymodbus' simulator: Modbus TCP and RTU over TCP, with maps written here by hand
in pymodbus' own types, from the tables of the makers and not from driver.toml."""

import dataclasses
from decimal import Decimal

import pytest
from pymodbus.simulator import DataType, SimData

from quartier.core.kernel.findings import Severity
from quartier.drivers import catalog
from quartier.drivers.modbus.identity import identify
from quartier.drivers.modbus.reading import device, poll
from quartier.drivers.modbus.sunspec import ModelAt, discover, registers_of
from tests.drivers.maps import INVERTER, floats, pac2200, sdm630, sunspec
from tests.protocols import clock
from tests.protocols.modbus.simulator import QUICK, registers, simulated
from tests.protocols.modbus.simulator import device as simulated_device

BOTH = pytest.mark.parametrize("rtu", [False, True], ids=["tcp", "rtu_over_tcp"])


def read(simulators, key, model, unit, *, rtu=False, trace=None, settings=None):
    """One poll of one device."""
    family = catalog.family(key, settings)
    chosen = family.head.model(model)

    async def run():
        async with simulated(simulators, rtu=rtu, trace=trace) as bus:
            asked = device(
                unit,
                family.head.family,
                family.part.of_model(chosen),
                family.part,
                where="meter 11",
            )
            return await poll(bus, dataclasses.replace(asked, timing=QUICK))

    reading = clock.run(run())
    return reading, {value.name: (value.value, value.unit) for value in reading.values}


@BOTH
def test_a_three_phase_meter(rtu):
    meters = [simulated_device(11, inputs=sdm630()), simulated_device(12, inputs=sdm630(1.0))]
    reading, values = read(meters, "eastron_sdm630", "SDM630-Modbus", 11, rtu=rtu)
    assert reading.findings == ()
    assert reading.is_reached
    assert len(values) == 20
    assert values["1-1:1.8.0"] == (Decimal(8_123_500), "Wh")
    assert values["1-1:2.8.0"] == (Decimal(44_500), "Wh")
    assert values["1-1:51.7.0"] == (Decimal("-3.25"), "A")
    assert values["1-1:56.7.0"] == (Decimal("-750.5"), "W")
    assert values["1-1:62.8.0"] == (Decimal(0), "Wh")
    billed = {value.name for value in reading.values if value.is_billing}
    assert billed == {"1-1:1.8.0", "1-1:2.8.0"}


@BOTH
def test_two_tariffs_are_one_counter_and_no_block_is_read_across_what_is_not_there(rtu):
    meters = [simulated_device(126, holding=pac2200())]
    reading, values = read(meters, "siemens_pac", "PAC2200", 126, rtu=rtu)
    assert reading.findings == ()
    assert values["1-1:1.8.0"] == (Decimal("5123456.75"), "Wh")
    assert values["1-1:2.8.0"] == (Decimal("900.5"), "Wh")
    assert values["1-1:16.7.0"] == (Decimal("117.75"), "W")
    assert values["1-1:56.7.0"] == (Decimal("-344.25"), "W")
    assert values["1-1:52.7.0"] == (Decimal("229.5"), "V")
    assert len(values) == 12


@BOTH
def test_integers_of_64_bits(rtu):
    def wh10(address, *values):
        return SimData(address, values=list(values), datatype=DataType.UINT64)

    def u32(address, *values):
        return SimData(address, values=list(values), datatype=DataType.UINT32)

    holding = [
        wh10(0x5000, 123456789, 2**64 - 1),
        u32(0x5B00, 2301, 2**32 - 1, 2**32 - 1),
        u32(0x5B0C, 1234),
        SimData(0x5B14, values=[-28395], datatype=DataType.INT32),
        registers(0x5B2C, [4999]),
    ]
    meter = [simulated_device(14, holding=holding)]
    reading, values = read(meter, "abb_b2x", "B21", 14, rtu=rtu)
    assert reading.findings == ()
    assert values == {
        "1-1:1.8.0": (Decimal("1234567890"), "Wh"),
        "1-1:32.7.0": (Decimal("230.1"), "V"),
        "1-1:31.7.0": (Decimal("12.34"), "A"),
        "1-1:16.7.0": (Decimal("-283.95"), "W"),
        "1-1:14.7.0": (Decimal("49.99"), "Hz"),
    }


def test_not_a_number_costs_one_value():
    meter = [simulated_device(11, inputs=sdm630(total_kwh=float("nan")))]
    reading, values = read(meter, "eastron_sdm630", "SDM630M", 11)
    assert "1-1:1.8.0" not in values
    assert len(values) == 19
    (finding,) = reading.findings
    assert (finding.code, finding.severity) == ("driver.not_available", Severity.ERROR)
    assert str(finding).startswith("error: meter 11: register 72 (1-1:1.8.0) has no value.")


@pytest.mark.parametrize("total_kwh", [1e30, -5.0, float("inf")])
def test_an_energy_that_cannot_be_is_not_used(total_kwh):
    meter = [simulated_device(11, inputs=sdm630(total_kwh=total_kwh))]
    reading, values = read(meter, "eastron_sdm630", "SDM630M", 11)
    assert "1-1:1.8.0" not in values
    assert [finding.severity for finding in reading.findings] == [Severity.ERROR]


def test_the_wrong_driver():
    """An SDM630 asked as an EM340: words of floats taken for integers."""
    meter = [simulated_device(11, inputs=sdm630())]
    reading, values = read(meter, "carlogavazzi_em340", "EM340", 11)
    assert values == {}
    assert "driver.misfit" in {finding.code for finding in reading.findings}
    (misfit,) = (one for one in reading.findings if one.code == "driver.misfit")
    assert "the register map of Carlo Gavazzi EM340, EM330, ET340, ET330 does not fit" in str(
        misfit
    )
    assert "Choose the driver of the model that stands on the meter." in str(misfit)


def test_a_meter_without_the_registers():
    meter = [simulated_device(11, holding=[registers(0, [1, 2, 3])])]
    reading, values = read(meter, "eastron_sdm630", "SDM630M", 11)
    assert values == {}
    assert reading.is_reached
    assert {finding.code for finding in reading.findings} == {"modbus.refused"}
    assert "it has no such register" in str(reading.findings[0])


def test_a_meter_that_lacks_some_registers_gives_the_others():
    meter = [simulated_device(11, inputs=sdm630()[:-1])]
    reading, values = read(meter, "eastron_sdm630", "SDM630M", 11)
    assert len(values) == 14
    assert [finding.code for finding in reading.findings] == ["modbus.refused"]


def test_a_meter_that_refuses_gaps():
    """Between the values nothing may be read."""
    inputs = [one for one in sdm630() if one.datatype is DataType.FLOAT32]
    reading, values = read([simulated_device(11, inputs=inputs)], "eastron_sdm630", "SDM630M", 11)
    assert len(values) == 20
    assert [finding.code for finding in reading.findings] == ["driver.block_refused"]


def test_nobody_at_this_address():
    reading, values = read([simulated_device(12)], "eastron_sdm630", "SDM630M", 11, rtu=True)
    assert (values, reading.is_reached) == ({}, False)
    (finding,) = reading.findings
    assert finding.code == "modbus.no_answer"
    assert "A and B" in finding.remedy


def test_a_meter_that_falls_silent_halfway():
    """What came before is kept; what is billed is asked for first."""
    asked_for = []

    def trace(is_sent, packet):
        if not is_sent:
            asked_for.append(int.from_bytes(packet[8:10], "big"))
        return packet if asked_for[0] == asked_for[-1] else b""

    holding = [floats(3027, 230.0, 230.0, 230.0), floats(3053, 1.0, 1.0, 1.0, 3.0)]
    holding.append(floats(3109, 50.0))
    meter = [simulated_device(16, holding=[*holding, floats(45099, 1234.5, 7.25)])]
    reading, values = read(meter, "schneider_iem3x55", "iEM3155", 16, trace=trace)
    assert asked_for[0] == 45099
    assert set(values) == {"1-1:1.8.0", "1-1:2.8.0"}
    assert reading.is_reached
    assert [finding.code for finding in reading.findings] == ["modbus.no_answer"]


def test_settings_of_the_generic_meter():
    meter = [simulated_device(30, holding=[registers(99, [0xFFFF]), registers(500, [7, 0xA120])])]
    settings = {
        "import_register": "500",
        "energy_type": "u32",
        "energy_unit": "Wh",
        "energy_factor": "0.5",
        "power_register": "99",
        "power_type": "s16",
    }
    _, values = read(meter, "generic_modbus", "generic", 30, settings=settings)
    assert values == {
        "1-1:1.8.0": (Decimal("250000"), "Wh"),
        "1-1:16.7.0": (Decimal(-1), "W"),
    }


@pytest.mark.parametrize("base", [40000, 0, 50000])
def test_sunspec_models_are_found(base):
    family = catalog.family("sunspec")
    simulators = [simulated_device(1, holding=sunspec(base, (1, [0] * 66), (103, INVERTER)))]

    async def run():
        async with simulated(simulators) as bus:
            found, findings = await discover(bus, 1, family.part, "roof")
            model = family.head.model("inverter")
            chosen = registers_of(family.part, model, found)
            asked = device(1, family.head.family, chosen, family.part)
            return found, findings, await poll(bus, asked)

    found, findings, reading = clock.run(run())
    assert [(model.number, model.length) for model in found] == [(1, 66), (103, 50)]
    assert findings == ()
    values = {value.name: value.value for value in reading.values}
    assert values["1-1:2.8.0"] == Decimal(0x12D687) * 10
    assert values["1-1:2.7.0"] == 10350
    assert values["1-1:14.7.0"] == Decimal("49.98")


def test_a_sunspec_model_that_is_shorter_than_the_standard():
    """Points beyond its end are those of the next model: they are not read."""
    family = catalog.family("sunspec")
    found = [ModelAt(103, 40002, 20), ModelAt(203, 40024, 105)]
    registers_ = registers_of(family.part, family.head.model("inverter"), found)
    assert {register.name for register in registers_} >= {"1-1:2.7.0", "1-1:32.7.0"}
    assert max(register.place.end for register in registers_) <= 40024
    assert "1-1:2.8.0" not in {register.name for register in registers_}


@pytest.mark.parametrize(
    ("holding", "code"),
    [
        ([registers(40000, [1, 2])], "driver.no_sunspec"),
        ([registers(40000, [0x5375, 0x6E53, 103, 50])], "modbus.refused"),
        ([registers(40000, [0x5375, 0x6E53] + [1, 0] * 200)], "driver.endless_sunspec"),
    ],
)
def test_sunspec_that_is_none(holding, code):
    family = catalog.family("sunspec")

    async def run():
        async with simulated([simulated_device(1, holding=holding)]) as bus:
            return await discover(bus, 1, family.part, "roof")

    found, (finding,) = clock.run(run())
    assert finding.code == code
    assert len(found) <= 100
    assert registers_of(family.part, family.head.model("battery"), found) == ()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ([71], None),
        ([1648], "the model of the device is 1648; a device of Carlo Gavazzi EM24 (RS485) has 70"),
        ([], "the model of the device is no register 11 (exception 2); a device of"),
    ],
)
def test_who_the_device_is(code, said):
    family = catalog.family("carlogavazzi_em24")
    inputs = [registers(11, code)] if code else []

    async def run():
        async with simulated([simulated_device(9, inputs=inputs)]) as bus:
            return await identify(bus, 9, family.part, family.head.family, "meter 9")

    known, findings = clock.run(run())
    if said is None:
        assert (known, findings) == ({"model": "71"}, ())
    else:
        (finding,) = findings
        assert (finding.code, known) == ("driver.other_device", {})
        assert said in str(finding)


def test_who_a_device_is_in_letters():
    family = catalog.family("abb_b2x")

    async def run():
        holding = [registers(0x8960, [0x4232, 0x3320])]
        async with simulated([simulated_device(9, holding=holding)]) as bus:
            return await identify(bus, 9, family.part, family.head.family, "meter 9")

    assert clock.run(run()) == ({"model": "B23"}, ())
