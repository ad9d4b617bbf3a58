"""Charging stations that connect to the platform: who is let in, who waits, what they said.

    stations waiting                            who tried to connect and is not known
    stations add linde TACW1234567 --name "Garage 3"     prints its password, once
    stations log TACW1234567                    the newest messages

A station connects to wss://HOST/ocpp/IDENTITY with its identity as the user and that password
(OCPP 1.6: AuthorizationKey; 2.0.1: BasicAuthPassword).
"""

import argparse
from datetime import UTC, datetime

from quartier.apps.charging.models import ChargingStation, UnknownStation
from quartier.apps.charging.operations import BadStation, add, draw_password, enable, serve_from
from quartier.apps.charging.queries import is_connected, messages_of
from quartier.apps.equipment.models import Gateway
from quartier.apps.sites.models import Site
from quartier.cli import GOOD, UserError
from quartier.cli.site import ACTOR

NEEDS_DJANGO = True
_WIDEST = 160


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("list", help="each station, and whether it is connected")
    one.set_defaults(run=run_list)
    one = actions.add_parser("waiting", help="who tried to connect and is not known")
    one.set_defaults(run=run_waiting)
    one = actions.add_parser("add", help="let a station in, and print its password")
    one.add_argument("site", metavar="REF")
    one.add_argument("identity")
    one.add_argument("--name", help="default: the identity")
    who = one.add_mutually_exclusive_group()
    who.add_argument("--free", action="store_true", help="anybody may charge")
    who.add_argument("--badge", nargs="+", default=[], help="the badges that may charge")
    one.add_argument(
        "--without-password",
        action="store_true",
        help="security profile 0: only where nobody else can reach the server",
    )
    one.set_defaults(run=run_add)
    one = actions.add_parser("password", help="draw a new password, and print it")
    one.add_argument("identity")
    one.set_defaults(run=run_password)
    for name, text in (("disable", "let a station in no more"), ("enable", "let it in again")):
        one = actions.add_parser(name, help=text)
        one.add_argument("identity")
        one.set_defaults(run=run_enable, enables=name == "enable")
    one = actions.add_parser(
        "serve", help="let a gateway serve it in the building, or the platform"
    )
    one.add_argument("identity")
    one.add_argument("--gateway", metavar="NAME", help="default: it connects to the platform")
    one.add_argument("--sun", action="store_true", help="it takes what the sun leaves over")
    for name, text in (
        ("phases", "1 to 3 (3)"),
        ("min-a", "least amperes a phase (6)"),
        ("max-a", "most amperes a phase (16)"),
        ("fallback-a", "amperes when the gateway is silent; 0 for none (6)"),
        ("priority", "its place in the order with the appliances, the lowest first"),
    ):
        one.add_argument(f"--{name}", type=int, metavar="N", help=text)
    one.set_defaults(run=run_serve)
    one = actions.add_parser("log", help="what a station said, the newest last")
    one.add_argument("identity")
    one.add_argument("--last", type=int, default=20, metavar="N")
    one.set_defaults(run=run_log)


def run_list(args: argparse.Namespace) -> int:  # noqa: ARG001
    now = datetime.now(UTC)
    for row in ChargingStation.objects.select_related("site", "gateway").order_by(
        "site__ref", "identity"
    ):
        seen = f"seen {row.seen_at:%Y-%m-%d %H:%MZ}" if row.seen_at else "never seen"
        state = f"connected, {row.version}" if is_connected(row, now) else seen
        more = "" if row.is_enabled else ", disabled"
        if row.gateway is not None:
            state = f"served by {row.gateway.name}" + (", by the sun" if row.follows_sun else "")
        print(f"{row.site.ref}: {row.identity}: {row.name}, {state}{more}")
    return GOOD


def run_waiting(args: argparse.Namespace) -> int:  # noqa: ARG001
    for row in UnknownStation.objects.all():
        how = "with" if row.has_password else "without"
        print(
            f"{row.identity}: {row.attempts} attempts {how} a password, "
            f"last {row.last_seen_at:%Y-%m-%d %H:%MZ}"
        )
    return GOOD


def run_add(args: argparse.Namespace) -> int:
    site = Site.objects.filter(ref=args.site).first()
    if site is None:
        raise UserError(f"there is no site {args.site}; see: quartier site list.")
    try:
        station, password = add(
            site,
            args.identity,
            args.name or args.identity,
            needs_password=not args.without_password,
            is_free=args.free,
            tags=args.badge,
            at=datetime.now(UTC),
            actor=ACTOR,
        )
    except BadStation as problem:
        raise UserError(f"{problem}.") from None
    print(password or f"{station.identity} is let in without a password")
    return GOOD


def run_password(args: argparse.Namespace) -> int:
    print(draw_password(_station(args.identity), at=datetime.now(UTC), actor=ACTOR))
    return GOOD


def run_enable(args: argparse.Namespace) -> int:
    enable(_station(args.identity), args.enables, at=datetime.now(UTC), actor=ACTOR)
    return GOOD


def run_serve(args: argparse.Namespace) -> int:
    station = _station(args.identity)
    gateway = None
    if args.gateway is not None:
        gateway = Gateway.objects.filter(site=station.site, name=args.gateway).first()
        if gateway is None:
            raise UserError(f"{station.site.ref} has no gateway {args.gateway}.")
    names = ("phases", "min_a", "max_a", "fallback_a", "priority")
    how = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    try:
        serve_from(station, gateway, at=datetime.now(UTC), actor=ACTOR, follows_sun=args.sun, **how)
    except BadStation as problem:
        raise UserError(f"{problem}.") from None
    return GOOD


def run_log(args: argparse.Namespace) -> int:
    station = _station(args.identity)
    for row in reversed(messages_of(station)[: max(args.last, 0)]):
        text = f"{row.received_at:%Y-%m-%d %H:%M:%SZ} {row.action} {row.asked} -> {row.answer}"
        print(text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…")
    return GOOD


def _station(identity: str) -> ChargingStation:
    found = ChargingStation.objects.select_related("site").filter(identity=identity).first()
    if found is None:
        raise UserError(f"there is no station {identity}; see: quartier stations list.")
    return found
