"""A reader that types, as the bytes of Linux' input layer from a pipe. A machine that runs tests
has no such device, so the call that grabs it is watched in its place."""

import asyncio
import errno
import os
from contextlib import asynccontextmanager

import pytest

from quartier.formats.uplink.badge_readers import ReaderKind, ReaderSettings
from quartier.gateway.readers import keyboard
from quartier.gateway.readers.reader import Reader
from quartier.protocols.rfid.keyboard import GRAB
from tests.gateway.readers.doors import Watched
from tests.protocols.rfid.strokes import DROPPED, presses

A = "04A1B2C3"


@pytest.fixture
def pipe(tmp_path, monkeypatch):
    path = tmp_path / "event0"
    os.mkfifo(path)
    grabbed = []
    monkeypatch.setattr(keyboard.fcntl, "ioctl", lambda *given: grabbed.append(given[1:]))
    return path, grabbed


@asynccontextmanager
async def typing(path, **how):
    """A reader at ``path``, and the end at which to type."""
    descriptor = os.open(path, os.O_RDWR)
    settings = ReaderSettings("door", ReaderKind.KEYBOARD, device=str(path), repeat_s=0, **how)
    async with Watched(settings) as watched:
        await asyncio.sleep(0)
        yield watched, descriptor
    os.close(descriptor)


def typed(pipe, *texts, count=1, **how):
    async def scenario():
        async with typing(pipe[0], **how) as (watched, descriptor):
            for text in texts:
                os.write(descriptor, text if isinstance(text, bytes) else presses(text))
            return list(await watched.until(count))

    return asyncio.run(scenario())


def test_a_badge_and_enter_and_nobody_else_gets_it(pipe):
    assert typed(pipe, "04a1b2c3\n") == [(A, "")]
    assert pipe[1] == [(GRAB, 1)]


def test_ten_decimal_digits_as_most_such_readers_type_them(pipe):
    assert typed(pipe, "0077705923\n", notation="decimal") == [(A, "")]


def test_a_keypad_before_and_after(pipe):
    assert typed(pipe, "12#", "04a1b2c3\n", keys="before") == [(A, "12")]
    assert typed(pipe, "04a1b2c3\n", "1", "2", "#", keys="after") == [(A, "12")]
    assert typed(pipe, "04a1b2c3\n", "7\n", keys="after") == [(A, "7")]


def test_lost_events_cost_one_line_and_never_make_another_badge(pipe):
    first = presses("04a1") + DROPPED + presses("b2c3\n")
    assert typed(pipe, first, "04112233445566\n") == [("04112233445566", "")]


def test_what_is_no_badge_is_a_finding(pipe):
    async def scenario():
        async with typing(pipe[0]) as (watched, descriptor):
            os.write(descriptor, presses("123\n"))
            await watched.noticed("reader.unreadable")
            os.write(descriptor, presses("04a1b2c3\n"))
            return list(await watched.until(1)), watched.codes()

    assert asyncio.run(scenario()) == ([(A, "")], [])


def test_an_unfinished_line_does_not_wait_for_the_next_badge(pipe, monkeypatch):
    monkeypatch.setattr(
        keyboard, "LONGEST_PAUSE_S", -1
    )  # each key comes too late for the one before
    door = keyboard.KeyboardDoor(ReaderSettings("door", ReaderKind.KEYBOARD))

    class Desk:
        seen = []

        def saw(self, one):
            self.seen.append(one.card)

    for character in "04A\n":
        door._take(character, 0.0, Desk)
    assert Desk.seen == []


def test_a_reader_that_is_pulled_out_is_a_finding_until_it_is_back(pipe, monkeypatch):
    monkeypatch.setattr("quartier.gateway.readers.reader.AGAIN_S", 0.01)

    async def scenario():
        async with typing(pipe[0]) as (watched, descriptor):
            os.write(descriptor, presses("04a1b2c3\n"))
            await watched.until(1)
            away = pipe[0].rename(f"{pipe[0]}.away")
            loop = asyncio.get_running_loop()
            real, lost = os.read, [True]

            def gone(number, size):
                if lost:
                    lost.clear()
                    raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
                return real(number, size)

            monkeypatch.setattr(keyboard.os, "read", gone)
            os.write(descriptor, presses("1"))
            await watched.noticed("reader.shut")
            away.rename(pipe[0])
            await asyncio.sleep(0.05)
            os.write(descriptor, presses("\n04112233445566\n"))
            assert loop.is_running()
            return list(await watched.until(2))

    assert asyncio.run(scenario()) == [(A, ""), ("04112233445566", "")]


def test_what_is_no_input_device_is_a_finding(tmp_path):
    path = tmp_path / "event0"
    path.write_bytes(b"")

    async def scenario():
        settings = ReaderSettings("door", ReaderKind.KEYBOARD, device=str(path))
        async with Watched(settings) as watched:
            await watched.noticed("reader.shut")
            assert isinstance(watched.reader, Reader)

    asyncio.run(scenario())
