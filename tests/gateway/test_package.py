"""The Debian package holds all that the gateway imports, and runs with nothing but Python."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from quartier import __version__
from quartier.gateway.update.archive import unpack, verify
from tests.gateway.update.releases import keys

DOC = "usr/share/doc/quartier-gateway"
RECIPE = Path(__file__).parents[2] / "packaging/gateway"

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb builds the package")


def test_the_package_runs_alone(tmp_path):
    environment = {**os.environ, "PYTHON": sys.executable}
    built = subprocess.run(
        [RECIPE / "build-deb", tmp_path], env=environment, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    (package,) = tmp_path.glob("quartier-gateway_*_all.deb")
    inside = tmp_path / "inside"
    subprocess.run(["dpkg-deb", "-x", package, inside], check=True)
    lib = inside / "usr/lib/quartier-gateway"
    assert not list(lib.rglob("__pycache__"))
    assert not list(lib.rglob("*.so"))  # it is for every kind of processor
    assert "Redistribution" in (inside / f"{DOC}/copyright.websockets").read_text()
    code = (
        f"import sys; sys.path.insert(0, {str(lib)!r})\n"
        "from quartier.drivers.catalog import families\n"
        "assert len(families()) > 5\n"
        "from quartier.gateway.program import main\n"
        "import websockets\n"
        f"assert websockets.__file__.startswith({str(lib)!r})\n"
        f"sys.exit(main(['--home', {str(tmp_path / 'home')!r}, 'status']))"
    )
    alone = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True)
    assert alone.returncode == 2, alone.stderr
    assert "This gateway is not paired" in alone.stderr


def test_the_unit_starts_what_the_package_installs():
    unit = (RECIPE / "quartier-gateway.service").read_text()
    assert "ExecStart=/usr/bin/quartier-gateway run\n" in unit
    assert (
        'cp "$here/launcher" "$stage/usr/bin/quartier-gateway"'
        in (RECIPE / "build-deb").read_text()
    )
    (seconds,) = re.findall(r"^WatchdogSec=(\d+)$", unit, re.MULTILINE)
    assert int(seconds) >= 60


def test_the_file_of_a_version_is_signed_and_the_same_from_the_same_sources(tmp_path):
    private, public = keys(tmp_path)
    environment = {**os.environ, "PYTHON": sys.executable}
    made = []
    for name in ("first", "second"):
        built = subprocess.run(
            [RECIPE / "build-update", private, tmp_path / name],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert built.returncode == 0, built.stderr
        made.append(tuple(Path(line).read_bytes() for line in built.stdout.split()))
    assert made[0] == made[1]
    archive = Path(built.stdout.split()[0])
    verify(archive, made[0][1], public)
    unpack(archive, tmp_path / __version__, __version__)
    lib = tmp_path / __version__ / "lib"
    code = f"import sys; sys.path.insert(0, {str(lib)!r})\n" + (
        "from quartier.gateway.update.selfcheck import check\nsys.exit(check(sys.argv[1]))"
    )
    checked = subprocess.run([sys.executable, "-ISc", code, tmp_path], capture_output=True)
    assert checked.returncode == 0, checked.stderr
