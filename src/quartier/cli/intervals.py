"""Stored quarter-hours: write and read files, estimate gaps, set values, lock the past.

``export`` writes every quarter-hour of every register of a site, in the order of meter, OBIS code
and start. A name that ends in .parquet gets an archive (exact, 1-2 bytes a value), any other a
CSV with the columns meter, obis, start (UTC), energy_kwh and quality; a missing quarter-hour has
an empty energy and the quality missing. Where the grid operator delivers its split of a local
electricity community, ``community`` or ``residual`` follows the OBIS code. ``import`` reads such
an archive. ``estimate`` fills what is missing and marks it estimated; ``set`` gives each
quarter-hour from --from until --to (exclusive; without it just one) one value and marks it manual,
in local time: 2026-03-01T14:15. What it replaces is kept. ``lock`` refuses changes.
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from typing import TextIO

import numpy as np

from quartier.apps.equipment.models import Register
from quartier.apps.metering import parquet, store
from quartier.apps.metering.export import Part, code_of, parts, registers_of
from quartier.apps.sites.models import Site
from quartier.apps.sites.queries import NoSuchSite, site_by_ref
from quartier.cli import FINDINGS, GOOD, UserError
from quartier.cli import _interval_edits as edits
from quartier.cli._dates import add_range, range_of
from quartier.cli._findings import print_findings
from quartier.cli._output import whole_file
from quartier.cli._progress import Progress
from quartier.core.kernel.period import QUARTER_SECONDS, timezone_of
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH

NEEDS_DJANGO = True

HEADER = ("meter", "obis", "start", "energy_kwh", "quality")
_WORDS = np.array([quality.word for quality in Quality], dtype=object)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    export = actions.add_parser("export", help="write quarter-hours to a CSV or Parquet file")
    export.add_argument("--site", required=True, metavar="REF")
    add_range(export)
    export.add_argument("--out", required=True, type=Path, metavar="FILE")
    export.set_defaults(run=run_export)
    import_ = actions.add_parser("import", help="read quarter-hours from a Parquet file")
    import_.add_argument("file", type=Path, metavar="FILE")
    import_.add_argument("--site", required=True, metavar="REF")
    import_.set_defaults(run=run_import)
    estimate = actions.add_parser("estimate", help="fill gaps with estimated values, marked so")
    edits.add_estimate(estimate)
    estimate.set_defaults(run=lambda args: edits.estimate(_site(args.site), args))
    set_ = actions.add_parser("set", help="set quarter-hours of a register by hand, marked so")
    edits.add_set(set_)
    set_.set_defaults(run=lambda args: edits.set_values(_site(args.site), args))
    lock = actions.add_parser("lock", help="refuse changes before a date")
    edits.add_lock(lock)
    lock.set_defaults(run=lambda args: edits.lock(_site(args.site), args))


def run_export(args: argparse.Namespace) -> int:
    dates = range_of(args)
    site = _site(args.site)
    slots = dates.period(timezone_of(site.timezone)).slots
    registers = registers_of(site)
    if not registers:
        raise UserError(f"site {site.ref} has no meter with a register; import data first")
    try:
        if args.out.suffix.lower() == ".parquet":
            with whole_file(args.out) as stream:
                rows = parquet.export(site, slots, stream.buffer)
        else:
            rows = _export_csv(site, registers, slots, args.out)
    except store.DamagedBlock as problem:
        raise UserError(str(problem)) from None
    print(f"{rows} quarter-hours of {len(registers)} registers: {args.out}", file=sys.stderr)
    return GOOD


def run_import(args: argparse.Namespace) -> int:
    site = _site(args.site)
    try:
        written = parquet.import_(site, args.file, known_at=datetime.now(UTC))
    except (parquet.NotIntervals, store.Locked, store.DamagedBlock) as problem:
        raise UserError(str(problem)) from None
    print_findings(written.findings)
    print(
        f"{args.file}: {written.filled} filled, {written.revised} revised, "
        f"{written.unchanged} unchanged"
    )
    return FINDINGS if written.findings else GOOD


def _site(ref: str) -> Site:
    try:
        return site_by_ref(ref)
    except NoSuchSite as problem:
        raise UserError(str(problem)) from None


def _export_csv(site: Site, registers: list[Register], slots: range, out: Path) -> int:
    energy = [register for register in registers if register.unit == Register.Unit.WH]
    with (
        whole_file(out) as stream,
        Progress(len(energy) * len(slots), "exporting") as progress,
    ):
        rows = _write(stream, parts(site, energy, slots), progress)
    left_out = sorted({r.meter.ref for r in registers if r.unit != Register.Unit.WH})
    if left_out:
        names = ", ".join(left_out)
        print(
            f"left out, as they measure no energy (a .parquet has them): {names}", file=sys.stderr
        )
    return rows


def _write(stream: TextIO, found: Iterator[Part], progress: Progress) -> int:
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    rows = 0
    for part in found:
        slots = np.arange(part.intervals.slots.start, part.intervals.slots.stop)
        starts = np.datetime_as_string((slots * QUARTER_SECONDS).astype("datetime64[s]"))
        energy = [_kwh(value) for value in part.intervals.energy_wh[0].tolist()]
        writer.writerows(
            zip(
                repeat(part.register.meter.ref),
                repeat(code_of(part.register)),
                (f"{start}Z" for start in starts.tolist()),
                energy,
                _WORDS[part.intervals.quality[0]].tolist(),
                strict=False,
            )
        )
        rows += len(slots)
        progress.advance(len(slots))
    return rows


def _kwh(energy_wh: int) -> str:
    if energy_wh == MISSING_WH:
        return ""
    whole, rest = divmod(abs(energy_wh), 1000)
    return f"{'-' * (energy_wh < 0)}{whole}.{rest:03d}"
