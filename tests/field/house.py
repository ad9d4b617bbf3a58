"""A field server on an embedded database, in the loop of the test; gateways come over sockets."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import secrets
import sqlite3
from datetime import UTC, datetime, timedelta

from websockets.asyncio.client import connect

from quartier.field.gateways import GatewayService
from quartier.field.ports import Ports
from quartier.field.storage.remote import StoredCommands, StoredKeys, StoredPresences
from quartier.field.storage.sqlite import SqliteDatabase
from quartier.formats.uplink.keys import platform_key
from quartier.gateway.agent import Agent
from quartier.gateway.home import Home, Pairing
from quartier.gateway.lines import opener
from quartier.gateway.remote.client import Remote
from quartier.gateway.remote.commands import Commands
from quartier.gateway.remote.log import MemoryLog
from quartier.gateway.timekeeper import SystemClock
from quartier.gateway.tools import Tools
from quartier.gateway.transport import Unreachable
from tests.protocols.modbus.simulator import device, simulated
from tests.servers import tables

SECRET = "a secret of the platform that nobody else knows"
SALT = bytes(range(32))
PATH = "/field/gateway"


def now():
    return datetime.now(UTC)


async def nobody(*_):
    raise Unreachable("there is no internet here")


class Platform:
    """The database, as pages use it, and the servers on it."""

    def __init__(self, folder):
        tables.copy_to(folder)
        self.path = folder / "quartier.sqlite3"
        self.rows = sqlite3.connect(self.path, isolation_level=None, timeout=10)
        self.rows.row_factory = sqlite3.Row

    def close(self):
        self.rows.close()

    def pair(self, name, salt=SALT):
        """A gateway of that name; its key."""
        names = ("code_hash", "serial", "software", "configuration_sha256")
        numbers = ("waiting", "used_configuration", "configuration_number", "site_id")
        self.rows.execute(
            f"INSERT INTO equipment_gateway (name, salt, {', '.join((*names, *numbers))})"
            " VALUES (?, ?, '', '', '', '', 0, 0, 0, 1)",
            (name, salt),
        )
        return platform_key(SECRET, name, salt) if salt else b""

    def ask(self, name, kind, **arguments):
        """The number of a new command."""
        at = str(now().replace(tzinfo=None))
        ends_at = str((now() + timedelta(hours=1)).replace(tzinfo=None))
        cursor = self.rows.execute(
            "INSERT INTO equipment_remotecommand (gateway_id, kind, arguments, asked_by, asked_at,"
            " ends_at, state, taken_by, rows, text) SELECT id, ?, ?, 'test', ?, ?, 'waiting', '',"
            " '[]', '' FROM equipment_gateway WHERE name = ?",
            (kind, json.dumps(arguments), at, ends_at, name),
        )
        return cursor.lastrowid

    def command(self, number):
        found = self.rows.execute(
            "SELECT * FROM equipment_remotecommand WHERE id = ?", (number,)
        ).fetchone()
        return {**dict(found), "rows": json.loads(found["rows"])}

    def presence(self, name):
        return self.rows.execute(
            "SELECT p.* FROM equipment_remotepresence p JOIN equipment_gateway g"
            " ON g.id = p.gateway_id WHERE g.name = ?",
            (name,),
        ).fetchone()

    async def answered(self, number):
        """The command once it is over."""
        return await until(
            lambda: (
                found
                if (found := self.command(number))["state"] not in ("waiting", "taken")
                else None
            )
        )

    @contextlib.asynccontextmanager
    async def serving(self, name="server", port=0, **more):
        """A running service, with its port."""
        database = SqliteDatabase(self.path, looks_every_s=0.02)
        ports = Ports(
            StoredKeys(database, SECRET),
            StoredCommands(database, name),
            StoredPresences(database, name, SECRET),
        )
        service = GatewayService(ports, "127.0.0.1", port, **more)
        task = asyncio.create_task(service.run())
        await until(lambda: service.is_open or task.done())
        try:
            yield service
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await database.close()


async def until(look, seconds=15.0):
    """What ``look`` gives as soon as it is something."""
    async with asyncio.timeout(seconds):
        while not (found := look()):
            await asyncio.sleep(0.01)
    return found


def headers(key, name="linde", *, at=None, nonce=None, what=f"GET {PATH}"):
    """The signed headers of docs/uplink.md, made without the code of the gateway."""
    time, nonce = str(int((at or now()).timestamp())), nonce or secrets.token_hex(16)
    lines = (name, time, nonce, what, hashlib.sha256(b"").hexdigest())
    made = hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
    return {
        "Quartier-Gateway": name,
        "Quartier-Time": time,
        "Quartier-Nonce": nonce,
        "Quartier-Signature": made,
    }


class HandMade:
    """A gateway of another make: knows docs/uplink.md and nothing of our code."""

    def __init__(self, connection, key, nonce):
        self.connection = connection
        theirs = connection.response.headers["Quartier-Nonce"]
        text = f"quartier remote session 1\n{nonce}\n{theirs}".encode()
        self.key = hmac.new(key, text, hashlib.sha256).digest()
        self.sent = self.received = 0

    def mac(self, side, number, text):
        return hmac.new(self.key, f"{side}\n{number}\n{text}".encode(), hashlib.sha256).hexdigest()

    async def send(self, content):
        self.sent += 1
        text = json.dumps(content)
        await self.connection.send(self.mac("gateway", self.sent, text) + text)

    async def receive(self):
        self.received += 1
        frame = await asyncio.wait_for(self.connection.recv(), 10)
        assert frame[:64] == self.mac("platform", self.received, frame[64:])
        return json.loads(frame[64:])


@contextlib.asynccontextmanager
async def hand_made(port, key, name="linde"):
    """Such a gateway, connected."""
    made = headers(key, name)
    async with connect(
        f"ws://127.0.0.1:{port}{PATH}", additional_headers=made, compression=None, proxy=None
    ) as connection:
        yield HandMade(connection, key, made["Quartier-Nonce"])


@contextlib.asynccontextmanager
async def a_gateway(folder, key, configuration_of, inputs, name="linde"):
    """A real gateway with a simulated bus: its agent, and its remote client for a port."""
    async with simulated([device(11, inputs=inputs)]) as bus:
        home = Home(folder)
        folder.mkdir(exist_ok=True)
        pairing = Pairing("http://localhost", name, key, "042042")
        home.save_pairing(pairing)
        clock = SystemClock()
        agent = Agent(home, pairing, clock, opener(clock.monotonic), nobody, software="0.1.0")
        agent.configuration = configuration_of(int(bus.link.name.rpartition(":")[2]))
        running = asyncio.create_task(agent.run())
        tools, log, restarts = Tools(agent), MemoryLog(), []
        commands = Commands(tools, log, lambda: restarts.append(1))

        def client(port):
            keeper = agent.recorder.timekeeper
            url = f"ws://127.0.0.1:{port}{PATH}"
            return Remote(url, pairing, keeper, commands, first_delay_s=0.05)

        agent.client_of, agent.log, agent.restarts = client, log, restarts
        try:
            yield agent
        finally:
            await tools.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@contextlib.asynccontextmanager
async def connected(client):
    """The client, running."""
    task = asyncio.create_task(client.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
