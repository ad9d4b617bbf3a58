"""Versions of the gateway for tests: made of the sources, packed and signed as releases are."""

import hashlib
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

SOURCE = Path(__file__).parents[3] / "src" / "quartier"
PARTS = (
    *("__init__.py", "core/__init__.py", "core/kernel", "core/metering", "formats/__init__.py"),
    *("formats/site_toml", "formats/uplink", "drivers", "protocols", "gateway"),
)


def tree(folder, version, changes=()):
    """The library of ``version`` in ``folder``; ``changes`` are (file, pattern, text)."""
    lib = folder / "lib"
    for part in PARTS:
        source, target = SOURCE / part, lib / "quartier" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    import websockets

    here = Path(websockets.__file__).parent
    shutil.copytree(here, lib / "websockets", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    changes = [("__init__.py", r'__version__ = ".*"', f'__version__ = "{version}"'), *changes]
    for name, pattern, text in changes:
        path = lib / "quartier" / name
        changed, count = re.subn(pattern, text, path.read_text())
        assert count, (name, pattern)
        path.write_text(changed)
    return lib


def packed(lib, path, version):
    """The file of a version; its bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("VERSION", version)
        for one in sorted(lib.rglob("*")):
            if one.is_file():
                file.write(one, f"lib/{one.relative_to(lib)}")
    return path.read_bytes()


def keys(folder):
    """A private and a public key, as files."""
    private, public = folder / "private.pem", folder / "public.pem"
    made = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", private]
    subprocess.run(made, check=True, capture_output=True)
    shown = ["openssl", "pkey", "-in", private, "-pubout", "-out", public]
    subprocess.run(shown, check=True, capture_output=True)
    return private, public


def signed(path, private):
    """The signature of a file, as bytes."""
    out = path.with_suffix(".sig")
    command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", private, "-in", path, "-out", out]
    subprocess.run(command, check=True, capture_output=True)
    return out.read_bytes()


def sha256(data):
    return hashlib.sha256(data).hexdigest()
