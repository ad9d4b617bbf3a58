"""What the launcher does: start the version that is to run. The system's package decides which, so
that one that cannot even start is left behind."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from quartier import __version__
from quartier.gateway.update.slots import Slots

PACKAGED = "QUARTIER_GATEWAY_PACKAGED"
"""Tells the program which version the system's package is; without it nothing is renewed."""
_FOLDER = "/var/lib/quartier-gateway"
_CODE = """
import sys
sys.path.insert(0, sys.argv.pop(1))
sys.argv[0] = "quartier-gateway"
from quartier.gateway.program import main
sys.exit(main())
"""


def start(argv: Sequence[str]) -> int:
    """Run the command in ``argv``, whose first part is the launcher; its exit code, where it does
    not become another program."""
    arguments = list(argv[1:])
    os.environ[PACKAGED] = __version__
    slots = Slots(_home(arguments), __version__)
    try:
        lib = slots.choose() if "run" in arguments else slots.standing()
    except OSError as problem:
        sys.stderr.write(f"quartier-gateway: versions cannot be told apart ({problem}).\n")
        lib = None
    if lib is not None:
        os.execv(sys.executable, [sys.executable, "-I", "-c", _CODE, str(lib), *arguments])  # noqa: S606
    from quartier.gateway.program import main

    return main(arguments)


def _home(arguments: Sequence[str]) -> Path:
    """The folder as the program itself finds it."""
    for at, one in enumerate(arguments):
        if one == "--home" and at + 1 < len(arguments):
            return Path(arguments[at + 1])
        if one.startswith("--home="):
            return Path(one.partition("=")[2])
    return Path(os.environ.get("QUARTIER_GATEWAY_HOME", _FOLDER))
