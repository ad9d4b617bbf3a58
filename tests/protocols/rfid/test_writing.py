"""What readers send for a badge: digits in several notations, frames, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.protocols.rfid.uid import Notation as OfUid
from quartier.protocols.rfid.uid import Uid
from quartier.protocols.rfid.wiegand import Key
from quartier.protocols.rfid.writing import BadWriting, Notation, Writing

HEX, DECIMAL, PAIR, BITS = Notation

BYTES = st.sampled_from([4, 7]).flatmap(lambda size: st.binary(min_size=size, max_size=size))


@pytest.mark.parametrize(
    ("writing", "text", "number"),
    [
        (Writing(HEX), "04a1b2c3", "04A1B2C3"),
        (Writing(HEX), " 0x04:A1:B2:C3 ", "04A1B2C3"),
        (Writing(HEX, is_reversed=True), "C3B2A104", "04A1B2C3"),
        (Writing(HEX), "8804112233445566", "04112233445566"),
        (Writing(HEX), "393039", "393039"),
        (Writing(DECIMAL), "0077705923", "04A1B2C3"),
        (Writing(DECIMAL, is_reversed=True), "3283263748", "04A1B2C3"),
        (Writing(DECIMAL, 26), "3747897", "393039"),
        (Writing(DECIMAL, 58), "1145108241268070", "04117849F33D66"),
        (Writing(PAIR, 26), "57,12345", "393039"),
        (Writing(PAIR, 26), "05712345", "393039"),
        (Writing(PAIR, 34), "1185:45763", "04A1B2C3"),
        (Writing(PAIR, 37), "1-524287", "0000FFFFF"),
        (Writing(BITS), "00011100100110000001110011", "393039"),
    ],
)
def test_what_the_notations_say(writing, text, number):
    assert writing.read(text) == number


def test_keys_come_as_frames_too():
    assert Writing(BITS).read("1011") == Key("#")


@given(BYTES.filter(lambda data: data[0] != 0x88), st.booleans())
def test_a_whole_number_is_the_same_in_every_notation(data, is_reversed):
    uid = Uid(data.hex().upper())
    bits = 34 if len(data) == 4 else 58
    wire = uid.notations[OfUid.HEX_REVERSED if is_reversed else OfUid.HEX]
    decimal = uid.notations[OfUid.DECIMAL_REVERSED if is_reversed else OfUid.DECIMAL]
    frame = f"{int(wire, 16):0{bits - 2}b}"
    half = len(frame) // 2
    parity = frame[:half].count("1") % 2, 1 - frame[half:].count("1") % 2
    assert Writing(HEX, bits, is_reversed).read(wire.lower()) == uid.hex
    assert Writing(DECIMAL, bits, is_reversed).read(decimal) == uid.hex
    assert Writing(BITS, bits, is_reversed).read(f"{parity[0]}{frame}{parity[1]}") == uid.hex


@pytest.mark.parametrize(
    ("writing", "text"),
    [
        (Writing(HEX), ""),
        (Writing(HEX), "04A1B2C"),
        (Writing(HEX), "04A1B2C3D4"),
        (Writing(HEX), "8804A1B2"),
        (Writing(HEX), "04A1B2CG"),
        (Writing(DECIMAL), "4294967296"),
        (Writing(DECIMAL), "-1"),
        (Writing(DECIMAL, 26), "16777216"),
        (Writing(PAIR, 26), "256,0"),
        (Writing(PAIR, 26), "0,65536"),
        (Writing(PAIR, 34), "0571234"),
        (Writing(BITS), "00011100100110000001110010"),
        (Writing(BITS), "2" * 26),
    ],
)
def test_what_is_no_badge_is_refused_without_telling_it(writing, text):
    with pytest.raises(BadWriting) as refused:
        writing.read(text)
    assert len(text) < 4 or text not in str(refused.value)


@given(
    st.builds(Writing, st.sampled_from([HEX, DECIMAL, BITS]), st.sampled_from([26, 34, 37, 58])),
    st.text(max_size=80) | st.from_regex(r"[0-9A-Fa-f:,x ]{0,30}", fullmatch=True),
)
def test_any_text_is_a_number_a_key_or_refused(writing, text):
    try:
        found = writing.read(text)
    except BadWriting:
        return
    assert isinstance(found, Key) or (set(found) <= set("0123456789ABCDEF") and len(found) >= 6)
