"""The package for charging: what is compiled, beside the package of the gateway."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = Path(__file__).parents[3] / "packaging/gateway"

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="dpkg-deb builds the package")


def test_the_package_for_charging_brings_what_the_gateway_itself_has_not(tmp_path):
    environment = {**os.environ, "PYTHON": sys.executable, "DPKG_DEB_COMPRESSOR_TYPE": "none"}
    inside = tmp_path / "inside"
    for recipe in ("build-deb", "build-deb-charging"):
        built = subprocess.run(
            [RECIPE / recipe, tmp_path], env=environment, capture_output=True, text=True
        )
        assert built.returncode == 0, built.stderr
    packages = sorted(tmp_path.glob("*.deb"))
    assert len(packages) == 2
    for package in packages:
        subprocess.run(["dpkg-deb", "-x", package, inside], check=True)
    code = (
        f"import sys; sys.path.insert(0, {str(inside / 'usr/lib/quartier-gateway')!r})\n"
        "from quartier.gateway import program\n"
        "assert program.station_server() is None\n"
        f"program.CHARGING = {str(inside / 'usr/lib/quartier-gateway-charging')!r}\n"
        "print(program.station_server().__name__)\n"
        "assert 'jsonschema_rs' not in sys.modules\n"
        "from quartier.gateway.charging.server import LocalStations\n"
        "from quartier.ocpp.schemas import actions, check_asked\n"
        "from quartier.ocpp.versions import Version\n"
        "check_asked(Version.V16, 'Heartbeat', {})\n"
        "print(len(actions(Version.V201)))\n"
    )
    alone = subprocess.run([sys.executable, "-ISc", code], capture_output=True, text=True)
    assert alone.stdout.split() == ["opened", "64"], alone.stderr
    doc = inside / "usr/share/doc/quartier-gateway-charging"
    assert {path.name for path in doc.iterdir()} >= {"copyright", "copyright.msgspec"}
