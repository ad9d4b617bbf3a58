"""Reading meters behind a TCP converter that answers as real lines do."""

import asyncio
from decimal import Decimal

import pytest

from quartier.protocols.mbus.addresses import Secondary
from quartier.protocols.mbus.bus import Bus
from quartier.protocols.mbus.errors import (
    BadChecksum,
    BadFrame,
    BadRequest,
    Garbled,
    HalfFrame,
    NoAnswer,
    NoConnection,
    NoData,
    OtherDevice,
    Refused,
)
from quartier.protocols.mbus.exchange import Timing
from quartier.protocols.wire.link import TcpLink
from tests.protocols.clock import run
from tests.protocols.mbus.captures import CAPTURES
from tests.protocols.mbus.slaves import Converter, Device, closed

WATER = CAPTURES["oms_frame2"].frame
HEAT = CAPTURES["svm_f22_telegram1"].frame
FIXED = CAPTURES["sen_pollusonic_2"].frame
# The second and last telegram of the same heat meter: 1234 kWh at the key date, by hand.
HEAT_2 = closed(HEAT[4:19] + bytes.fromhex("44 06 D2 04 00 00 0F AA"))


def asked(converter, work, timing=None):
    """What ``work(bus)`` gives, on a bus behind ``converter``."""

    async def connected():
        async with converter:
            bus = Bus(TcpLink("127.0.0.1", converter.port), timing)
            try:
                return await work(bus)
            finally:
                bus.close()

    return run(connected())


def values(answer):
    return [record.value for got in answer.telegrams for record in got.records]


def codes(answer):
    return [finding.code for finding in answer.findings]


def test_a_meter_by_its_primary_address():
    converter = Converter(Device(5, [WATER]), Device(6, [HEAT]))
    answer = asked(converter, lambda bus: bus.read(5))
    assert values(answer)[0] == 2850427
    assert answer.telegrams[0].address == 5
    assert answer.findings == ()
    assert converter.requests == [bytes.fromhex("1040054516"), bytes.fromhex("107B058016")]


def test_the_fixed_structure_and_any_address():
    answer = asked(Converter(Device(77, [FIXED])), lambda bus: bus.read(254))
    assert values(answer) == [6531000, 69]


def test_a_meter_of_several_telegrams_is_asked_with_the_bit_toggled():
    converter = Converter(Device(1, [HEAT, HEAT_2]))
    answer = asked(converter, lambda bus: bus.read(1))
    assert len(answer.telegrams) == 2
    assert values(answer)[0] == 28014000
    assert values(answer)[-1] == 1234000
    assert [request[1] for request in converter.requests] == [0x40, 0x7B, 0x5B]
    assert "mbus.incomplete" not in codes(answer)


def test_a_damaged_telegram_is_asked_for_again_and_none_is_skipped():
    def garble(number, sent):
        return sent[:20] + b"\x00" + sent[21:] if number in (1, 3) else sent

    converter = Converter(Device(1, [HEAT, HEAT_2], garble=garble))
    answer = asked(converter, lambda bus: bus.read(1))
    assert values(answer)[0] == 28014000
    assert values(answer)[-1] == 1234000
    assert [request[1] for request in converter.requests[1:]] == [0x7B, 0x7B, 0x5B, 0x5B]
    (noise,) = (finding for finding in answer.findings if finding.code == "mbus.noise")
    assert noise.message == "2 answers of meter 1 were damaged, and it was asked again."


def test_a_meter_that_says_more_and_sends_the_same_again():
    answer = asked(Converter(Device(1, [HEAT])), lambda bus: bus.read(1))
    assert len(answer.telegrams) == 1
    assert "mbus.repeated" in codes(answer)


def test_a_meter_that_never_ends_is_left_after_16_telegrams():
    endless = [closed(HEAT[4:19] + bytes([0x01, 0x13, n, 0x1F])) for n in range(40)]
    answer = asked(Converter(Device(1, endless)), lambda bus: bus.read(1))
    assert len(answer.telegrams) == 16
    assert "mbus.too_many" in codes(answer)


def test_a_meter_that_falls_silent_between_two_telegrams():
    def garble(number, sent):
        return sent if number == 1 else b""

    converter = Converter(Device(1, [HEAT, HEAT_2], garble=garble))
    answer = asked(converter, lambda bus: bus.read(1))
    assert values(answer)[0] == 28014000
    assert codes(answer)[-2:] == ["mbus.no_answer", "mbus.incomplete"]


def test_a_meter_by_the_number_printed_on_it():
    converter = Converter(Device(0, [WATER]), Device(0, [HEAT, HEAT_2]))

    async def both(bus):
        return [
            await bus.read_secondary(Secondary.parse("92752244")),
            await bus.read_secondary(Secondary.parse("89600001CD4E090C")),
        ]

    water, heat = asked(converter, both)
    assert values(water)[0] == 2850427
    assert values(heat)[-1] == 1234000
    assert bytes.fromhex("680B0B6853FD5244227592FFFFFFFF") in [r[:15] for r in converter.requests]


