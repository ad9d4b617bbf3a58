"""RTU and TCP frames: known ones, half ones, noise, any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.protocols.modbus import mbap, rtu
from quartier.protocols.modbus.errors import BadChecksum, BadFrame
from quartier.protocols.modbus.framing import RtuFraming, TcpFraming


def test_the_checksum_of_the_serial_line_specification():
    """V1.02, appendix B: the CRC of 02 07 is 12 41 on the line."""
    assert rtu.crc16(bytes.fromhex("0207")).to_bytes(2, "little") == bytes.fromhex("4112")


@pytest.mark.parametrize(
    "frame",  # of devices and tutorials, not of this code
    [
        "01 03 00 00 00 0A C5 CD",
        "11 03 00 6B 00 03 76 87",
        "11 05 00 AC FF 00 4E 8B",
        "01 04 00 48 00 02 F1 DD",
    ],
)
def test_known_frames(frame):
    data = bytes.fromhex(frame)
    unit, pdu = rtu.decode(data)
    assert (unit, pdu) == (data[0], data[1:-2])
    assert rtu.encode(unit, pdu) == data


def test_a_wrong_checksum_and_half_a_frame():
    with pytest.raises(BadChecksum):
        rtu.decode(bytes.fromhex("01 03 00 00 00 0B C5 CD"))
    with pytest.raises(BadFrame):
        rtu.decode(b"\1\3\0")


ANSWER = rtu.encode(11, bytes.fromhex("0304 42C8 0000"))


@given(st.binary(max_size=40), st.binary(max_size=10))
def test_an_answer_is_found_behind_noise(noise, after):
    found = rtu.find_response(noise + ANSWER + after)
    assert found is not None
    if found.noise == len(noise):  # else the noise held a sound frame of its own: 1 in 65536
        assert (found.unit, found.pdu) == (11, bytes.fromhex("0304 42C8 0000"))
        assert found.used == len(noise + ANSWER)


@pytest.mark.parametrize("cut", range(len(ANSWER)))
def test_half_an_answer_is_none_yet(cut):
    assert rtu.find_response(ANSWER[:cut]) is None


def test_noise_that_looks_like_the_head_of_a_longer_answer():
    noise = bytes.fromhex("0B 03 FA")  # would be 255 bytes
    found = rtu.find_response(noise + ANSWER)
    assert found is not None
    assert (found.unit, found.noise) == (11, 3)


@pytest.mark.parametrize("pdu", ["83 02", "06 0001 0003", "10 0001 0002", "17 02 0001", "01 01 01"])
def test_every_kind_of_answer_is_found(pdu):
    found = rtu.find_response(b"\xff" + rtu.encode(247, bytes.fromhex(pdu)))
    assert found is not None
    assert found.pdu == bytes.fromhex(pdu)


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_a_stream_of_any_bytes_ends(chunks):
    framing, buffer = RtuFraming(), bytearray()
    for chunk in chunks:
        buffer += chunk
        before = len(buffer)
        while (answer := framing.next(buffer)) is not None:
            assert len(buffer) < before
            before = len(buffer)
            assert answer.pdu


def test_tcp_frames_one_by_one():
    framing = TcpFraming()
    sent = framing.encode(5, b"\4\0\1\0\1")
    assert sent == bytes.fromhex("0001 0000 0006 05 04 0001 0001")
    buffer = bytearray(mbap.encode(1, 5, b"\4\2\0\7") + mbap.encode(7, 5, b"\4\2\0\7")[:-1])
    first = framing.next(buffer)
    assert first is not None
    assert (first.unit, first.pdu, first.is_ours) == (5, b"\4\2\0\7", True)
    assert framing.next(buffer) is None
    buffer += b"\7"
    second = framing.next(buffer)
    assert second is not None
    assert not second.is_ours
    assert not buffer


def test_transaction_numbers_come_round():
    framing = TcpFraming()
    numbers = [int.from_bytes(framing.encode(1, b"\3")[:2], "big") for _ in range(0x10001)]
    assert min(numbers) == 1
    assert numbers[:2] == numbers[0xFFFF:]


@pytest.mark.parametrize("head", ["HTTP/1.1 400", "\0\1\0\0\0\0\1", "\0\1\0\0\1\0\1"])
def test_what_is_not_modbus_tcp_is_said_so(head):
    with pytest.raises(BadFrame, match="not Modbus TCP"):
        mbap.find_frame(head.encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_a_frame_none_yet_or_the_named_error(data):
    try:
        found = mbap.find_frame(data)
    except BadFrame:
        return
    if found is not None:
        assert mbap.encode(found.transaction, found.unit, found.pdu) == data[: found.used]
