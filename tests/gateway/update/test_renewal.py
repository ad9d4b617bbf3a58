"""A gateway renews itself: real processes, a real server, versions that are good and that are not.

The versions are made of the sources with shorter times; the program is started again when it ends,
as systemd does.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import pytest

from quartier.formats.uplink.software import PART_BYTES
from quartier.gateway.home import Home, Pairing
from tests.gateway.platform import KEY, NAME, Platform
from tests.gateway.update.releases import keys, packed, sha256, signed, tree

UPDATER = "gateway/update/updater.py"
QUICK = [
    (UPDATER, r"LOOKS_EVERY_S = .*", "LOOKS_EVERY_S = 0.2"),
    (UPDATER, r"AGAIN_S = .*", "AGAIN_S = 0.5"),
    (UPDATER, r"CONFIRMS_AFTER_S = .*", "CONFIRMS_AFTER_S = 0.6"),
    ("gateway/update/slots.py", r"MOST_STARTS_OF_KNOWN = .*", "MOST_STARTS_OF_KNOWN = 3"),
    ("gateway/uplink.py", r"\nEVERY_S = .*", "\nEVERY_S = 0.4"),
    ("gateway/uplink.py", r"\nFIRST_DELAY_S = .*", "\nFIRST_DELAY_S = 0.2"),
]
LAUNCHER = (
    "import sys; sys.path.insert(0, {lib!r})\n"
    "from quartier.gateway.update.start import start\n"
    "sys.exit(start(['quartier-gateway', *sys.argv[1:]]))"
)
LONGEST_S = 60


class Releases(Platform):
    """A platform that also has versions."""

    def __init__(self):
        super().__init__(lambda: datetime.now(UTC))
        self.files, self.asked = {}, []
        self.cuts = 0

    def offer(self, data, signature, version, attempt=1):
        self.files[sha256(data)] = data
        about = {
            "version": version,
            "sha256": sha256(data),
            "size": len(data),
            "signature": signature.hex(),
            "attempt": attempt,
        }
        self.configure(
            {
                "timezone": "Europe/Zurich",
                "buses": [],
                "meters": [],
                "power_every_s": 60,
                "software": about,
            }
        )

    def _verified(self, method, path, body):
        if not path.startswith("/api/gateway/package?"):
            return super()._verified(method, path, body)
        named = dict(one.split("=") for one in path.partition("?")[2].split("&"))
        self.asked.append(int(named["from"]))
        if self.cuts and self.asked[-1]:
            self.cuts -= 1
            return 503, json.dumps({"version": 1, "error": "later"}).encode()
        at = int(named["from"])
        return 200, self.files[named["sha256"]][at : at + PART_BYTES]

    def software(self):
        return [one["software"] for one in self.reports]

    def codes(self):
        return {one["code"] for report in self.reports for one in report["findings"]}


class Box:
    """The computer in the meter room: an installed version, a folder, and what starts it again."""

    def __init__(self, tmp_path, url, public):
        home = tmp_path / "home"
        home.mkdir(mode=0o700)
        Home(home).save_pairing(Pairing(url, NAME, KEY, "123456"))
        installed = tmp_path / "installed"
        own_key = (UPDATER, r"KEY = .*", f'KEY = Path("{public}")')
        self.changes = [*QUICK, own_key]
        lib = tree(installed, "0.1.0", self.changes)
        code = LAUNCHER.format(lib=str(lib))
        command = [sys.executable, "-I", "-c", code, "--home", str(home), "run", "--page", "off"]
        self.command = [*command, "--remote", "off"]
        self.versions = home / "versions"
        self.starts, self.is_over = 0, False

    @contextlib.contextmanager
    def running(self):
        keeping = threading.Thread(target=self._keep)
        keeping.start()
        try:
            yield
        finally:
            self.is_over = True
            self.process.terminate()
            keeping.join()

    def _keep(self):
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        while not self.is_over:
            self.starts += 1
            self.process = subprocess.Popen(
                self.command, env=environment, stderr=subprocess.DEVNULL
            )
            while self.process.poll() is None and not self.is_over:
                time.sleep(0.02)
            self.process.terminate()
            self.process.wait()

    def state(self):
        return json.loads((self.versions / "state.json").read_text())


def until(condition):
    end = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    """Makes and signs versions."""
    folder = tmp_path_factory.mktemp("releases")
    private, public = keys(folder)

    def make(version, *changes, key=private):
        path = folder / f"{version}-{len(list(folder.iterdir()))}.zip"
        lib = tree(folder / path.stem, version, changes)
        data = packed(lib, path, version)
        return data, signed(path, key)

    make.public = public
    make.folder = folder
    return make


@pytest.fixture
def house(tmp_path, releases):
    platform = Releases()
    with platform.serve() as url:
        yield platform, Box(tmp_path, url, releases.public)


def test_a_good_version_is_fetched_in_parts_tried_and_kept(house, releases):
    platform, box = house
    data, signature = releases("0.2.0", *box.changes)
    assert len(data) > PART_BYTES, "else it is not fetched in parts"
    platform.cuts = 2
    platform.offer(data, signature, "0.2.0")
    with box.running():
        until(lambda: box.versions.joinpath("state.json").exists())
        until(lambda: box.state()["current"] == "0.2.0")
        until(lambda: "gateway.renewed" in platform.codes())
    box.versions.joinpath("0.2.0/lib/quartier/gateway/agent.py").write_text("?")
    first = len(platform.asked)
    assert platform.asked == sorted(platform.asked), "what was there is not fetched again"
    assert platform.software()[0] == "0.1.0"
    assert platform.software()[-1] == "0.2.0"
    assert [one.name for one in box.versions.iterdir() if one.is_dir()] == ["0.2.0"]
    box.is_over = False
    with box.running():
        until(lambda: "gateway.update_given_up" in platform.codes())
        until(lambda: box.state()["current"] == "0.2.0" and not box.state()["failed"])
    assert len(platform.asked) > first, "a copy that went bad is fetched anew"


def test_a_version_that_fails_is_left_behind_and_said_and_may_be_tried_again(house, releases):
    platform, box = house
    broken = ("gateway/program.py", r"def main\(", "raise SystemExit(7)\n\n\ndef main(")
    # It passes its check, which runs no command, and dies as soon as it is to run.
    late = (
        "gateway/program.py",
        r"def _run\(args: argparse.Namespace\) -> int:\n",
        "\\g<0>    sys.exit(7)\n",
    )
    platform.offer(*releases("0.2.0", *box.changes, late), "0.2.0")
    with box.running():
        until(lambda: "gateway.update_given_up" in platform.codes())
        assert box.state()["failed"] == [["0.2.0", 1]]
        assert platform.software()[-1] == "0.1.0"
        starts = box.starts
        platform.offer(*releases("0.3.0", *box.changes, broken), "0.3.0")
        until(lambda: "gateway.update_refused" in platform.codes())
        assert box.starts == starts, "one that does not pass its check is never started"
        platform.offer(*releases("0.2.0", *box.changes), "0.2.0", attempt=2)
        until(lambda: box.state()["current"] == "0.2.0")


def test_one_that_the_platform_never_hears_of_is_left_behind(house, releases):
    platform, box = house
    deaf = [
        ("gateway/uplink.py", r"BATCHES = .*", 'BATCHES = "/nowhere"'),
        ("gateway/uplink.py", r"REPORTS = .*", 'REPORTS = "/nowhere"'),
        ("gateway/uplink.py", r"self\.state\.last_answer_at = self\._now\(\)", "pass"),
        (UPDATER, r"CONFIRMS_WITHIN_S = .*", "CONFIRMS_WITHIN_S = 0.8"),
    ]
    platform.offer(*releases("0.2.0", *box.changes, *deaf), "0.2.0")
    with box.running():
        until(lambda: "gateway.update_given_up" in platform.codes())
    assert box.state()["current"] == ""


def test_what_is_not_of_the_releases_is_refused_and_never_unpacked(house, releases):
    platform, box = house
    other = releases.folder / "other"
    other.mkdir()
    platform.offer(*releases("0.2.0", *box.changes, key=keys(other)[0]), "0.2.0")
    with box.running():
        until(lambda: "gateway.update_refused" in platform.codes())
        data, signature = releases("0.2.1", *box.changes)
        platform.files[sha256(data)] = data[:-1] + b"\0"
        platform.offer(data, signature, "0.2.1")
        platform.files[sha256(data)] = data[:-1] + bytes([data[-1] ^ 1])
        until(lambda: ["0.2.1", 1] in box.state()["failed"])
    assert set(platform.software()) == {"0.1.0"}
    assert not [one for one in box.versions.iterdir() if one.is_dir()]


def test_what_is_older_than_the_installed_package_is_not_even_fetched(house, releases):
    platform, box = house
    platform.offer(*releases("0.0.9", *box.changes), "0.0.9")
    with box.running():
        until(lambda: "gateway.update_refused" in platform.codes())
        assert (platform.asked, box.starts) == ([], 1)


def test_a_download_that_a_power_cut_damaged_begins_anew(house, releases):
    platform, box = house
    data, signature = releases("0.2.0", *box.changes)
    box.versions.mkdir(mode=0o700)
    (box.versions / f"{sha256(data)}.part").write_bytes(bytes(1000))
    platform.offer(data, signature, "0.2.0")
    with box.running():
        until(lambda: box.versions.joinpath("state.json").exists())
        until(lambda: box.state()["current"] == "0.2.0")
    assert platform.asked[0] == 1000
    assert 0 in platform.asked
    assert box.state()["failed"] == []


def test_a_version_that_calls_itself_otherwise_is_refused(house, releases):
    platform, box = house
    other = ("__init__.py", r'__version__ = ".*"', '__version__ = "0.2.9"')
    platform.offer(*releases("0.2.0", *box.changes, other), "0.2.0")
    with box.running():
        until(lambda: "gateway.update_refused" in platform.codes())
    assert set(platform.software()) == {"0.1.0"}
