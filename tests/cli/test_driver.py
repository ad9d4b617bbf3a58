"""``quartier driver``: list, test, new, document, and read against pymodbus' simulator."""

import asyncio
import contextlib
import threading
from pathlib import Path

import pytest

from quartier.cli import main
from quartier.drivers import catalog
from tests.drivers.maps import INVERTER, sdm630, sunspec
from tests.protocols.mbus.captures import CAPTURES
from tests.protocols.mbus.slaves import Converter, Device, closed
from tests.protocols.modbus.simulator import device, simulated

ROOT = Path(__file__).resolve().parents[2]
GOOD = (ROOT / "src/quartier/drivers/eastron_sdm120/driver.toml").read_text()
DAY = (ROOT / "src/quartier/drivers/eastron_sdm120/made/day.toml").read_text()


@pytest.fixture
def run(capsys):
    def run(*argv):
        code = main(["driver", *map(str, argv)])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


@pytest.fixture
def folder(tmp_path):
    """A copy of a driver, free to be spoiled."""
    (tmp_path / "mine/made").mkdir(parents=True)
    (tmp_path / "mine/driver.toml").write_text(GOOD)
    (tmp_path / "mine/made/day.toml").write_text(DAY)
    return tmp_path / "mine"


def test_the_list(run):
    code, said = run("list")
    assert code == 0
    assert len(said.splitlines()) == len(list(catalog.folders()))
    assert "eastron_sdm630        modbus  unverified  Eastron SDM630\n" in said


def test_a_driver_by_its_name(run):
    code, said = run("test", "eastron_sdm630")
    assert code == 0
    assert "made/entry.toml: 20 values, as they must be" in said
    assert "3 captures, 0 of them with differences" in said


def test_a_driver_by_its_folder(run, folder):
    assert run("test", folder)[0] == 0


def test_every_capture_is_played_back_however_many_there_are(run, folder):
    for number in range(1000):
        (folder / f"made/d{number:04}.toml").write_text("")
    code, said = run("test", folder)
    assert code == 1
    assert "1001 captures, 1000 of them with differences" in said


def test_a_wrong_register_is_found_by_the_frames(run, folder):
    (folder / "driver.toml").write_text(GOOD.replace("address = 0x48", "address = 0x4A", 1))
    code, said = run("test", folder)
    assert code == 1
    assert "error: made/day.toml: 1-1:1.8.0 reads 500.0 Wh; it must be 12345678.000 Wh." in said


def test_the_faults_of_a_file_with_their_lines(run, folder):
    (folder / "driver.toml").write_text(GOOD.replace('"kWh"', '"kwh"').replace("0x4C", "-1"))
    code, said = run("test", folder)
    assert code == 1
    assert f"error: {folder}/driver.toml:17: register[1].unit: 'kwh' is not a choice" in said
    assert "driver.toml:19: register[3].address: -1 is not within 0 to 65535." in said
    assert "no frames were played back" in said


def test_a_driver_without_frames(run, folder):
    (folder / "made/day.toml").unlink()
    code, said = run("test", folder)
    assert code == 1
    assert "there are no frames in captures/ or made/" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[values]", "[values", "this is not TOML"),
        ("12345.678 kWh", "12345.678 kilowatt", "1-1:1.8.0 has the unit 'kilowatt'"),
        ("12345.678 kWh", "much", 'must be written as "1234.56 kWh"'),
        ('model = "SDM120-Modbus"', 'model = "SDM1"', "the family has no model 'SDM1'"),
        ('model = "SDM120-Modbus"', "model = 1", "model must be a text"),
        ("unit = 11", "unit = 0", "unit must be an address from 1 to 247"),
        ("unit = 11", 'settings = { pause = "1" }', "there is no setting 'pause'"),
        ("unit = 11", 'findings = "x"', "findings must be a list of codes"),
        ('request = "0B', 'request = "0C', "exchange 1: request: the checksum"),
        ('request = "0B', 'request = "XX', "exchange 1 is not in hex"),
        ("request =", "asked =", "exchange 1 needs request and response"),
        ("[[exchange]]", "[exchange]", "there is no [[exchange]]"),
        ('response = "0B 04', 'response = "0B 03', "bytes came within"),
    ],
)
def test_a_capture_that_is_none(run, folder, old, new, said):
    assert old in DAY
    (folder / "made/day.toml").write_text(DAY.replace(old, new, 1))
    code, output = run("test", folder)
    assert code == 1
    assert said in output


def test_a_capture_with_terminal_codes_shows_none(run, folder):
    (folder / "made/day.toml").write_text(DAY.replace("1-1:14.7.0", "\\u001b[31mred"))
    code, said = run("test", folder)
    assert code == 1
    assert "\x1b" not in said


