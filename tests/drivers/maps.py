"""Maps of devices for pymodbus' simulator, written by hand from the tables of the makers."""

from pymodbus.simulator import DataType, SimData

from tests.protocols.modbus.simulator import registers


def floats(address, *values):
    return SimData(address, values=list(values), datatype=DataType.FLOAT32)


def filler(address, count):
    return SimData(address, values=[0] * count, datatype=DataType.REGISTERS)


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
