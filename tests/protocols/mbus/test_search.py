"""Finding meters whose addresses nobody wrote down."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from quartier.protocols.mbus.addresses import Secondary
from quartier.protocols.mbus.bus import Bus
from quartier.protocols.mbus.exchange import Timing
from quartier.protocols.mbus.search import scan, search
from quartier.protocols.wire.link import TcpLink
from tests.protocols.clock import run
from tests.protocols.mbus.captures import CAPTURES
from tests.protocols.mbus.slaves import Converter, Device, Wire, closed

WATER = CAPTURES["oms_frame2"].frame
QUICK = Timing(answer_s=0.3, gap_s=0.1, tries=1)


def meter(number, medium=7, manufacturer="2423", primary=0, value="27048502"):
    """A water meter with another number."""
    who = bytes.fromhex(number)[::-1] + bytes.fromhex(manufacturer) + bytes([0x29, medium])
    body = WATER[4:7] + who + WATER[15:21] + bytes.fromhex(value) + WATER[25:-2]
    return Device(primary, [closed(body)])


def found(wire, work):
    """What ``work(bus)`` finds at the end of ``wire``."""
    return asyncio.run(work(Bus(wire, QUICK)))


def numbers(result):
    return [device.number for device in result.devices]


def test_one_meter_is_found_at_once():
    result = found(Wire(meter("92752244")), search)
    assert [str(device) for device in result.devices] == ["92752244, HYD, version 41, water"]
    assert result.probes < 20
    assert result.findings == ()


def test_an_empty_bus():
    result = found(Wire(), search)
    assert (result.devices, result.findings, result.probes) == ((), (), 1)


def test_meters_whose_answers_collide():
    told = []
    wire = Wire(
        meter("11490378"), meter("11490379"), meter("11127667"), meter("92752244"),
        meter("08021382", 6), meter("00000004", 0),
    )  # fmt: skip
    result = found(wire, lambda bus: search(bus, report=told.append))
    assert numbers(result) == [
        "00000004", "08021382", "11127667", "11490378", "11490379", "92752244",
    ]  # fmt: skip
    assert result.findings == ()
    assert len(told) == result.probes
    assert 5 <= told[-1].found <= 6
    assert wire.requests[-1] == bytes.fromhex("1040FD3D16")  # nobody stays selected


@settings(max_examples=20)
@given(st.sets(st.integers(0, 99_999_999), max_size=8))
def test_every_meter_is_found(some):
    told = sorted(f"{number:08d}" for number in some)
    result = found(Wire(*map(meter, told)), search)
    assert numbers(result) == told
    assert result.findings == ()


def test_the_same_number_in_another_medium():
    result = found(Wire(meter("11490378", 6), meter("11490378", 0x16, value="12345678")), search)
    assert [device.medium for device in result.devices] == [0x16, 6]


def test_two_meters_that_only_their_manufacturers_tell_apart():
    wire = Wire(meter("11490378", 7, "2423"), meter("11490378", 7, "2D2C", value="12345678"))
    result = found(wire, search)
    assert result.devices == ()
    (finding,) = result.findings
    assert "Several meters answer to 11490378, water" in finding.message


def test_a_number_with_letters():
    result = found(Wire(meter("0500C2E5"), meter("0500D2E5", value="12345678")), search)
    assert numbers(result) == ["0500C2E5", "0500D2E5"]


def test_a_search_among_some():
    wire = Wire(meter("11490378"), meter("11490379"), meter("92752244"))
    result = found(wire, lambda bus: search(bus, Secondary("11FFFFFF")))
    assert numbers(result) == ["11490378", "11490379"]


def test_a_search_ends():
    wire = Wire(*(meter(f"{n:08d}") for n in range(6)))
    result = found(wire, lambda bus: search(bus, most_probes=20))
    (finding,) = result.findings
    assert finding.message == "The search ended after 20 questions at 0000003F."
    assert len([r for r in wire.requests if r[0] == 0x68]) <= 40


def test_noise_is_no_meter():
    device = meter("11490378")
    device.garble = lambda _number, _sent: b"\x00\xff\x31"
    result = found(Wire(device), search)
    assert result.devices == ()
    assert {finding.code for finding in result.findings} == {"mbus.search_twice"}


def test_an_answer_of_somebody_else_is_not_believed():
    device = meter("11490378")
    device.garble = lambda _number, _sent: closed(WATER[4:-2])
    result = found(Wire(device), lambda bus: search(bus, Secondary("11490378", medium=7)))
    assert result.devices == ()
    assert result.findings


def test_primary_addresses():
    told = []
    wire = Wire(meter("1" * 8, primary=1), meter("2" * 8, primary=5), meter("3" * 8, primary=250))
    result = found(wire, lambda bus: scan(bus, report=told.append))
    assert result.addresses == (1, 5, 250)
    assert result.findings == ()
    assert len(told) == 251


def test_meters_behind_a_converter():
    async def searched():
        async with Converter(meter("11490378"), meter("92752244")) as converter:
            bus = Bus(TcpLink("127.0.0.1", converter.port), QUICK)
            result = await search(bus)
            addresses = await scan(bus, range(3))
            bus.close()
            return result, addresses

    result, addresses = run(searched())
    assert numbers(result) == ["11490378", "92752244"]
    assert addresses.addresses == (0,)


def test_noise_at_a_primary_address_is_a_finding():
    async def scanned():
        shape = [(0, b"\xe5"), (0.01, b"\x00\xe5")]
        device = meter("1" * 8, primary=1)
        async with Converter(device, shape=lambda _answer: shape) as converter:
            bus = Bus(TcpLink("127.0.0.1", converter.port), QUICK)
            result = await scan(bus, range(3))
            bus.close()
            return result

    result = run(scanned())
    assert result.addresses == (1,)
    (finding,) = result.findings
    assert "Several meters answer at address 1" in finding.message


def test_new_meters_with_numbers_in_a_row_hide_each_other():
    """Two that are joined to a sound frame of one of them, and two to that of nobody."""
    for one, other, joined in (("11490300", "11490301", 0), ("11490301", "11490310", 1)):
        sent = [meter(number).answer(bytes.fromhex("107B007B16")) for number in (one, other)]
        heard = bytes(a & b for a, b in zip(*sent, strict=True))
        assert sum(heard[4:-2]) % 256 == heard[-2]
        assert (heard not in sent) == joined
        result = found(Wire(meter(one), meter(other)), search)
        assert numbers(result) == [one, other]


def test_a_staircase_of_new_meters():
    made = [f"{number:08d}" for number in range(11490395, 11490410)]
    result = found(Wire(*map(meter, made)), search)
    assert numbers(result) == made
    assert result.findings == ()
