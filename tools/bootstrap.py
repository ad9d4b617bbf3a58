#!/usr/bin/env python3
"""Make the environments of Quartier from their locks, with nothing but Python 3.11.

    tools/bootstrap.py server        .venv with what `quartier` runs on
    tools/bootstrap.py dev           .venv with what tests and checks need as well
    tools/bootstrap.py base          .venv-base: pure Python, as on a 32-bit ARM board
    tools/bootstrap.py compute       .venv-compute: the base and NumPy
    tools/bootstrap.py lock          write locks/ again from pyproject.toml

Every file that is downloaded is checked against a hash in locks/; no download address stands
here, pip and uv use those they are configured for. Done again with unchanged locks, it does
nothing. Why it is made this way: docs/decisions/0003-environment.md.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
TOOLS = ROOT / ".tools"
UV = TOOLS / "uv"
FOLDERS = {
    "server": ".venv",
    "dev": ".venv",
    "base": ".venv-base",
    "compute": ".venv-compute",
}
TESTS = ["--group", "test"]
LOCKED = {
    "server": ["--extra", "server"],
    "dev": ["--extra", "server", "--group", "lint", *TESTS, "--group", "judges"],
    "base": TESTS,
    "compute": ["--extra", "compute", *TESTS],
}
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
UNPACKED = TOOLS / "ca-certificates.crt"
REMEDY = (
    "No usable pip was found, and Debian's package of it could not be downloaded. Install it:\n"
    "    sudo apt-get update && sudo apt-get install python3-pip"
)


class Stopped(Exception):
    """The environment cannot be made; the message says what to do."""


def say(text: str) -> None:
    print(f"bootstrap: {text}", file=sys.stderr, flush=True)


def run(
    command: list[str | Path],
    *,
    cwd: Path = ROOT,
    env: dict[str, str] | None = None,
    quiet: bool = False,
) -> bool:
    """Run a command; whether it succeeded. ``quiet`` keeps the output of a mere attempt."""
    output = subprocess.DEVNULL if quiet else None
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | (env or {}),
        stdin=subprocess.DEVNULL,
        stdout=output or sys.stderr,
        stderr=output,
        check=False,
    )
    return done.returncode == 0


def digest(*paths: Path) -> str:
    """One SHA-256 over files and over which Python this is."""
    sum_ = hashlib.sha256(f"{sys.version} {sys.executable}".encode())
    for path in paths:
        sum_.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return sum_.hexdigest()


# -- a pip ------------------------------------------------------------------------------------


def works(pip: list[str | Path]) -> bool:
    """Whether this pip runs; a pip as old as Python 3.11 is enough."""
    return run([*pip, "--version"], quiet=True)


def from_wheel(wheel: Path) -> list[str | Path]:
    """pip straight from its wheel, without installing it."""
    return [sys.executable, wheel / "pip"]


def pips_here() -> list[list[str | Path]]:
    """Every pip already on the machine, best first."""
    found: list[list[str | Path]] = []
    if find_spec("pip"):
        found.append([sys.executable, "-m", "pip"])
    folders = [Path("/usr/share/python-wheels")]
    if (bundled := find_spec("ensurepip")) and bundled.origin:
        folders.insert(0, Path(bundled.origin).parent / "_bundled")
    return found + [from_wheel(w) for folder in folders for w in sorted(folder.glob("pip-*.whl"))]


def debian_package(name: str, folder: Path) -> Path | None:
    """Unpack a Debian package below ``folder`` without installing it; no root is needed.

    The machine's own package lists are used; where there are none, private ones are fetched from
    the machine's own sources. apt checks Debian's signatures either way.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    # apt gives up root for a user who could not write here; it has nothing to protect us from.
    common = ["apt-get", "-q", "-o", "APT::Sandbox::User=root"]
    private = [
        f"-oDir::State::Lists={folder}/lists",
        f"-oDir::Cache={folder}/cache",
        "-oDir::State::status=/var/lib/dpkg/status",
    ]
    if not run([*common, "download", name], cwd=folder, quiet=True):
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        say("fetching Debian's package lists")
        if not run([*common, *private, "update"], cwd=folder):
            return None
        if not run([*common, *private, "download", name], cwd=folder):
            return None
    for archive in folder.glob(f"{name}_*.deb"):
        if run(["dpkg-deb", "-x", archive, folder / name]):
            return folder / name
    return None


def a_pip(folder: Path) -> list[str | Path]:
    """A pip that works, from the machine or from Debian's wheel of it."""
    for pip in pips_here():
        if works(pip):
            return pip
    say("no pip here; taking the wheel in Debian's package python3-pip-whl")
    unpacked = debian_package("python3-pip-whl", folder)
    for wheel in sorted(unpacked.rglob("pip-*.whl")) if unpacked else []:
        if works(from_wheel(wheel)):
            return from_wheel(wheel)
    raise Stopped(REMEDY)


def certificates() -> dict[str, str]:
    """Variables that name the certificate authorities, for pip (PIP_CERT) and uv (SSL_CERT_FILE):
    those that the environment names, else those that were unpacked here."""
    for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"):
        if bundle := os.environ.get(name):
            return {"SSL_CERT_FILE": bundle, "PIP_CERT": bundle}
    if UNPACKED.exists():
        return {"SSL_CERT_FILE": str(UNPACKED), "PIP_CERT": str(UNPACKED)}
    return {}


