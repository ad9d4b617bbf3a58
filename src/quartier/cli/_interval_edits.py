"""``intervals estimate``, ``set`` and ``lock``: what a finding about quarter-hours asks for."""

import argparse
import os
from datetime import UTC, datetime

from quartier.apps.equipment.models import Medium, Register
from quartier.apps.intake.by_hand import set_by_hand
from quartier.apps.metering import store
from quartier.apps.metering.by_hand import instant_of
from quartier.apps.metering.export import code_of, registers_of
from quartier.apps.metering.operations import BadEdit, fill_gaps, set_lock
from quartier.apps.sites.models import Site
from quartier.cli import FINDINGS, GOOD, UserError
from quartier.cli._dates import add_range, iso_date, range_of
from quartier.cli._findings import exit_code, print_findings
from quartier.cli._progress import Progress
from quartier.core.kernel.energy import NotEnergy, wh_of_kwh
from quartier.core.kernel.findings import Finding
from quartier.core.kernel.period import QUARTER, timezone_of


def actor() -> str:
    """Who asks, for the trail."""
    return f"command line ({os.environ.get('USER') or 'unknown'})"


def add_estimate(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``intervals estimate``."""
    parser.add_argument("--site", required=True, metavar="REF")
    add_range(parser)
    parser.add_argument("--meter", metavar="REF", help="one meter only (default: all)")
    parser.add_argument("--reason", required=True, help="why the values are missing; kept")


def add_set(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``intervals set``."""
    parser.add_argument("--site", required=True, metavar="REF")
    parser.add_argument("--meter", required=True, metavar="REF")
    parser.add_argument("--obis", metavar="CODE", help="which register, where it has several")
    parser.add_argument("--from", dest="starts", required=True, metavar="LOCALTIME")
    parser.add_argument(
        "--to", dest="ends", metavar="LOCALTIME", help="exclusive (default: 15 minutes later)"
    )
    value = parser.add_mutually_exclusive_group(required=True)
    value.add_argument("--energy-kwh", metavar="X", help="of each quarter-hour, to 0.001")
    value.add_argument("--litres", metavar="X", help="of each quarter-hour, of a water meter")
    parser.add_argument("--reason", required=True, help="why; kept with the value")


def add_lock(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``intervals lock``."""
    parser.add_argument("--site", required=True, metavar="REF")
    parser.add_argument("--before", required=True, type=iso_date, metavar="DATE")
    parser.add_argument("--medium", choices=Medium.values, default=Medium.ELECTRICITY)
    parser.add_argument("--reason", default="", help="needed to move a lock back")


def estimate(site: Site, args: argparse.Namespace) -> int:
    """Fill gaps by the methods of rules.md f.3; known values stay."""
    slots = range_of(args).period(timezone_of(site.timezone)).slots
    registers = Register.objects.filter(site=site, meter__is_enabled=True).select_related("meter")
    if args.meter:
        registers = registers.filter(meter__ref=args.meter)
        if not registers.exists():
            raise UserError(f"site {site.ref} has no meter {args.meter!r} with a register")
    findings: list[Finding] = []
    filled = 0
    now = datetime.now(UTC)
    with Progress(registers.count(), "estimating") as progress:
        for register in registers:
            try:
                written, found = fill_gaps(
                    site, register, slots, actor=actor(), reason=args.reason, at=now
                )
            except (BadEdit, store.Locked, store.DamagedBlock) as problem:
                raise UserError(str(problem)) from None
            if written.filled:
                print(f"{register}: {written.filled} quarter-hours estimated")
            filled += written.filled
            findings.extend(found)
            progress.advance()
    print_findings(findings)
    print(f"{site.ref}: {filled} quarter-hours estimated, {len(findings)} gaps left")
    return exit_code(findings)


def set_values(site: Site, args: argparse.Namespace) -> int:
    """Set quarter-hours by hand; what they replace is kept."""
    register = _register(site, args.meter, args.obis)
    tz = timezone_of(site.timezone)
    try:
        starts_at = instant_of(args.starts, tz)
        ends_at = instant_of(args.ends, tz) if args.ends else starts_at + QUARTER
        edited = set_by_hand(
            site, register, starts_at, ends_at, _value(register, args),
            reason=args.reason, actor=actor(), at=datetime.now(UTC),
        )  # fmt: skip
    except (BadEdit, store.Locked, store.DamagedBlock) as problem:
        raise UserError(str(problem)) from None
    written = edited.written
    print(
        f"{register}: {written.filled} quarter-hours filled, {written.revised} revised, "
        f"{written.unchanged} unchanged"
    )
    for name in edited.billed:
        print(f"already billed on values that changed: {name}")
    return FINDINGS if edited.billed else GOOD


def _register(site: Site, meter: str, code: str | None) -> Register:
    found = [one for one in registers_of(site) if one.meter.ref == meter]
    if not found:
        raise UserError(f"site {site.ref} has no meter {meter!r} with a register")
    codes = ", ".join(code_of(one) for one in found)
    chosen = [one for one in found if code in (None, code_of(one))]
    if not chosen:
        raise UserError(f"meter {meter} has no register {code!r}, but {codes}")
    if len(chosen) > 1:
        raise UserError(f"meter {meter} has several registers, name one with --obis: {codes}")
    return chosen[0]


def _value(register: Register, args: argparse.Namespace) -> int:
    """In the unit of the register."""
    is_energy = register.unit == Register.Unit.WH
    if is_energy != (args.litres is None):
        unit, option = ("energy", "--energy-kwh") if is_energy else ("water", "--litres")
        raise UserError(f"{register} measures {unit}; give its value with {option}")
    text = args.energy_kwh if is_energy else args.litres
    try:
        return wh_of_kwh(text) if is_energy else int(text)
    except (NotEnergy, ValueError, ArithmeticError):
        raise UserError(
            f"{text!r} is not a value of a quarter-hour; write "
            + ("kWh with at most three decimals: 0.125" if is_energy else "whole litres: 12")
        ) from None


def lock(site: Site, args: argparse.Namespace) -> int:
    """Refuse changes of intervals before a date."""
    try:
        set_lock(
            site, args.medium, args.before, actor=actor(), at=datetime.now(UTC), reason=args.reason
        )
    except BadEdit as problem:
        raise UserError(f"{problem}; add --reason") from None
    print(f"{site.ref}: {args.medium} before {args.before} can no longer change")
    return GOOD