def test_a_number_that_nobody_has():
    converter = Converter(Device(1, [WATER]))
    with pytest.raises(NoAnswer, match=r"Meter 12345678 does not answer within 0\.7 s"):
        asked(converter, lambda bus: bus.read_secondary(Secondary("12345678")))


@pytest.mark.parametrize(
    ("shape", "extra"),
    [
        (lambda answer: [(0, b"\xff\x00\x31"), (0, answer)], []),
        (lambda answer: [(0.01 * n, answer[n : n + 1]) for n in range(len(answer))], []),
        (lambda answer: [(0.6, answer[:10]), (0.75, answer[10:])], []),
        (lambda answer: [(0, bytes.fromhex("107B058016")), (0.3, answer)], []),
        (lambda answer: [(0, closed(HEAT[4:-2])), (0.5, answer)], ["mbus.other_device"]),
    ],
    ids=["noise before", "byte by byte", "slow and in two", "with an echo", "behind another"],
)
def test_lines_that_are_not_clean(shape, extra):
    once = Timing(tries=1)
    answer = asked(Converter(Device(5, [WATER]), shape=shape), lambda bus: bus.read(5), once)
    assert values(answer)[0] == 2850427
    assert codes(answer) == extra


def test_the_last_telegram_of_one_reading_is_not_the_first_of_the_next():
    """Each answer needs 0.9 s, so each telegram is asked for twice and comes twice."""
    converter = Converter(
        Device(6, [HEAT, HEAT_2]),
        shape=lambda answer: [(0.9 if len(answer) > 1 else 0, answer)],
    )

    async def twice(bus):
        return [await bus.read(6), await bus.read(6)]

    for answer in asked(converter, twice):
        assert [got.records[0].value for got in answer.telegrams] == [28014000, 1234000]


def test_what_came_before_the_question_is_no_answer():
    converter = Converter(
        Device(5, [WATER]),
        Device(6, [HEAT, HEAT_2]),
        shape=lambda answer: [(1.0 if answer[5:6] == b"\x05" else 0, answer)],
    )

    async def both(bus):
        with pytest.raises(NoAnswer):
            await bus.read(5, Timing(answer_s=0.7, tries=1))
        await asyncio.sleep(2)
        return await bus.read(6)

    answer = asked(converter, both)
    assert values(answer)[0] == 28014000
    assert "mbus.other_device" not in codes(answer)


def test_an_answer_that_comes_too_late_is_not_taken_for_that_of_the_next_meter():
    """The first meter needs 2.6 s: longer than it is waited for, even before the next is asked."""

    def shape(answer):
        return [({5: 2.6, 6: 0.65}[answer[5]] if len(answer) > 1 else 0, answer)]

    converter = Converter(Device(5, [WATER]), Device(6, [HEAT, HEAT_2]), shape=shape)

    async def both(bus):
        with pytest.raises(NoAnswer):
            await bus.read(5, Timing(answer_s=0.7, tries=1))
        return await bus.read(6, Timing(answer_s=0.7, tries=1))

    answer = asked(converter, both)
    assert values(answer)[0] == 28014000
    (other,) = (f for f in answer.findings if f.code == "mbus.other_device")
    assert "Meter 6 was asked, and meter 5 (92752244, HYD" in other.message


def test_noise_of_an_idle_bus_is_not_heard_as_an_answer():
    converter = Converter(
        Device(5, [WATER]), shape=lambda answer: [(0, answer), (1.0, b"\x00\xff")]
    )

    async def twice(bus):
        await bus.ping(5)
        await asyncio.sleep(1.5)
        return await bus.ping(5)

    heard = asked(converter, twice)
    assert (heard.acks, heard.is_damaged) == (1, False)


def test_a_slow_converter_needs_but_a_setting():
    converter = Converter(Device(5, [WATER]), shape=lambda answer: [(2.5, answer)])
    with pytest.raises(NoAnswer):
        asked(converter, lambda bus: bus.read(5), Timing(tries=1))
    answer = asked(converter, lambda bus: bus.read(5), Timing(answer_s=3.0, tries=1))
    assert values(answer)[0] == 2850427


def test_a_meter_that_is_asked_twice_says_so():
    device = Device(5, [WATER], garble=lambda number, sent: sent if number > 2 else b"")
    answer = asked(Converter(device), lambda bus: bus.read(5))
    (slow,) = answer.findings
    assert slow.message == "Meter 5 answered only when it was asked 3 times."


