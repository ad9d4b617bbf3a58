"""Gateways: who runs which version of the program, and who is to run which.

    gateways add quartier-gateway_0.2.0.zip      beside its signature, .zip.sig
    gateways update 0.2.0 --gateway linde-keller     one first
    gateways update 0.2.0 --all --share 10           then some
    gateways update 0.2.0 --all                      then all
    gateways stop --all                              nobody goes on to it

A gateway takes a new version within minutes, and goes back by itself where it fails; its page and
``gateways list`` say so. Named again, a version that was given up is tried again.
"""

import argparse
import hashlib
from datetime import UTC, datetime
from pathlib import Path

from quartier.apps.equipment.models import Gateway, GatewayPackage, Renewal
from quartier.apps.equipment.renewing import BadPackage, add, assign
from quartier.cli import FINDINGS, GOOD, UserError
from quartier.cli.site import ACTOR

NEEDS_DJANGO = True
GIVEN_UP = ("gateway.update_given_up", "gateway.update_refused")
_WHOLE = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("list", help="each gateway, what it runs and what it is to run")
    one.set_defaults(run=run_list)
    one = actions.add_parser("versions", help="the versions that gateways can be given")
    one.set_defaults(run=run_versions)
    one = actions.add_parser("add", help="a version, as packaging/gateway/build-update made it")
    one.add_argument("file", type=Path)
    one.add_argument("--signature", type=Path, metavar="FILE", help="default: FILE.sig")
    one.set_defaults(run=run_add)
    one = actions.add_parser("update", help="let gateways run a version")
    one.add_argument("version")
    _choose(one)
    one.add_argument(
        "--share",
        type=int,
        default=_WHOLE,
        metavar="PERCENT",
        help="of them only so many, always the same; more with a larger share",
    )
    one.set_defaults(run=run_update)
    one = actions.add_parser("stop", help="leave gateways with what they run")
    _choose(one)
    one.set_defaults(run=run_stop)


def _choose(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--gateway", metavar="NAME", nargs="+", default=[])
    which.add_argument("--site", metavar="REF", nargs="+", default=[])
    which.add_argument("--all", action="store_true")


def run_list(args: argparse.Namespace) -> int:  # noqa: ARG001
    rows = Gateway.objects.select_related("site", "renewal__package").defer(
        "renewal__package__data"
    )
    failed = set(Gateway.objects.filter(findings__code__in=GIVEN_UP).values_list("pk", flat=True))
    for row in rows.order_by("site__ref", "name"):
        renewal = getattr(row, "renewal", None)
        package = renewal.package if renewal else None
        wanted = f" -> {package}" if package and package.version != row.software else ""
        seen = f"{row.seen_at:%Y-%m-%d %H:%MZ}" if row.seen_at else "never seen"
        state = ", gave a version up" if row.pk in failed else ""
        print(f"{row.site.ref}: {row.name}: {row.software or '-'}{wanted}, {seen}{state}")
    return FINDINGS if failed else GOOD


def run_versions(args: argparse.Namespace) -> int:  # noqa: ARG001
    for row in GatewayPackage.objects.defer("data"):
        print(f"{row.version}  {row.size} bytes  {row.sha256}  added {row.added_at:%Y-%m-%d}")
    return GOOD


def run_add(args: argparse.Namespace) -> int:
    beside = args.signature or args.file.with_name(f"{args.file.name}.sig")
    try:
        data, signature = args.file.read_bytes(), beside.read_bytes()
    except OSError as problem:
        raise UserError(f"{problem.filename} cannot be read: {problem.strerror}.") from None
    try:
        package = add(data, signature, at=datetime.now(UTC))
    except BadPackage as problem:
        raise UserError(f"{args.file}: {problem}.") from None
    print(f"version {package.version} can be given to gateways")
    return GOOD


def run_update(args: argparse.Namespace) -> int:
    if not 1 <= args.share <= _WHOLE:
        raise UserError("--share is a percentage from 1 to 100.")
    package = GatewayPackage.objects.filter(version=args.version).defer("data").first()
    if package is None:
        raise UserError(f"there is no version {args.version}; add it, or see gateways versions.")
    chosen = [one for one in _chosen(args) if _place_of(one) < args.share]
    count = assign(package, chosen, at=datetime.now(UTC), actor=ACTOR)
    print(f"{count} gateways are to run {package.version}")
    return GOOD


def run_stop(args: argparse.Namespace) -> int:
    asked = set(Renewal.objects.filter(package__isnull=False).values_list("pk", flat=True))
    chosen = [one for one in _chosen(args) if one.pk in asked]
    count = assign(None, chosen, at=datetime.now(UTC), actor=ACTOR)
    print(f"{count} gateways stay with what they run")
    return GOOD


def _chosen(args: argparse.Namespace) -> list[Gateway]:
    rows = Gateway.objects.select_related("site").order_by("name")
    if args.all:
        return list(rows)
    names, lookup = (args.gateway, "name") if args.gateway else (args.site, "site__ref")
    found = list(rows.filter(**{f"{lookup}__in": names}))
    there = {one.name if args.gateway else one.site.ref for one in found}
    if missing := [name for name in names if name not in there]:
        what = "gateway" if args.gateway else "site with a gateway"
        raise UserError(f"there is no {what} called {missing[0]}.")
    return found


def _place_of(gateway: Gateway) -> int:
    """From 0 to 99, always the same for a gateway, and spread over all of them."""
    return int.from_bytes(hashlib.sha256(gateway.name.encode()).digest()[:8]) % _WHOLE
