"""Read a backup into an empty QUARTIER_HOME (and, with PostgreSQL, an empty database).

Nothing that exists is overwritten: point QUARTIER_HOME at a new folder first.
"""

import argparse
from pathlib import Path

from quartier.cli import GOOD, UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="a file that quartier backup wrote")


def run(args: argparse.Namespace) -> int:
    from quartier.config.backup import CannotBackUp, read_backup
    from quartier.config.env import BadEnvironment

    if not args.file.is_file():
        raise UserError(f"{args.file} is not a file")
    try:
        count = read_backup(args.file)
    except (CannotBackUp, BadEnvironment) as error:
        raise UserError(str(error)) from error
    print(f"restored the database and {count} files")
    return GOOD
