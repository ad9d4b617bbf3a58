"""The link layer: frames in any stream of bytes, and nothing but frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.protocols.mbus import frames
from quartier.protocols.mbus.errors import BadChecksum, BadFrame, HalfFrame
from quartier.protocols.mbus.frames import Ack, Long, Reader, Short
from tests.protocols.mbus.captures import CAPTURES

ONE_BYTE = st.integers(0, 255)
SOME = st.one_of(
    st.just(Ack()),
    st.builds(Short, ONE_BYTE, ONE_BYTE),
    st.builds(Long, ONE_BYTE, ONE_BYTE, ONE_BYTE, st.binary(max_size=252)),
)
WATER = CAPTURES["oms_frame2"].frame


@pytest.mark.parametrize(
    ("frame", "sent"),
    [
        (Ack(), "E5"),
        (Short(0x40, 1), "10 40 01 41 16"),
        (Short(0x7B, 0xFD), "10 7B FD 78 16"),
        (Long(0x53, 0xFE, 0x51, b"\x01\x7a\x08"), "68 06 06 68 53 FE 51 01 7A 08 25 16"),
        (Long(0x53, 1, 0xBD), "68 03 03 68 53 01 BD 11 16"),
    ],
)
def test_known_frames(frame, sent):
    assert frames.encode(frame) == bytes.fromhex(sent)
    assert frames.decode(bytes.fromhex(sent)) == ((frame,), (), 0)


@given(st.lists(SOME, max_size=5))
def test_what_is_encoded_is_decoded(some):
    sent = b"".join(map(frames.encode, some))
    assert frames.decode(sent) == (tuple(some), (), 0)


@given(st.lists(SOME, max_size=4), st.data())
def test_the_pieces_in_which_bytes_come_do_not_matter(some, data):
    sent = b"".join(map(frames.encode, some))
    reader, found, place = Reader(), [], 0
    while place < len(sent):
        size = data.draw(st.integers(1, len(sent)))
        reader.feed(sent[place : place + size])
        place += size
        while (frame := reader.next()) is not None:
            found.append(frame)
    assert found == some
    assert reader.noise == 0


@given(
    st.binary(max_size=20).map(
        lambda noise: bytes(byte for byte in noise if byte not in b"\x10h\xe5")
    ),
    SOME,
)
def test_a_frame_is_found_behind_noise(noise, frame):
    assert frames.decode(noise + frames.encode(frame) + noise) == ((frame,), (), 2 * len(noise))


@given(st.binary(max_size=600))
def test_any_bytes_are_frames_or_noise(data):
    found, _, noise = frames.decode(data)
    assert sum(len(frames.encode(frame)) for frame in found) + noise == len(data)


@given(st.integers(1, len(WATER) - 1))
def test_half_a_frame_is_no_frame(size):
    found, bad, _ = frames.decode(WATER[:size])
    assert not any(isinstance(frame, Long) for frame in found)
    if size >= 4:
        assert isinstance(bad[0], HalfFrame)
        assert f"after {size} of {len(WATER)} bytes" in str(bad[0])


@given(st.integers(4, len(WATER) - 3), st.integers(1, 255))
def test_a_changed_byte_is_a_wrong_checksum(place, change):
    damaged = bytearray(WATER)
    damaged[place] ^= change
    found, bad, _ = frames.decode(bytes(damaged))
    assert found == ()
    assert isinstance(bad[0], BadChecksum)
    assert "checksum" in bad[0].finding("meter w1").message


def test_a_frame_behind_half_of_another_is_found():
    found, bad, _ = frames.decode(WATER[:20] + WATER)
    assert [frames.encode(frame) for frame in found] == [WATER]
    assert bad


def test_a_frame_without_its_end():
    _, bad, _ = frames.decode(WATER[:-1] + b"\x17")
    assert "does not end with 16 hex" in str(bad[0])


@pytest.mark.parametrize(
    "frame", [Short(256, 1), Short(0, -1), Long(0, 0, 256), Long(0, 0, 0, bytes(253))]
)
def test_what_no_frame_holds_is_refused(frame):
    with pytest.raises(BadFrame):
        frames.encode(frame)