def get_certificates(folder: Path) -> None:
    """Unpack Debian's certificate authorities, which Debian's pip reads and a minimal Debian
    lacks."""
    say("no certificate authorities here; taking those of Debian's package ca-certificates")
    unpacked = debian_package("ca-certificates", folder)
    found = sorted(unpacked.glob("usr/share/ca-certificates/mozilla/*.crt")) if unpacked else []
    if found:
        UNPACKED.write_text("".join(path.read_text().rstrip() + "\n" for path in found))


# -- uv ---------------------------------------------------------------------------------------


def index_of(pip: list[str | Path]) -> dict[str, str]:
    """The index that pip is configured for, where it is another than its default, told to uv."""
    if os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("UV_INDEX_URL"):
        return {}
    url = os.environ.get("PIP_INDEX_URL", "")
    if not url:
        asked = subprocess.run(
            [*map(str, pip), "config", "get", "global.index-url"],
            capture_output=True,
            text=True,
            check=False,
        )
        url = asked.stdout.strip() if asked.returncode == 0 else ""
    return {"UV_DEFAULT_INDEX": url} if url else {}


def get_uv() -> dict[str, str]:
    """Put the hash-locked uv into .tools/; the variables it is to run with."""
    TOOLS.mkdir(exist_ok=True)
    stamp = TOOLS / "uv.json"
    wanted = digest(LOCKS / "uv.txt")
    if UV.exists() and stamp.exists():
        made = json.loads(stamp.read_text())
        if made["digest"] == wanted and run([UV, "--version"], quiet=True):
            index: dict[str, str] = made["index"]
            return certificates() | index
    with tempfile.TemporaryDirectory(prefix="quartier-bootstrap-") as name:
        folder = Path(name)
        pip = a_pip(folder / "debian")
        if not (certificates() or CERTIFICATES.exists()):
            get_certificates(folder / "debian")
        env = certificates()
        say("fetching uv")
        wheels = folder / "wheels"
        command = [*pip, "download", "-qq", "--disable-pip-version-check", "--require-hashes"]
        command += ["--no-deps", "--only-binary=:all:", "-d", wheels, "-r", LOCKS / "uv.txt"]
        if not run(command, env=env):
            raise Stopped(
                "pip could not download uv (its message is above): check the network, or set "
                "PIP_INDEX_URL to a mirror, and run this again."
            )
        (wheel,) = wheels.glob("uv-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            (member,) = (n for n in archive.namelist() if n.endswith(".data/scripts/uv"))
            fresh = TOOLS / "uv.new"
            fresh.write_bytes(archive.read(member))
        fresh.chmod(0o755)
        fresh.replace(UV)
        index = index_of(pip)
    stamp.write_text(json.dumps({"digest": wanted, "index": index}))
    return env | index


# -- environments -----------------------------------------------------------------------------


def uv(arguments: list[str | Path], env: dict[str, str]) -> None:
    """Run uv, or stop."""
    command = [UV, "--quiet", "--no-config", "--no-python-downloads", *arguments]
    if not run(command, env=env | {"VIRTUAL_ENV": ""}):
        raise Stopped(f"uv {arguments[0]} failed (its message is above).")


def is_of_this_python(python: Path) -> bool:
    """Whether an environment exists and was made by the Python that runs this."""
    ask = "import sys; sys.exit(sys.version != sys.argv[1])"
    return python.exists() and run([python, "-c", ask, sys.version], quiet=True)


def make(kind: str) -> None:
    """Make or refresh one environment; nothing is done where its lock has not changed."""
    folder = ROOT / FOLDERS[kind]
    stamp = folder / "quartier-environment.json"
    made = json.loads(stamp.read_text()) if stamp.exists() else {}
    if kind == "server" and made.get("kind") == "dev":
        kind = "dev"  # it holds all of server; do not take the rest away
    lock = LOCKS / f"{kind}.txt"
    wanted = {"kind": kind, "digest": digest(lock, LOCKS / "uv.txt", ROOT / "pyproject.toml")}
    python = folder / "bin" / "python"
    if made == wanted and python.exists():
        return
    env = get_uv()
    say(f"making {folder.name} from locks/{lock.name}")
    stamp.unlink(missing_ok=True)
    if not is_of_this_python(python):
        uv(["venv", "--clear", "--python", sys.executable, folder], env)
    uv(["pip", "sync", "--python", python, "--require-hashes", lock], env)
    # uv carries the build backend that pyproject.toml names: nothing is downloaded for this.
    uv(["pip", "install", "--python", python, "--no-deps", "--offline", "-e", ROOT], env)
    stamp.write_text(json.dumps(wanted))


def lock_all() -> None:
    """Write the locks of the environments again, with a hash for every file."""
    env = get_uv()
    for kind, arguments in LOCKED.items():
        say(f"writing locks/{kind}.txt")
        command = ["pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", "--no-emit-index-url"]
        uv([*command, *arguments, "-o", LOCKS / f"{kind}.txt"], env | {"UV_NO_PROGRESS": "1"})


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):
        say(
            f"Quartier needs Python 3.11 or newer; this is {sys.version.split()[0]}. "
            "Name another one: make PYTHON=python3.12 ..."
        )
        return 2
    if len(arguments) != 1 or arguments[0] not in {*FOLDERS, "lock"}:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if arguments[0] == "lock":
            lock_all()
        else:
            make(arguments[0])
    except Stopped as stopped:
        say(str(stopped))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
