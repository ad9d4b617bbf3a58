"""What runs beside the demo's web server: its gateway, and the field server."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime

from quartier.cli import UserError
from quartier.cli.demo._live import MOST_DAYS
from quartier.cli.field import PORT
from quartier.cli.serve import check_port

_WAITS_S = 30


@contextmanager
def beside(as_of: date, host: str) -> Iterator[None]:
    """The gateway of the demo as of ``as_of``, and a field server on ``host`` where its port is
    free; both end with the block."""
    commands = []
    if 0 <= (datetime.now(UTC).date() - as_of).days <= MOST_DAYS:
        commands.append([sys.executable, "-m", "quartier.cli.demo._live"])
    else:
        print(f"The gateway stays silent: it is played for {MOST_DAYS} days after {as_of}.")
    try:
        check_port(host, PORT)
        commands.append([sys.executable, "-m", "quartier", "field", "--host", host])
    except UserError:
        print(f"Port {PORT} is taken; for remote connections run: quartier field --port PORT")
    running = [subprocess.Popen(command) for command in commands]
    try:
        yield
    finally:
        for one in running:
            one.terminate()
        for one in running:
            one.wait(_WAITS_S)
