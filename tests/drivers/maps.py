"""Maps of devices for pymodbus' simulator, written by hand from the tables of the makers."""

from pymodbus.simulator import DataType, SimData

from tests.protocols.modbus.simulator import registers


def floats(address, *values):
    return SimData(address, values=list(values), datatype=DataType.FLOAT32)


def filler(address, count):
    return SimData(address, values=[0] * count, datatype=DataType.REGISTERS)


def doubles(address, *values):
    return SimData(address, values=list(values), datatype=DataType.FLOAT64)


def pac2200():
    """Holding registers of a PAC2200; it has none between the blocks."""
    return [
        floats(1, 231.0, 229.5, 230.0, 400.0, 399.0, 398.0, 2.0, 1.5, 0.0, 462.0, 344.25, 0.0),
        floats(25, 462.0, -344.25, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0),
        floats(55, 50.0, 230.0, 399.0, 1.1, 806.0, 117.75, 0.0, 0.9),
        doubles(801, 5_000_000.25, 123_456.5, 900.0, 0.5),
    ]


def sdm630(total_kwh=8123.5, voltage=230.0, power=1649.5):
    """Input registers of an SDM630, everything between them readable."""
    return [
        floats(0, voltage, 231.0, 229.0, 10.5, -3.25, 0.0, 2400.0, -750.5, 0.0),
        filler(18, 34),
        floats(52, power),
        filler(54, 8),
        floats(62, 0.5),
        filler(64, 6),
        floats(70, 50.0, total_kwh, 44.5),
        filler(76, 4),
        floats(346, 4000.0, 2123.5, 2000.0, 10.0, 34.5, 0.0),
    ]


def sunspec(base, *models):
    words = [0x5375, 0x6E53]
    for number, body in models:
        words += [number, len(body), *body]
    return [registers(base, [*words, 0xFFFF, 0])]


INVERTER = [0] * 50
for _at, _value in {12: 1035, 13: 1, 14: 4998, 15: 0xFFFE, 22: 0x12, 23: 0xD687, 24: 1}.items():
    INVERTER[_at] = _value
