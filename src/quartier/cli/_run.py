"""Parse the command line, run one command, and turn what goes wrong into one line and a code."""

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

from quartier.cli._commands import Command, commands
from quartier.cli._errors import INTERNAL, INTERRUPTED, WRONG_USE, UserError
from quartier.cli._memory import keep_freed_memory, look_for_garbage_rarely
from quartier.config.env import BadEnvironment, home


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, without the usage in front."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        kwargs.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (see {self.prog} --help)")


def run_command(argv: Sequence[str] | None) -> int:
    """Run the command in ``argv`` and return its exit code; nothing but that escapes."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    keep_freed_memory()
    look_for_garbage_rarely()
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except UserError as error:
        _say(f"quartier: {error}")
        return error.exit_code
    except BadEnvironment as error:
        _say(f"quartier: {error}")
        return WRONG_USE
    except KeyboardInterrupt:
        _say("quartier: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; without this Python complains again when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as done:  # argparse after --help and --version
        return done.code if isinstance(done.code, int) else 0
    except Exception as error:  # noqa: BLE001  (the last place: logged in full)
        return _report_fault(error)
    return code


def _dispatch(arguments: list[str]) -> int:
    found = commands()
    # The first word that is not a flag; the program itself has no flag that takes a value.
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    parser = Parser(
        prog="quartier", description="A building's energy, from the meter to the money."
    )
    parser.add_argument("--version", action="version", version=f"quartier {_version()}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for name, command in found.items():
        if name == chosen:
            sub = subparsers.add_parser(name, help=command.summary, description=command.description)
            _declare(command, sub)
        elif chosen not in found:
            subparsers.add_parser(name, help=command.summary)
    if not arguments:
        parser.print_help(sys.stderr)
        return WRONG_USE
    if chosen is not None and chosen not in found:
        raise UserError(f"there is no command {chosen!r}; one of: {', '.join(found)}")
    args = parser.parse_args(arguments)
    code = args.run(args)
    assert isinstance(code, int), f"{chosen} returned {code!r} instead of an exit code"
    return code


def _declare(command: Command, parser: argparse.ArgumentParser) -> None:
    try:
        module = command.load()
    except ModuleNotFoundError as error:
        if not error.name or error.name.split(".")[0] == "quartier":
            raise
        raise UserError(
            f"{command.name} needs the Python package {error.name!r}, which is not installed; "
            "install quartier[server]"
        ) from error
    if hasattr(module, "run"):
        parser.set_defaults(run=module.run)
    module.add_arguments(parser)


def _version() -> str:
    try:
        return version("quartier")
    except PackageNotFoundError:  # run from the sources
        return "(not installed)"


def _say(line: str) -> None:
    print(" ".join(line.split()), file=sys.stderr)


def _is_locked(error: Exception) -> bool:
    """Whether another program holds SQLite's only write lock."""
    return type(error).__name__ == "OperationalError" and "database is locked" in str(error)


def _report_fault(error: Exception) -> int:
    """Keep the traceback in a log and print one line with a reference to it."""
    if _is_locked(error):
        _say(
            "quartier: another program is writing to the database; nothing was changed. "
            "Try again when it is done, e.g. when a large import has ended"
        )
        return WRONG_USE
    now = datetime.now(UTC)
    name = f"{now:%Y%m%dT%H%M%SZ}-{uuid4().hex[:8]}.log"
    text = f"{now.isoformat()} quartier {_version()}\n\n" + "".join(
        traceback.format_exception(error)
    )
    for folder in (home() / "logs", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / name
            path.write_text(text, encoding="utf-8")
        except OSError:
            continue
        _say(f"quartier: internal error ({type(error).__name__}); see the log {path}")
        return INTERNAL
    _say(f"quartier: internal error: {type(error).__name__}: {error}; no log could be written")
    return INTERNAL
