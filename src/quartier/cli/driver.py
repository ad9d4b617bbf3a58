"""Drivers: list them, try one on its captured frames, begin a new one, read a device, scan a bus.

A driver is a folder of data (docs/guides/driver-file.md). ``driver test`` names every fault of its
file with its line, and plays its frames back: what comes out must be what the capture lists.
``driver read`` polls a real device once and shows every value with its unit; ``driver scan`` asks
every address of a bus who is there.
"""

import argparse
import asyncio
import importlib
from pathlib import Path
from typing import Any

from quartier.cli import FINDINGS, GOOD, UserError
from quartier.cli._findings import exit_code, print_findings, printable
from quartier.cli._output import whole_file
from quartier.drivers import catalog
from quartier.drivers.document import document
from quartier.drivers.replay import BadCapture, captures_in, differences, read_capture
from quartier.drivers.settings import BadSetting
from quartier.protocols.modbus.errors import NoConnection


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("list", help="the families there are")
    one.set_defaults(run=run_list)
    one = actions.add_parser("test", help="check a driver and play its captured frames back")
    one.add_argument("folder", help="a folder with driver.toml, or the name of a driver")
    one.set_defaults(run=run_test)
    one = actions.add_parser("new", help="begin a driver from a template")
    one.add_argument("folder", type=Path, help="the folder to make; its name is the driver's")
    one.add_argument("--family", required=True, help="maker and model as people call them")
    one.add_argument("--protocol", default="modbus", help="default: modbus")
    one.set_defaults(run=run_new)
    one = actions.add_parser("document", help="write the page of all drivers in Markdown")
    one.add_argument("--out", type=Path, metavar="FILE", help="default: standard output")
    one.set_defaults(run=run_document)
    one = actions.add_parser("scan", help="who is on a bus, and which Modbus drivers fit")
    _add_line(one)
    one.add_argument("--mbus", action="store_true", help="an M-Bus; else Modbus")
    one.add_argument("--units", metavar="FIRST-LAST", help="of Modbus; default: 1-247")
    one.add_argument(
        "--timeout-ms", type=int, help="longer for slow converters; default: 300, M-Bus 700"
    )
    one.set_defaults(run=run_scan)
    one = actions.add_parser("read", help="poll a device once and show its values")
    _add_line(one)
    one.add_argument("--driver", required=True, help="see quartier driver list")
    one.add_argument("--model", help="default: the first of the family")
    one.add_argument(
        "--unit",
        default="1",
        help="address on the bus, on M-Bus also the printed number; default: 1",
    )
    one.add_argument("--set", metavar="NAME=VALUE", action="append", default=[], dest="settings")
    one.set_defaults(run=run_read)


