"""Build and serve a sample building: 30 billing points, a year of data, its last quarter billed.

Everything lies in one folder (default: ./demo) and nothing else is touched. Run again, the same
folder is served as it is; delete it to begin anew. While it is served its gateway goes on: it reads
the meters, steers appliances to the sun, and sends both each minute.
"""

import argparse
import os
from datetime import UTC, date, datetime
from pathlib import Path

from quartier.cli import GOOD, UserError
from quartier.cli._dates import iso_date

_MARK = "as-of.txt"
"""The last file written: a demo without it is not finished."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-serve", action="store_true", help="build it and stop")
    parser.add_argument("--out", type=Path, default=Path("demo"), metavar="DIR")
    parser.add_argument("--as-of", type=iso_date, metavar="DATE", help="default: today")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8000)


def run(args: argparse.Namespace) -> int:
    folder = args.out.resolve()
    as_of = args.as_of or datetime.now(UTC).date()
    if not date(2001, 1, 1) <= as_of <= date(2090, 1, 1):
        raise UserError("--as-of must lie between 2001 and 2090")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{args.out} is a file; name a folder with --out")
    if not args.no_serve:
        from quartier.cli.serve import check_port

        check_port(args.host, args.port)
    os.environ["QUARTIER_HOME"] = str(folder)
    os.environ.pop("DATABASE_URL", None)
    url = f"http://{'localhost' if args.host == '127.0.0.1' else args.host}:{args.port}"
    os.environ.setdefault("QUARTIER_PUBLIC_URL", url)

    from quartier.config.start import django

    before = _built_for(folder)
    if before is None:
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(
                f"{args.out} is not empty and not a finished demo; delete it or choose --out DIR"
            )
        django()
        from quartier.cli.demo._build import Unfinished, build

        try:
            build(folder, as_of)
        except Unfinished as problem:
            raise UserError(str(problem)) from problem
        (folder / _MARK).write_text(f"{as_of}\n")
    else:
        if args.as_of and before != args.as_of:
            raise UserError(
                f"{args.out} holds the demo as of {before}; delete it or choose --out DIR"
            )
        django()
        print(f"{args.out} holds the demo as of {before}; it is served as it is.")
    print((folder / "README.txt").read_text().replace("@URL@", url))
    if args.no_serve:
        return GOOD
    from quartier.cli.demo._beside import beside
    from quartier.cli.serve import serve

    print(f"Serving {url} (end with Ctrl-C)", flush=True)
    with beside(before or as_of, args.host):
        serve(args.host, args.port)
    return GOOD


def _built_for(folder: Path) -> date | None:
    """The date of the finished demo in ``folder``; None if there is none."""
    try:
        return date.fromisoformat((folder / _MARK).read_text().strip())
    except FileNotFoundError:
        return None
