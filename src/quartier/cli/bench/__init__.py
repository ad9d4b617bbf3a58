"""Measure how fast this machine does the work, beside the floor or limit of the same run.

Each figure is a median; noise on shared machines is large, so compare ratios. Everything runs in
a temporary folder on SQLite, whatever QUARTIER_HOME and DATABASE_URL say.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path

from quartier.cli import GOOD, UserError
from quartier.cli._output import whole_file
from quartier.cli.bench._counts import FULL, QUICK, Counts
from quartier.cli.bench._figure import Figure, groups


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--only",
        action="append",
        metavar="GROUP",
        help=f"measure this group only (repeatable): {', '.join(groups())}",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="tiny sizes, to see that everything can be measured; the figures mean nothing",
    )


def run(args: argparse.Namespace) -> int:
    wanted = list(dict.fromkeys(args.only or groups()))
    unknown = sorted(set(wanted) - set(groups()))
    if unknown:
        raise UserError(f"no group {unknown[0]!r}; there are: {', '.join(groups())}")
    with tempfile.TemporaryDirectory(prefix="quartier-bench-") as folder:
        figures = _measured(wanted, Path(folder), QUICK if args.quick else FULL)
    if args.json:
        document = {
            "machine": {
                "python": platform.python_version(),
                "cpus": os.cpu_count(),
                "platform": platform.platform(),
            },
            "quick": bool(args.quick),
            **{figure.name: figure.value for figure in figures},
            "floors": {figure.name: figure.floor for figure in figures if figure.floor is not None},
            "ratios": {figure.name: figure.ratio for figure in figures if figure.ratio is not None},
            "details": {figure.name: figure.as_dict() for figure in figures},
        }
        with whole_file(args.json) as stream:
            json.dump(document, stream, indent=1)
            stream.write("\n")
    return GOOD


def _measured(wanted: list[str], folder: Path, counts: Counts) -> list[Figure]:
    from quartier.cli.bench._fleet import DATABASE, EMPTY

    os.environ["QUARTIER_HOME"] = str(folder)
    os.environ.pop("DATABASE_URL", None)
    from quartier.config.start import django

    django()
    from django.db import connection

    connection.close()
    shutil.copyfile(folder / DATABASE, folder / EMPTY)
    figures: list[Figure] = []
    for position, name in enumerate(wanted, 1):
        _status(f"measuring {name} ({position} of {len(wanted)}) ...")
        for figure in groups()[name](folder, counts):
            _status("")
            print(figure.line(), flush=True)
            _status(f"measuring {name} ({position} of {len(wanted)}) ...")
            figures.append(figure)
        _status("")
    connection.close()
    return figures


def _status(text: str) -> None:
    """What is being done, on one line of the terminal; nothing where there is none."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
