"""Measure how fast this machine does the work, beside the floor or limit of the same run.

Each figure is a median; noise on shared machines is large, so compare ratios. Everything runs in
a temporary folder on SQLite, whatever QUARTIER_HOME and DATABASE_URL say.
"""

import argparse
import json
import os
import platform
import tempfile
from pathlib import Path

from quartier.cli import GOOD, UserError
from quartier.cli._output import whole_file
from quartier.cli.bench._figure import Figure, groups


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument(
        "--only",
        action="append",
        metavar="GROUP",
        help=f"measure this group only (repeatable): {', '.join(groups())}",
    )


def run(args: argparse.Namespace) -> int:
    wanted = args.only or list(groups())
    unknown = sorted(set(wanted) - set(groups()))
    if unknown:
        raise UserError(f"no group {unknown[0]!r}; there are: {', '.join(groups())}")
    with tempfile.TemporaryDirectory(prefix="quartier-bench-") as folder:
        os.environ["QUARTIER_HOME"] = folder
        os.environ.pop("DATABASE_URL", None)
        from quartier.config.start import django

        django()
        figures: list[Figure] = []
        for name in wanted:
            for figure in groups()[name](Path(folder)):
                print(figure.line(), flush=True)
                figures.append(figure)
    if args.json:
        document = {
            "machine": {
                "python": platform.python_version(),
                "cpus": os.cpu_count(),
                "platform": platform.platform(),
            },
            **{figure.name: figure.value for figure in figures},
            "floors": {figure.name: figure.floor for figure in figures if figure.floor is not None},
            "ratios": {figure.name: figure.ratio for figure in figures if figure.ratio is not None},
            "details": {figure.name: figure.as_dict() for figure in figures},
        }
        with whole_file(args.json) as stream:
            json.dump(document, stream, indent=1)
            stream.write("\n")
    return GOOD
