"""Serve the web portals on this machine, with a worker for background jobs beside them.

Behind a reverse proxy set QUARTIER_PUBLIC_URL (https://...) and QUARTIER_HOSTS; several machines
each run ``quartier serve --no-worker`` and ``quartier worker`` on one DATABASE_URL.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys

from quartier.cli import GOOD, UserError

NEEDS_DJANGO = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--processes", type=int, default=1, help="web processes")
    parser.add_argument("--no-worker", action="store_true", help="leave background jobs to others")


def run(args: argparse.Namespace) -> int:
    serve(args.host, args.port, processes=args.processes, with_worker=not args.no_worker)
    return GOOD


def check_port(host: str, port: int) -> None:
    """Raises :class:`UserError` where nothing can listen on ``host``:``port``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(
                f"cannot listen on {host}:{port}: {reason}. Choose another with --port"
            ) from None


def serve(host: str, port: int, *, processes: int = 1, with_worker: bool = True) -> None:
    """Serve until interrupted; the worker ends with the server."""
    from django.core.management import call_command
    from granian import Granian
    from granian.constants import Interfaces

    check_port(host, port)
    call_command("collectstatic", interactive=False, verbosity=0)
    worker = None
    if with_worker:
        worker = subprocess.Popen([sys.executable, "-m", "quartier", "worker"])
    try:
        Granian(
            "quartier.config.wsgi:application",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=processes,
            blocking_threads=4,
            log_level="warning",  # type: ignore[arg-type]
        ).serve()
    finally:
        if worker is not None and worker.poll() is None:
            os.kill(worker.pid, signal.SIGTERM)
            worker.wait(timeout=30)
