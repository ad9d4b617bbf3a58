"""The machine's own Chromium, for Playwright's ``executable_path``."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class NoChromium(Exception):
    """Chromium is not installed."""


def path() -> str:
    """The program; QUARTIER_CHROMIUM names another."""
    named = os.environ.get("QUARTIER_CHROMIUM")
    for name in [named] if named else NAMES:
        if found := shutil.which(name):
            return found
    raise NoChromium("Chromium is not installed. Install it: sudo apt-get install chromium")
