"""Every ``quartier`` line of the documentation is one that the program understands."""

import argparse
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from quartier.cli import UserError
from quartier.cli._commands import commands
from quartier.cli._run import Parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PROGRAM = {"quartier", ".venv/bin/quartier"}
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_SAMPLE = {
    "DATE": "2026-01-01",
    "N": "3",
    "PORT": "8000",
    "NAME": "proportional",
}
"""What a placeholder that is not plain text stands for."""


def command_lines(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of each command of the program in the page's blocks of code.

    A block is fenced or indented by four spaces; a line may begin with ``$`` and with variables,
    and goes on after a backslash or, in a synopsis, where the next line is indented further.
    """
    lines = text.splitlines()
    is_fenced = False
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.strip().startswith("```"):
            is_fenced = not is_fenced
            continue
        if not is_fenced and not line.startswith("    "):
            continue
        found = re.match(r"\s*(?:\$ )?(?:\w+=\S+ )*(\S+)(.*)", line)
        if found is None or found[1] not in PROGRAM:
            continue
        first, command = number, f"quartier{found[2]}"
        indent = len(line) - len(line.lstrip())
        while number < len(lines) and (
            command.endswith("\\")
            or (lines[number].strip() and _indent(lines[number]) >= indent + 8)
        ):
            command = f"{command.removesuffix(chr(92))} {lines[number].strip()}"
            number += 1
        yield first, command


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def as_arguments(command: str) -> list[str]:
    """The words after the program: without a comment or a pipe, placeholders filled in."""
    command = re.split(r"\s#|\s[|>;]|&&|\s2>", command)[0]
    while (found := _OPTIONAL.search(command)) is not None:  # a synopsis: what is optional counts
        command = f"{command[: found.start()]} {found[1]} {command[found.end() :]}"
    words = []
    for word in shlex.split(command)[1:]:
        first = word.removesuffix("...").split("|")[0]  # of alternatives the first
        if first:
            words.append(_SAMPLE.get(first, first))
    return _with_values(words)


def _with_values(words: list[str]) -> list[str]:
    """A synopsis leaves out what follows ``--from`` and ``--to``: a date."""
    out = []
    for word, following in zip(words, [*words[1:], "--"], strict=True):
        out.append(word)
        if word in {"--from", "--to", "--issued", "--as-of"} and following.startswith("--"):
            out.append("2026-01-01")
    return out


@pytest.fixture(scope="module")
def parser() -> argparse.ArgumentParser:
    """The program's own parser with every command declared; no database is touched."""
    from quartier.config import start

    start.django(migrate=False)
    whole = Parser(prog="quartier")
    whole.add_argument("--version", action="version", version="")
    subparsers = whole.add_subparsers(required=True)
    for name, command in commands().items():
        importlib.import_module(command.module).add_arguments(subparsers.add_parser(name))
    return whole


def fault_of(parser: argparse.ArgumentParser, command: str) -> str | None:
    """What the program would say against the line; None where it understands it."""
    arguments = as_arguments(command)
    if not arguments or arguments[-1] in {"--help", "-h", "--version"}:
        # Nothing to parse: the commands before it are looked at instead.
        arguments = arguments[:-1]
        return None if not arguments or arguments[0] in commands() else f"no {arguments[0]}"
    try:
        parser.parse_args(arguments)
    except (UserError, SystemExit) as problem:
        return str(problem)
    return None


def _all() -> list[tuple[str, str]]:
    return [
        (f"{page.relative_to(ROOT)}:{number}", command)
        for page in PAGES
        for number, command in command_lines(page.read_text(encoding="utf-8"))
    ]


def test_the_program_understands_every_command_of_the_documentation(parser):
    lines = _all()
    assert len(lines) > 25, "the commands of the documentation were not found"
    faults = [
        f"{where}: {command}: {fault}"
        for where, command in lines
        if (fault := fault_of(parser, command)) is not None
    ]
    assert faults == []


@pytest.mark.parametrize(
    "command",
    [
        "quartier invoice --site a",
        "quartier bill --site a --from 2026-01-01",
        "quartier bill --site a --from 2026-01-01 --to 2026-04-01 --dryrun",
        "quartier bill --site a --from 01.01.2026 --to 2026-04-01",
        "quartier import csv FILE --site a",
        "quartier site load",
        "quartier frob --help",
    ],
)
def test_a_command_that_does_not_exist_is_found(parser, command):
    assert fault_of(parser, command) is not None


def test_commands_are_read_from_blocks_of_code_alone():
    options = ["--profile", "proportional", "--meter", "REF"]
    page = "\n".join(
        [
            "quartier in prose",
            "    $ quartier check --site a  # a comment",
            "    QUARTIER_HOME=x quartier backup f \\",
            "        --force",
            "    quartier import load-curve PATH... --site REF [--profile NAME]",
            "                               [--meter REF]",
            "```sh",
            ".venv/bin/quartier demo | cat",
            "```",
        ]
    )
    assert [as_arguments(command) for _, command in command_lines(page)] == [
        ["check", "--site", "a"],
        ["backup", "f", "--force"],
        ["import", "load-curve", "PATH", "--site", "REF", *options],
        ["demo"],
    ]