def wrong(kind):
    def garble(_number, sent):
        return {
            "silence": b"",
            "half": sent[:30],
            "checksum": sent[:25] + b"\x00" + sent[26:],
            "noise": b"\x00\xff\x55\xaa",
            "ack": b"\xe5",
            "other": closed(b"\x08\x09" + WATER[6:-2]),
            "refused": bytes.fromhex("68 04 04 68 08 05 70 05 82 16"),
        }[kind]

    return garble


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        ("silence", NoAnswer, "Meter 5 does not answer within 0.7 s."),
        ("half", HalfFrame, "Meter 5 was asked; the answer stops after 30 of 47 bytes."),
        ("checksum", BadChecksum, "Meter 5 was asked; the checksum of an answer is "),
        ("noise", Garbled, "Meter 5 was asked; 4 bytes came that are no answer."),
        ("ack", NoData, "Meter 5 acknowledges, but sends no data."),
        ("other", OtherDevice, "Meter 5 was asked, but meter 9 (92752244, HYD, version 41"),
        ("refused", Refused, "The meter refuses: a record of the request has more than 10 DIFE"),
    ],
)
def test_each_failure_in_words(kind, error, said):
    converter = Converter(Device(5, [WATER], garble=wrong(kind)))
    with pytest.raises(error) as caught:
        asked(converter, lambda bus: bus.read(5))
    finding = caught.value.finding("hot water, flat 3")
    assert said in finding.message
    assert finding.remedy
    tries = 1 if kind == "refused" else 3
    assert len([r for r in converter.requests if r[1] == 0x7B]) == tries


def test_a_busy_meter_is_asked_again():
    busy = bytes.fromhex("68 04 04 68 08 05 70 08 85 16")
    device = Device(5, [WATER], garble=lambda number, sent: busy if number == 1 else sent)
    answer = asked(Converter(device), lambda bus: bus.read(5))
    assert values(answer)[0] == 2850427


def test_two_meters_at_one_address_are_no_value():
    converter = Converter(Device(5, [WATER]), Device(5, [HEAT]))
    with pytest.raises(BadFrame) as caught:
        asked(converter, lambda bus: bus.read(5))
    assert "no address is there twice" in caught.value.remedy


def test_a_converter_that_hangs_up_is_called_again():
    converter = Converter(Device(5, [WATER]), hangs_up_after=2)

    async def twice(bus):
        return [await bus.read(5), await bus.read(5)]

    first, second = asked(converter, twice)
    assert values(first) == values(second)
    assert converter.connections == 2


def test_a_converter_that_hangs_up_after_each_answer():
    converter = Converter(Device(5, [HEAT, HEAT_2]), hangs_up_after=1)
    assert values(asked(converter, lambda bus: bus.read(5)))[-1] == 1234000
    assert converter.connections == 3
    heard = asked(Converter(Device(5, [WATER]), hangs_up_after=1), lambda bus: bus.ping(5))
    assert (heard.acks, heard.is_damaged) == (1, False)


def test_no_converter_there():
    async def nobody():
        async with Converter() as converter:
            port = converter.port
        await Bus(TcpLink("127.0.0.1", port)).read(5)

    with pytest.raises(NoConnection, match="cannot be reached"):
        run(nobody())


def test_setting_address_and_baud_rate():
    device = Device(0, [WATER])
    converter = Converter(device)

    async def set_both(bus):
        await bus.set_address(0, 12)
        await bus.set_baud(12, 9600)
        with pytest.raises(NoAnswer):
            await bus.set_address(0, 13)
        return await bus.read(12)

    assert values(asked(converter, set_both))[0] == 2850427
    assert device.commands == [b"\x51\x01\x7a\x0c", b"\xbd"]


@pytest.mark.parametrize(
    "work",
    [
        lambda bus: bus.read(251),
        lambda bus: bus.read(-1),
        lambda bus: bus.set_address(1, 0),
        lambda bus: bus.set_address(1, 251),
        lambda bus: bus.set_address(300, 2),
        lambda bus: bus.set_baud(1, 115200),
    ],
)
def test_what_no_bus_has_is_refused_before_a_byte_is_sent(work):
    converter = Converter(Device(1, [WATER]))
    with pytest.raises(BadRequest):
        asked(converter, work)
    assert converter.requests == []


def test_times_that_make_no_sense_are_refused():
    for wrong_one in ({"answer_s": 0}, {"gap_s": 11}, {"tries": 0}, {"pause_s": -1}):
        with pytest.raises(ValueError, match=r"at most|within"):
            Timing(**wrong_one)


@pytest.mark.parametrize("text", ["", "123456789", "12G45678", "1234567890123", "FFFFFFFFFFFFFFFG"])
def test_what_is_no_secondary_address(text):
    with pytest.raises(BadRequest):
        Secondary.parse(text or "x")


def test_secondary_addresses():
    who = Secondary.parse("89600001CD4E090C")
    assert str(who) == "01006089, SVM, version 9, heat (flow)"
    assert who.to_bytes().hex().upper() == "89600001CD4E090C"
    assert Secondary.parse("6089") == Secondary("00006089")
    assert Secondary.parse("92811594FFFFFFFF") == Secondary.parse("94158192")
    assert Secondary("0100FFFF").matches(who)
    assert not Secondary("0100FFFF", medium=7).matches(who)
    assert Decimal(who.number) == 1006089
