"""Requests and answers against the examples of the specification, and against any bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.protocols.modbus import pdu
from quartier.protocols.modbus.errors import BadFrame, BadRequest, Refused, WrongLength
from quartier.protocols.modbus.pdu import Request

# MODBUS Application Protocol Specification V1.1b3, the example of each function in section 6.
EXAMPLES = [
    (Request(1, 0x13, 0x13), "01 0013 0013", "01 03 CD6B05", "1011001111010110101"),
    (Request(2, 0xC4, 0x16), "02 00C4 0016", "02 03 ACDB35", "0011010111011011101011"),
    (Request(3, 0x6B, 3), "03 006B 0003", "03 06 022B 0000 0064", [555, 0, 100]),
    (Request(4, 8, 1), "04 0008 0001", "04 02 000A", [10]),
    (Request(5, 0xAC, 1, (1,)), "05 00AC FF00", "05 00AC FF00", []),
    (Request(6, 1, 1, (3,)), "06 0001 0003", "06 0001 0003", []),
    (
        Request(15, 0x13, 10, (1, 0, 1, 1, 0, 0, 1, 1, 1, 0)),
        "0F 0013 000A 02 CD01",
        "0F 0013 000A",
        [],
    ),
    (Request(16, 1, 2, (10, 258)), "10 0001 0002 04 000A 0102", "10 0001 0002", []),
    (
        Request(23, 3, 6, (255, 255, 255), 14),
        "17 0003 0006 000E 0003 06 00FF 00FF 00FF",
        "17 0C 00FE 0ACD 0001 0003 000D 00FF",
        [254, 2765, 1, 3, 13, 255],
    ),
]


@pytest.mark.parametrize(("request_", "sent", "answer", "values"), EXAMPLES)
def test_the_examples_of_the_specification(request_, sent, answer, values):
    expected = tuple(int(value) for value in values)
    assert pdu.encode_request(request_) == bytes.fromhex(sent)
    assert pdu.decode_request(bytes.fromhex(sent)) == request_
    assert pdu.decode_response(request_, bytes.fromhex(answer)) == expected
    if not request_.values or request_.function == 23:
        assert pdu.encode_response(request_, expected) == bytes.fromhex(answer)


def test_an_exception_says_why():
    with pytest.raises(Refused, match=r"no such register \(exception 2\)") as refused:
        pdu.decode_response(Request(1, 0x4A1, 1), bytes.fromhex("8102"))
    assert refused.value.is_address
    assert not refused.value.is_passing
    with pytest.raises(Refused, match="converter got no answer") as refused:
        pdu.decode_response(Request(3, 0, 1), bytes.fromhex("830B"))
    assert refused.value.is_passing
    assert "behind the converter" in refused.value.finding("meter 11").remedy


def test_more_or_fewer_registers_than_asked_for():
    for answer in ("03 04 0001 0002", "03 00"):
        with pytest.raises(WrongLength):
            pdu.decode_response(Request(3, 0, 1), bytes.fromhex(answer))


@pytest.mark.parametrize(
    "answer", ["", "03", "04 02 0001", "03 02 00", "03 02 0001 00", "83", "83 02 00", "90 02"]
)
def test_no_answer_to_this(answer):
    with pytest.raises(BadFrame):
        pdu.decode_response(Request(3, 0, 1), bytes.fromhex(answer))


def test_a_write_that_is_confirmed_with_another_value():
    with pytest.raises(BadFrame):
        pdu.decode_response(Request(6, 1, 1, (3,)), bytes.fromhex("06 0001 0004"))


@pytest.mark.parametrize(
    "arguments",
    [
        (7, 0, 1),
        (3, 0, 0),
        (3, 0, 126),
        (1, 0, 2001),
        (3, -1, 1),
        (3, 0xFFFF, 2),
        (3, 0, 1, (1,)),
        (6, 0, 1, (0x10000,)),
        (5, 0, 1, (2,)),
        (16, 0, 2, (1,)),
        (23, 0, 1),
        (23, 0, 1, (1, 2), 0xFFFF),
    ],
)
def test_what_modbus_cannot_express(arguments):
    with pytest.raises(BadRequest):
        Request(*arguments)


@st.composite
def requests(draw):
    function = draw(st.sampled_from(sorted(pdu.FUNCTIONS)))
    count = 1 if function in {5, 6} else draw(st.integers(1, 120))
    address = draw(st.integers(0, 0xFFFF - 120))
    highest = 1 if function in {5, 15} else 0xFFFF
    size = count if function in pdu.WRITES else draw(st.integers(1, 121)) if function == 23 else 0
    values = draw(st.lists(st.integers(0, highest), min_size=size, max_size=size))
    return Request(function, address, count, tuple(values), address if function == 23 else 0)


@given(requests())
def test_a_request_is_read_as_it_was_written(request_):
    assert pdu.decode_request(pdu.encode_request(request_)) == request_


@given(requests(), st.binary(max_size=260))
def test_any_bytes_give_an_answer_or_the_named_error(request_, data):
    for bytes_ in (
        data,
        bytes([request_.function]) + data,
        bytes([request_.function | 128]) + data,
    ):
        try:
            values = pdu.decode_response(request_, bytes_)
        except (BadFrame, Refused):
            continue
        assert len(values) == (0 if request_.function in pdu.WRITES else request_.count)


@given(st.binary(max_size=260))
def test_any_bytes_are_a_request_or_the_named_error(data):
    try:
        request_ = pdu.decode_request(data)
    except BadFrame:
        return
    assert pdu.encode_request(request_) == data
