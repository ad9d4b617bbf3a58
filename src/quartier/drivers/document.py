"""docs/drivers.md, generated from the folders."""

import importlib
from collections.abc import Iterable

from quartier.drivers.catalog import Family
from quartier.drivers.head import Source, Status
from quartier.drivers.replay import FOLDERS

HEAD = """\
# Drivers

Written by `quartier driver document --out docs/drivers.md`; a test says when it is out of date.
[A device family as a folder](guides/driver-file.md) says how one is made.

*Verified*: the maker's manual was read. *Unverified*: two public sources agree, but the manual was
not read; nothing is billed from such a meter until an installer has compared the reading with its
display.
"""


def document(families: Iterable[Family]) -> str:
    """The whole page in Markdown."""
    listed = sorted(families, key=lambda family: family.head.family.lower())
    lines = [
        HEAD,
        "| family | models | protocol | status | captured frames |",
        "|---|---|---|---|---|",
    ]
    for family in listed:
        models = ", ".join(model.name for model in family.head.models)
        captured, _ = _frames(family)
        cells = (
            family.head.family,
            models,
            family.head.protocol,
            family.head.status,
            f"{captured}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    for family in listed:
        lines += ["", *_section(family)]
    return "\n".join(lines) + "\n"


def _section(family: Family) -> list[str]:
    head = family.head
    captured, made = _frames(family)
    lines = [f"## {head.family}", ""]
    status = "Verified" if head.status is Status.VERIFIED else "**Unverified**"
    lines += [f"{status}. Driver `{head.key}`; {captured} captured and {made} made captures.", ""]
    if head.notes:
        lines += [head.notes, ""]
    if family.settings:
        lines += ["| setting | what | |", "|---|---|---|"]
        lines += [
            f"| `{one.name}` | {one.text} | "
            f"{'required' if one.is_required else one.default if one.default is not None else ''} |"
            for one in family.settings
        ]
        lines.append("")
    protocol = importlib.import_module(f"quartier.drivers.{head.protocol}.document")
    lines += protocol.tables(family.part, head.models)
    return [*lines, "", "Sources:", *(f"- {_source(source)}" for source in head.sources)]


def _source(source: Source) -> str:
    parts = [source.title]
    if source.revision:
        parts.append(f"revision {source.revision[:12]}")
    if source.pages:
        parts.append(source.pages)
    return f"{source.kind}: {', '.join(parts)}"


def _frames(family: Family) -> tuple[int, int]:
    """How many captures there are: real ones, made ones."""
    captured, made = (len(list((family.folder / name).glob("*.toml"))) for name in FOLDERS)
    return captured, made
