"""The command ``quartier-gateway``: run the gateway, pair it, or say how it stands.

Exit codes: 0 good, 1 there is something to look at, 2 wrong use, 3 a fault of the program.
"""

import argparse
import asyncio
import logging
import os
import secrets
import signal
import sqlite3
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from quartier import __version__
from quartier.formats.uplink.answers import decode_refusal
from quartier.formats.uplink.pairing import (
    PairingRequest,
    code_of,
    decode_answer,
    encode_request,
)
from quartier.formats.uplink.stations import Charging
from quartier.formats.uplink.strict import BadMessage
from quartier.gateway.agent import Agent
from quartier.gateway.home import Home, Pairing
from quartier.gateway.lines import opener
from quartier.gateway.local.server import serve
from quartier.gateway.noticed import Ledger
from quartier.gateway.ports import Chargers, OpenChargers
from quartier.gateway.recorder import Recorder
from quartier.gateway.remote.client import Remote, remote_url
from quartier.gateway.remote.commands import Commands
from quartier.gateway.remote.log import MemoryLog
from quartier.gateway.service import notify, watchdog_s
from quartier.gateway.timekeeper import SystemClock
from quartier.gateway.tools import Tools
from quartier.gateway.transport import BadUrl, Send, Unreachable, transport
from quartier.gateway.update.slots import Slots
from quartier.gateway.update.start import PACKAGED
from quartier.gateway.update.updater import Updater

GOOD, FINDINGS, WRONG_USE, INTERNAL = 0, 1, 2, 3
FAULTS = "faults.log"
PAIRINGS = "/api/gateway/pairings"
FOLDER = "/var/lib/quartier-gateway"
CHARGING = "/usr/lib/quartier-gateway-charging"
"""Where a package of its own puts what is compiled, for every version of the program."""
_LONGEST_WAIT = timedelta(days=1)
_BEATS_A_WATCHDOG = 3
LOOKS_EVERY_S = 2.0
"""How soon the running program notices that it was paired again."""
_LOG = logging.getLogger(__name__)


class UserError(Exception):
    """Wrong use; one sentence that names the place and the remedy."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv`` and return its exit code."""
    args = _parser().parse_args(argv)
    try:
        code: int = args.run(args)
    except UserError as problem:
        sys.stderr.write(f"quartier-gateway: {problem}\n")
        return WRONG_USE
    except KeyboardInterrupt:
        return 130
    except Exception as fault:  # noqa: BLE001 - the last place: kept in full
        return _report(fault, args.home)
    return code


def _report(fault: Exception, folder: Path) -> int:
    """Keep all of ``fault`` in a file of ``folder`` and say so in one line."""
    now = datetime.now(UTC)
    text = (
        f"{now.isoformat()} quartier {__version__}\n{''.join(traceback.format_exception(fault))}\n"
    )
    path = folder / FAULTS
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        sys.stderr.write(text)
        return INTERNAL
    kind = type(fault).__name__
    sys.stderr.write(f"quartier-gateway: internal error ({kind}); send {path} to the operator.\n")
    return INTERNAL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="quartier-gateway", description=(__doc__ or "").strip())
    folder = os.environ.get("QUARTIER_GATEWAY_HOME", FOLDER)
    parser.add_argument(
        "--home", type=Path, default=Path(folder), help=f"the gateway's folder ({folder})"
    )
    parser.add_argument(
        "--allow-http",
        action="store_true",
        help="send without TLS; only for a network that nobody else can hear",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="read meters and send, until told to stop")
    run.add_argument(
        "--page", default="0.0.0.0:8080", metavar="HOST:PORT",
        help="where the installer's page is (0.0.0.0:8080); off for none",
    )  # fmt: skip
    run.add_argument(
        "--remote", default="", metavar="URL",
        help="where the field server is (behind the platform's address); off for none",
    )  # fmt: skip
    run.set_defaults(run=_run)
    pair = commands.add_parser("pair", help="make this the gateway of a code")
    pair.add_argument(
        "url", metavar="URL", help="of the platform, such as https://quartier.example"
    )
    pair.add_argument("code", metavar="CODE", help="from the gateway's page on the platform")
    pair.set_defaults(run=_pair)
    status = commands.add_parser("status", help="say how the gateway stands")
    status.set_defaults(run=_status)
    return parser