def test_wrong_use(run, tmp_path):
    code, said = run("test", tmp_path)
    assert code == 2
    assert "no driver of that name: see quartier driver list" in said


def test_a_new_driver_is_a_folder_to_fill_in(run, tmp_path):
    made = tmp_path / "my_meter"
    code, said = run("new", made, "--family", "Acme M1")
    assert code == 0
    assert f"quartier driver test {made}" in said
    code, said = run("test", made)
    assert code == 1
    assert "manufacturer: is empty. Fill it in." in said
    assert "source.manual.pages: is empty. Fill it in." in said

    filled = (made / "driver.toml").read_text()
    for empty in ("manufacturer", "title", "revision", "pages"):
        filled = filled.replace(f'{empty} = ""', f'{empty} = "x"')
    (made / "driver.toml").write_text(filled.replace('name = ""', 'name = "M1"'))
    assert catalog.load(made).faults == ()
    assert catalog.load(made).family.head.family == "Acme M1"


def test_a_new_driver_takes_no_place_of_another(run, folder):
    code, said = run("new", folder, "--family", "Acme")
    assert code == 2
    assert "cannot be made: File exists" in said
    assert (folder / "driver.toml").read_text() == GOOD


@pytest.mark.parametrize(
    "more", [["--family", 'A"B'], ["--family", " "], ["--family", "A", "--protocol", "x25"]]
)
def test_a_new_driver_that_cannot_be(run, tmp_path, more):
    assert run("new", tmp_path / "new", *more)[0] == 2
    assert not (tmp_path / "new").exists()


def test_the_page_of_drivers_is_up_to_date(run, tmp_path):
    code, said = run("document", "--out", tmp_path / "drivers.md")
    assert (code, said) == (0, "")
    assert (tmp_path / "drivers.md").read_text() == (ROOT / "docs/drivers.md").read_text(), (
        "run: quartier driver document --out docs/drivers.md"
    )


@contextlib.contextmanager
def in_a_thread(devices):
    """A simulator that runs while the command has the main thread; gives its HOST:PORT."""
    started, stop, at = threading.Event(), threading.Event(), []

    async def serve():
        async with simulated(devices) as bus:
            at.append(bus.link.name)
            started.set()
            while not stop.is_set():
                await asyncio.sleep(0.005)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(10)
        yield at[0]
    finally:
        stop.set()
        thread.join()


def test_reading_a_meter(run):
    with in_a_thread([device(11, inputs=sdm630())]) as at:
        code, said = run("read", at, "--driver", "eastron_sdm630", "--unit", 11)
    assert code == 0
    assert said.splitlines()[0].split() == ["1-1:1.8.0", "8123500.0", "Wh", "billed"]
    assert len(said.splitlines()) == 20


@contextlib.contextmanager
def m_bus(*meters):
    """M-Bus meters behind a converter that runs while the command has the main thread."""
    started, stop, at = threading.Event(), threading.Event(), []

    async def serve():
        async with Converter(*meters) as far:
            at.append(f"127.0.0.1:{far.port}")
            started.set()
            while not stop.is_set():
                await asyncio.sleep(0.005)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(10)
        yield at[0]
    finally:
        stop.set()
        thread.join()


def test_reading_m_bus_meters(run):
    heat = Device(5, [CAPTURES["svm_f22_telegram1"].frame])
    pulses = Device(6, [CAPTURES["rel_padpuls2"].frame])
    read = ("read", "--driver", "mbus_meter", "--unit")
    with m_bus(heat, pulses) as at:
        _, said = run(*read, "01006089", at)
        assert said.splitlines()[:2] == [
            "6-0:1.0.0              28014000 Wh  billed",
            "6-0:2.0.0                640581 l",
        ]
        code, said = run(*read, 6, at)
        assert code == 1
        assert "There are: DIB 0C, VIB 00: 0.000 Wh; DIB 4C, VIB 00: 0.000 Wh." in said
        settings = ("register=6-0:1.0.0", "dib=0C", "vib=00")
        code, said = run(*read, 6, at, *(word for one in settings for word in ("--set", one)))
        assert "6-0:1.0.0                 0.000 Wh  billed" in said
        assert run(*read, "6X", at)[0] == 2
    assert "10.0.0.1 has no port; write HOST:PORT" in run(*read, 5, "10.0.0.1")[1]


