"""Hold the connections of gateways, over which installers and operators reach them, those of
charging stations (OCPP), and those to the brokers of cloud gateways (MQTT).

Gateways connect to /field/gateway, and GET /field/health says how the server is. It speaks without
TLS: a reverse proxy ends that, and hands /field/ over (docs/operating). Stations connect to another
port, to /ocpp/ and their identity; quartier stations says which are let in. Several servers may run
on one database. It ends at SIGTERM.
"""

import argparse
import asyncio
import logging
import resource
import sys

from quartier.cli import GOOD, UserError

PORT = 8100
STATIONS_PORT = 8101


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument(
        "--stations-port", type=int, default=STATIONS_PORT, help="where charging stations connect"
    )


def run(args: argparse.Namespace) -> int:
    from quartier.config.env import BadEnvironment
    from quartier.field.ports import StorageDown
    from quartier.field.program import CannotStart

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("websockets").setLevel(logging.WARNING)
    _take_descriptors()
    try:
        asyncio.run(_serve(args.host, args.port, args.stations_port))
    except CannotStart as problem:
        raise UserError(
            f"{problem}. Choose another with --host, --port and --stations-port"
        ) from None
    except StorageDown as problem:
        raise UserError(f"{problem}; run: quartier check") from None
    except BadEnvironment as problem:
        raise UserError(str(problem)) from None
    return GOOD


def _take_descriptors() -> None:
    """As many as the system lets it have: each connection takes one, and 1024 are usual."""
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _serve(host: str, port: int, stations_port: int) -> None:
    from quartier.config.wiring import field_ports
    from quartier.field import program
    from quartier.field.gateways import GatewayService
    from quartier.field.mqtt import MqttService
    from quartier.field.stations import StationService

    async with field_ports() as ports:
        services: list[program.Service] = [GatewayService(ports, host, port)]
        if ports.sources is not None:
            services.append(MqttService(ports.sources, allowed=ports.broker_networks))
        if ports.stations is not None:
            services.append(StationService(ports.stations, host, stations_port))
        await program.run(services)