def _run(args: argparse.Namespace) -> int:
    home = _home(args)
    pairing = _paired(home)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("websockets").setLevel(logging.WARNING)
    page = _page(args.page)
    log = MemoryLog()
    logging.getLogger().addHandler(log)
    while True:
        try:
            send = transport(pairing.url, allows_plain=args.allow_http)
        except BadUrl as problem:
            raise UserError(str(problem)) from None
        try:
            remote = remote_url(pairing.url, args.remote, allows_plain=args.allow_http)
        except BadUrl as problem:
            raise UserError(f"--remote {problem}.") from None
        if not asyncio.run(_live(home, pairing, send, page, remote, log)):
            return GOOD
        pairing = _paired(home)
        _LOG.info("this is %s of %s now", pairing.gateway, pairing.url)


async def _live(
    home: Home,
    pairing: Pairing,
    send: Send,
    page: tuple[str, int] | None,
    remote: str,
    log: MemoryLog,
) -> bool:
    """Read and send until told to stop, or until this is another gateway; whether it is."""
    clock = SystemClock()
    agent = Agent(
        home,
        pairing,
        clock,
        opener(clock.monotonic),
        send,
        software=__version__,
        open_chargers=station_server(),
    )
    running = asyncio.create_task(agent.run())
    another = asyncio.create_task(_paired_anew(home, pairing))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, running.cancel)
    others = [another, asyncio.create_task(_beat(agent))]
    tools = Tools(agent)
    if page:
        others.append(asyncio.create_task(serve(tools, *page)))

    def restart() -> None:
        # Who started the program starts it again: the unit says Restart=always.
        _LOG.info("the program ends, to be started again")
        running.cancel()

    if packaged := os.environ.get(PACKAGED):
        slots = Slots(home.folder, packaged)
        updater = Updater(agent, agent.uplink.fetch, slots, restart, __version__)
        others.append(asyncio.create_task(agent.kept_up("the updater", updater.run)))
    if remote:
        commands = Commands(tools, log, restart)
        client = Remote(remote, pairing, agent.recorder.timekeeper, commands)
        others.append(asyncio.create_task(client.run()))
    notify("READY=1")
    is_another = False
    try:
        await asyncio.wait([running, another], return_when=asyncio.FIRST_COMPLETED)
        is_another = another.done() and not running.done()
        running.cancel()
        await asyncio.wait([running])
    finally:
        if not is_another:
            notify("STOPPING=1")
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await tools.close()
    if not running.cancelled():
        running.result()
    return is_another


def station_server() -> OpenChargers | None:
    """The server of charging stations, where its libraries are: the base goes without them."""
    if Path(CHARGING).is_dir() and CHARGING not in sys.path:
        sys.path.append(CHARGING)
    if not all(find_spec(name) for name in ("jsonschema_rs", "msgspec", "ocpp")):
        return None

    def opened(charging: Charging, ledger: Ledger, recorder: Recorder) -> Chargers:
        # Only where there are stations: what it brings takes memory.
        from quartier.gateway.charging.server import LocalStations

        return LocalStations(charging, ledger, recorder)

    return opened


async def _paired_anew(home: Home, pairing: Pairing) -> None:
    """Returns when somebody has paired the gateway again."""
    while home.pairing() in (pairing, None):
        await asyncio.sleep(LOOKS_EVERY_S)


async def _beat(agent: Agent) -> None:
    """Tell the watchdog that the gateway lives, while it does."""
    every_s = watchdog_s()
    if every_s is None:
        return
    while True:
        if agent.is_alive:
            notify("WATCHDOG=1")
        await asyncio.sleep(every_s / _BEATS_A_WATCHDOG)