def test_scanning_an_m_bus(run, monkeypatch):
    monkeypatch.setattr("quartier.drivers.mbus.line.HIGHEST", 2)
    body = bytearray(CAPTURES["oms_frame2"].frame[4:-2])
    body[3:7] = b"\x99" * 4
    with m_bus(Device(2, [closed(bytes(body))])) as at:
        code, said = run("scan", at, "--mbus", "--timeout-ms", 50)
    assert code == 0
    assert said.splitlines() == [
        "2                 -",
        "9999999924232907  99999999, HYD, version 41, water",
        "2 addresses and numbers answer",
    ]
    assert run("scan", "127.0.0.1:1", "--mbus", "--units", "1-2")[0] == 2
    code, said = run("scan", "127.0.0.1:1", "--mbus")
    assert code == 2
    assert "127.0.0.1:1 cannot be reached" in said


def test_a_new_m_bus_driver(run, tmp_path):
    made = tmp_path / "my_meter"
    assert run("new", made, "--family", "Acme H1", "--protocol", "mbus")[0] == 0
    filled = (made / "driver.toml").read_text()
    for empty in ("manufacturer", "title", "revision", "pages", "name"):
        filled = filled.replace(f'{empty} = ""', f'{empty} = "x"')
    (made / "driver.toml").write_text(filled)
    assert catalog.load(made).faults == ()
    frame = CAPTURES["svm_f22_telegram1"].frame.hex()
    (made / "captures/one.toml").write_text(
        f'model = "x"\ntelegrams = ["{frame}"]\n[values]\n"6-0:1.0.0" = "28014 kWh"\n'
    )
    code, said = run("test", made)
    assert code == 1
    assert "6-0:2.0.0 reads 640581 l; the capture does not list it." in said


def test_reading_the_wrong_meter(run):
    with in_a_thread([device(11, inputs=sdm630())]) as at:
        code, said = run("read", at, "--driver", "carlogavazzi_em340", "--unit", 11)
    assert code == 1
    assert f"error: {at} device 11: " in said
    assert "does not fit. Choose the driver of the model that stands on the meter." in said


def test_reading_sunspec(run):
    with in_a_thread([device(1, holding=sunspec(40000, (103, INVERTER)))]) as at:
        _, said = run("read", at, "--driver", "sunspec", "--model", "inverter")
        assert "1-1:2.7.0                 10350 W\n" in said
        code, said = run("read", at, "--driver", "sunspec", "--model", "battery")
    assert code == 1
    assert "the device has no SunSpec model of battery; it has: 103." in said


def test_scanning_a_bus(run):
    with in_a_thread([device(11, inputs=sdm630()), device(12, holding=[])]) as at:
        code, said = run("scan", at, "--units", "11-12", "--timeout-ms", 5000)
    assert code == 0
    assert said.splitlines() == [
        " 11  eastron_sdm120, eastron_sdm630",
        " 12  no driver fits",
        "2 devices at the addresses 11 to 12",
    ]


@pytest.mark.parametrize("units", ["x", "0-3", "5-4", "1-248", "1-"])
def test_scanning_addresses_that_are_none(run, units):
    code, _ = run("scan", "127.0.0.1:1", "--units", units)
    assert code == 2


def test_a_time_out_that_is_none(run):
    assert run("scan", "127.0.0.1:1", "--timeout-ms", 0)[0] == 2


def test_scanning_where_nothing_is(run):
    code, said = run("scan", "127.0.0.1:1", "--units", "1")
    assert code == 2
    assert "127.0.0.1:1 cannot be reached" in said


def test_reading_where_nothing_is(run):
    code, said = run("read", "127.0.0.1:1", "--driver", "eastron_sdm630")
    assert code == 1
    assert "127.0.0.1:1 cannot be reached" in said
    code, said = run("read", "/dev/ttyNONE", "--driver", "eastron_sdm630", "--line", "9600,E")
    assert code == 1
    assert "the serial port /dev/ttyNONE cannot be opened" in said


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["h", "--driver", "sdm999"], "there is no driver 'sdm999'"),
        (["h", "--driver", "abb_b2x", "--model", "B99"], "has no model 'B99'; it has: B21, B23"),
        (["h", "--driver", "generic_modbus"], "'import_register' is missing"),
        (["h", "--driver", "generic_modbus", "--set", "x"], "must be NAME=VALUE"),
        (["h:x", "--driver", "abb_b2x"], "'x' is not a port"),
        (["h", "--driver", "abb_b2x", "--unit", "0"], "0 is not the address of a device"),
        (["/dev/x", "--driver", "abb_b2x", "--line", "fast"], "is not BAUD,PARITY"),
        (["/dev/x", "--driver", "abb_b2x", "--line", "9600,X"], "parity is N, E or O"),
    ],
)
def test_reading_what_cannot_be_read(run, argv, said):
    code, output = run("read", *argv)
    assert code == 2
    assert said in output
