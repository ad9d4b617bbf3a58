"""The command itself, against a real platform, a real bus and signals."""

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from quartier.gateway.home import Home, Pairing
from quartier.gateway.program import FINDINGS, GOOD, INTERNAL, WRONG_USE, main
from quartier.gateway.service import notify, watchdog_s
from tests.gateway.platform import CODE, KEY, NAME, Platform


def now():
    return datetime.now(UTC)


def run(folder, *args):
    return main(["--home", str(folder), *args])


@pytest.fixture
def platform():
    return Platform(now)


def test_a_fault_is_one_line_and_kept_in_full(tmp_path, capsys):
    (tmp_path / "pairing.json").mkdir()  # no file of ours is a folder
    assert run(tmp_path, "status") == INTERNAL
    said = capsys.readouterr().err
    assert re.fullmatch(r"quartier-gateway: internal error \(IsADirectoryError\); send .*\n", said)
    assert "Traceback" in (tmp_path / "faults.log").read_text()


def test_pairing_and_status(tmp_path, platform, capsys):
    with platform.serve() as url:
        assert run(tmp_path, "pair", url, CODE.lower().replace("0", "o")) == GOOD
    said = capsys.readouterr().out
    assert re.search(r"This is linde now. The PIN of its local page is \d{6}\.", said)
    pairing = Home(tmp_path).pairing()
    assert (pairing.url, pairing.gateway, pairing.key) == (url, NAME, KEY)
    assert KEY.hex() not in said
    assert run(tmp_path, "status") == FINDINGS
    said = capsys.readouterr().out
    assert "There is no configuration yet" in said
    assert "waiting        0 measurements" in said


def test_status_says_what_has_waited_too_long(tmp_path, capsys):
    home = Home(tmp_path)
    home.save_pairing(Pairing("https://quartier.example", NAME, KEY, "123456"))
    connection = sqlite3.connect(home.buffer_path)
    connection.execute("CREATE TABLE measurement (at_ms)")
    old_ms = int((now() - timedelta(days=2)).timestamp() * 1000)
    connection.execute("INSERT INTO measurement VALUES (?)", (old_ms,))
    connection.commit()
    connection.close()
    assert run(tmp_path, "status") == FINDINGS
    assert "Nothing has reached the platform for a day" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["run"], "This gateway is not paired"),
        (["status"], "This gateway is not paired"),
        (["pair", "http://quartier.example", CODE], "would send the key in the clear"),
        (["pair", "https://quartier.example", "short"], "a code is 12 letters and digits"),
        (["pair", "http://127.0.0.1:9", CODE], "cannot be reached"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path, capsys, args, says):
    assert run(tmp_path, *args) == WRONG_USE
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_a_wrong_code_is_refused_as_the_platform_says(tmp_path, platform, capsys):
    with platform.serve() as url:
        assert run(tmp_path, "pair", url, "0000-0000-0000") == WRONG_USE
    assert "The code is wrong, was used or is too old." in capsys.readouterr().err
    assert Home(tmp_path).pairing() is None


def test_a_damaged_pairing_says_so(tmp_path, capsys):
    (tmp_path / "pairing.json").write_text("{")
    assert run(tmp_path, "status") == WRONG_USE
    assert "pairing.json is damaged" in capsys.readouterr().err


def test_it_runs_says_that_it_lives_and_stops_on_sigterm(tmp_path, platform):
    with platform.serve() as url, contextlib.closing(_listener(tmp_path)) as told:
        Home(tmp_path).save_pairing(Pairing(url, NAME, KEY, "123456"))
        platform.configure(
            {"timezone": "Europe/Zurich", "buses": [], "meters": [], "power_every_s": 60}
        )
        environment = {**os.environ, "NOTIFY_SOCKET": told.getsockname(), "WATCHDOG_USEC": "300000"}
        environment.pop("WATCHDOG_PID", None)
        command = [sys.executable, "-m", "quartier.gateway.program", "--home", str(tmp_path)]
        process = subprocess.Popen([*command, "run", "--page", "127.0.0.1:0"], env=environment)
        try:
            heard = {told.recv(100) for _ in range(3)}
            until = time.monotonic() + 20
            while Home(tmp_path).configuration(Pairing(url, NAME, KEY, "")) is None:
                assert time.monotonic() < until
                heard.add(told.recv(100))
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == GOOD
    assert {b"READY=1", b"WATCHDOG=1"} <= heard
    assert platform.reports[0]["software"]


def test_paired_again_it_goes_on_as_the_other_gateway(tmp_path, platform):
    other = Platform(now)
    command = [sys.executable, "-m", "quartier.gateway.program", "--home", str(tmp_path)]
    with platform.serve() as first, other.serve() as second:
        Home(tmp_path).save_pairing(Pairing(first, NAME, KEY, "123456"))
        process = subprocess.Popen([*command, "run", "--page", "127.0.0.1:0"])
        try:
            _until(lambda: platform.reports)
            assert run(tmp_path, "pair", second, CODE) == GOOD
            _until(lambda: other.reports)
            assert process.poll() is None
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == GOOD


def _until(happens):
    until = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < until
        time.sleep(0.02)


def _listener(folder):
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    channel.bind(str(folder / "notify"))
    channel.settimeout(20)
    return channel


def test_without_systemd_nothing_is_told(tmp_path):
    assert notify("READY=1", {}) is False
    assert notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "none")}) is False
    assert watchdog_s({}) is None
    assert watchdog_s({"WATCHDOG_USEC": "30000000"}) == 30
    assert watchdog_s({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) is None
    assert watchdog_s({"WATCHDOG_USEC": "x"}) is None


def test_it_needs_nothing_but_python():
    code = (
        "import sys, quartier.gateway.program, quartier.gateway.agent\n"
        "foreign = {'numpy', 'django', 'lxml', 'pymodbus', 'msgspec'} & sys.modules.keys()\n"
        "assert not foreign, foreign"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