def _add_line(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("at", help="HOST, HOST:PORT, or a serial port such as /dev/ttyUSB0")
    parser.add_argument("--rtu", action="store_true", help="RTU frames inside TCP")
    parser.add_argument("--line", metavar="BAUD,PARITY", help="such as 9600,E")


def run_list(_args: argparse.Namespace) -> int:
    families = catalog.families()
    width = max(len(family.head.key) for family in families)
    for family in families:
        head = family.head
        print(f"{head.key:{width}}  {head.protocol}  {head.status:10}  {head.family}")
    return GOOD


def run_test(args: argparse.Namespace) -> int:
    folder = _folder(args.folder)
    try:
        faults = catalog.load(folder).faults
    except OSError as reason:
        raise UserError(f"{folder / catalog.FILE} cannot be read: {reason.strerror}.") from None
    for fault in faults:
        print(printable(f"error: {fault.in_file(str(folder / catalog.FILE))}"))
    captures = captures_in(folder)
    if faults:
        print(f"{len(faults)} faults; no frames were played back.")
        return FINDINGS
    bad = [path for path in captures if not _replay(folder, path)]
    if not captures:
        print(f"error: {folder}: there are no frames in captures/ or made/. Add one.")
        return FINDINGS
    print(f"{len(captures)} captures, {len(bad)} of them with differences")
    return FINDINGS if bad else GOOD


def _folder(name: str) -> Path:
    """A folder that was named by its path, or by the name of a driver that comes along."""
    path = Path(name)
    if (path / catalog.FILE).is_file():
        return path
    for folder in catalog.folders():
        if folder.name == name:
            return folder
    raise UserError(
        f"there is no {path / catalog.FILE}, and no driver of that name: see quartier driver list."
    )


def _replay(folder: Path, path: Path) -> bool:
    """Play one capture back, say how it differs; whether it does not."""
    shown = "/".join(path.parts[-2:])
    try:
        capture = read_capture(path)
        family = catalog.load(folder, capture.settings).family
        assert family is not None, "the file has been checked"
        replay = importlib.import_module(f"quartier.drivers.{family.head.protocol}.replay").replay
        reading = replay(family, capture)
    except (BadCapture, BadSetting) as reason:
        print(printable(f"error: {shown}: {reason}."))
        return False
    said = differences(capture, reading.values, reading.findings)
    for sentence in said:
        print(printable(f"error: {shown}: {sentence}"))
    if not said:
        print(f"{shown}: {len(reading.values)} values, as they must be")
    return not said


def run_new(args: argparse.Namespace) -> int:
    folder: Path = args.folder
    if args.protocol not in catalog.protocols():
        known = ", ".join(catalog.protocols())
        raise UserError(f"there is no protocol {args.protocol!r}; there are: {known}.")
    if not args.family.strip() or not args.family.isprintable() or set(args.family) & set('"\\'):
        raise UserError("--family must be a name without quotation marks and backslashes.")
    package = importlib.import_module(f"quartier.drivers.{args.protocol}")
    template = Path(package.__path__[0], "template.toml").read_text(encoding="utf-8")
    try:
        folder.mkdir(parents=True)
        for name in ("captures", "made"):
            (folder / name).mkdir()
        text = template.replace("FAMILY", args.family.strip())
        (folder / catalog.FILE).write_text(text, encoding="utf-8")
    except OSError as reason:
        raise UserError(f"{folder} cannot be made: {reason.strerror}. Choose another.") from None
    print(f"made {folder / catalog.FILE}; fill it in, then: quartier driver test {folder}")
    return GOOD


def run_document(args: argparse.Namespace) -> int:
    text = document(catalog.families())
    if args.out is None:
        print(text, end="")
        return GOOD
    with whole_file(args.out) as stream:
        stream.write(text)
    return GOOD


def run_read(args: argparse.Namespace) -> int:
    settings = dict(_setting(text) for text in args.settings)
    try:
        family = catalog.family(args.driver, settings)
    except (catalog.NoSuchFamily, BadSetting) as reason:
        raise UserError(f"{reason}.") from None
    model = family.head.model(args.model) if args.model else family.head.models[0]
    if model is None:
        known = ", ".join(one.name for one in family.head.models)
        raise UserError(f"{args.driver} has no model {args.model!r}; it has: {known}.")
    try:
        live = importlib.import_module(f"quartier.drivers.{family.head.protocol}.live")
        reading = asyncio.run(
            live.read_once(
                family, model, args.at, _unit(args.unit), is_rtu=args.rtu, line=args.line
            )
        )
    except ValueError as reason:
        raise UserError(f"{reason}.") from None
    _print_values(reading)
    print_findings(reading.findings)
    return exit_code(reading.findings)


def run_scan(args: argparse.Namespace) -> int:
    if args.timeout_ms is not None and not 50 <= args.timeout_ms <= 60_000:
        raise UserError("--timeout-ms must be within 50 to 60000.")
    return _scan_mbus(args) if args.mbus else _scan_modbus(args)


def _scan_modbus(args: argparse.Namespace) -> int:
    first, _, last = (args.units or "1-247").partition("-")
    if not (first.isdecimal() and (last or first).isdecimal()):
        raise UserError("--units must be FIRST-LAST, such as 10-40.")
    units = range(int(first), int(last or first) + 1)
    if not units or units[0] < 1 or units[-1] > 247:
        raise UserError("--units must lie within 1-247.")
    present: list[Any] = []

    def report(one: Any) -> None:
        present.append(one)
        print(f"{one.unit:3}  {', '.join(one.families) or 'no driver fits'}", flush=True)
        print_findings(one.findings, "     ")

    live = importlib.import_module("quartier.drivers.modbus.live")
    try:
        asyncio.run(
            live.scan_at(
                args.at,
                units,
                catalog.families(),
                report,
                is_rtu=args.rtu,
                line=args.line,
                timeout_s=(args.timeout_ms or 300) / 1000,
            )
        )
    except (ValueError, NoConnection) as reason:
        raise UserError(f"{reason}.") from None
    print(f"{len(present)} devices at the addresses {units[0]} to {units[-1]}")
    return exit_code([finding for one in present for finding in one.findings])


def _scan_mbus(args: argparse.Namespace) -> int:
    if args.units or args.rtu:
        raise UserError("--units and --rtu are of Modbus; leave them out with --mbus.")
    live = importlib.import_module("quartier.drivers.mbus.live")

    async def scan() -> int:
        count = 0
        timeout_s = (args.timeout_ms or 700) / 1000
        async for one in live.scan_at(args.at, line=args.line, timeout_s=timeout_s):
            print(printable(f"{one.address:16}  {one.about}"), flush=True)
            count += 1
        return count

    try:
        count = asyncio.run(scan())
    except ValueError as reason:
        raise UserError(f"{reason}.") from None
    print(f"{count} addresses and numbers answer")
    return GOOD


def _unit(text: str) -> int | str:
    """A number of up to three digits is an address; anything longer is a printed number."""
    return int(text) if text.isdecimal() and len(text) <= 3 else text


def _setting(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise UserError(f"--set {text} must be NAME=VALUE, such as --set import_register=72.")
    return name.strip(), value.strip()


def _print_values(reading: Any) -> None:
    for value in reading.values:
        billed = "  billed" if value.is_billing else ""
        print(f"{value.name:12} {value.value:>18f} {value.unit}{billed}")