def _pair(args: argparse.Namespace) -> int:
    home = _home(args)
    try:
        code = code_of(args.code)
        send = transport(args.url, allows_plain=args.allow_http)
    except (BadMessage, BadUrl) as problem:
        raise UserError(f"{problem}.") from None
    request = PairingRequest(code, secrets.token_hex(16), __version__, _serial())
    try:
        reply = asyncio.run(send("POST", PAIRINGS, {}, encode_request(request)))
    except Unreachable as problem:
        raise UserError(f"{problem}; check the address and the connection.") from None
    try:
        if reply.status != 200:
            says = decode_refusal(reply.body).rstrip(".")
            raise UserError(f"the platform refuses ({reply.status}): {says}.")
        answer = decode_answer(reply.body)
    except BadMessage as problem:
        raise UserError(
            f"{args.url} answers {reply.status}, and not as a platform does ({problem})."
        ) from None
    parts = urlsplit(args.url)
    pin = f"{secrets.randbelow(10**6):06}"
    pairing = Pairing(f"{parts.scheme}://{parts.netloc}", answer.gateway, answer.key, pin)
    try:
        home.save_pairing(pairing)
    except OSError as problem:
        raise UserError(f"{home.folder} cannot be written ({problem.strerror}).") from None
    sys.stdout.write(f"This is {answer.gateway} now. The PIN of its local page is {pin}.\n")
    off_s = (datetime.now(UTC) - answer.time).total_seconds()
    if abs(off_s) > 300:
        sys.stdout.write(f"The clock is {off_s:+.0f} s off; set it, best by NTP.\n")
        return FINDINGS
    return GOOD


def _status(args: argparse.Namespace) -> int:
    home = _home(args)
    pairing = _paired(home)
    used = home.configuration(pairing)
    lines = [f"gateway        {pairing.gateway}", f"platform       {pairing.url}"]
    lines.append(f"page's PIN     {pairing.pin}")
    wrong = [str(one) for one in home.findings]
    if used is None:
        wrong.append("There is no configuration yet; set the gateway up on the platform.")
    else:
        what = f"{len(used.buses)} buses, {len(used.meters)} meters"
        lines.append(f"configuration  {used.number}: {what}")
    try:
        count, oldest_at = _waiting(home.buffer_path)
    except sqlite3.Error as problem:
        wrong.append(f"{home.buffer_path.name} cannot be read ({problem}).")
    else:
        since = f", the oldest of {oldest_at:%Y-%m-%dT%H:%M:%SZ}" if oldest_at else ""
        lines.append(f"waiting        {count} measurements{since}")
        if oldest_at and datetime.now(UTC) - oldest_at > _LONGEST_WAIT:
            wrong.append("Nothing has reached the platform for a day; check the connection.")
    sys.stdout.write("\n".join((*lines, *wrong)) + "\n")
    return FINDINGS if wrong else GOOD


def _waiting(path: Path) -> tuple[int, datetime | None]:
    """Looks at the buffer, which the running gateway has open, without changing it."""
    if not path.exists():
        return 0, None
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        count, oldest_ms = connection.execute(
            "SELECT count(*), min(at_ms) FROM measurement"
        ).fetchone()
    finally:
        connection.close()
    return count, datetime.fromtimestamp(oldest_ms / 1000, UTC) if count else None


def _home(args: argparse.Namespace) -> Home:
    folder: Path = args.home
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise UserError(f"{folder} cannot be made ({problem.strerror}); name --home.") from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise UserError(f"{folder} is not yours to use; run as the gateway's user.")
    return Home(folder)


def _paired(home: Home) -> Pairing:
    pairing = home.pairing()
    if pairing is None:
        damaged = f"{home.findings[0].message} " if home.findings else ""
        raise UserError(
            f"{damaged}This gateway is not paired; run: quartier-gateway pair URL CODE."
        )
    return pairing


def _page(text: str) -> tuple[str, int] | None:
    if text == "off":
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= 0xFFFF:
        raise UserError(f"--page {text}: write HOST:PORT, such as 0.0.0.0:8080, or off.")
    return host.strip("[]"), int(port)


def _serial() -> str:
    """The number of the board, where it says one."""
    try:
        text = Path("/sys/firmware/devicetree/base/serial-number").read_text("ascii", "replace")
    except OSError:
        return ""
    return "".join(one for one in text if one.isprintable())[:63]


if __name__ == "__main__":
    sys.exit(main())
