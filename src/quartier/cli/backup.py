"""Write one file that holds everything: the database and all files below QUARTIER_HOME.

The backup is consistent although the programs go on working. ``quartier restore`` reads it.
"""

import argparse
from pathlib import Path

from quartier.cli import GOOD, UserError

NEEDS_DJANGO = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="the backup to write, e.g. quartier.backup")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def run(args: argparse.Namespace) -> int:
    from quartier.config.backup import CannotBackUp, write_backup

    if args.file.exists() and not args.force:
        raise UserError(f"{args.file} exists; choose another name or add --force")
    try:
        size, count = write_backup(args.file)
    except CannotBackUp as error:
        raise UserError(str(error)) from error
    print(f"{args.file}: {size / 1e6:.1f} MB, the database and {count} files")
    return GOOD
