"""What a gateway sends, taken in by a fresh process on a database of its own.

    python -m quartier.cli.bench._ingest METERS BATCHES DAYS    (QUARTIER_HOME, DATABASE_URL)

A batch goes the whole way of a request: signature, unpacking, readings, quarter-hours, commit,
signed answer. Prints what it took as JSON.
"""

import io
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

PATH = "/api/gateway/batches"
QUARTER = timedelta(minutes=15)
MOST = 20_000
"""How many measurements a gateway sends at once (``gateway.uplink``)."""


_TABLES = (
    (
        "metering_reading",
        "bench_reading",
        "SELECT * FROM metering_reading WHERE site_id = %s",
        "INSERT INTO bench_reading VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
    ),
    (
        "metering_intervalblock",
        "bench_block",
        "SELECT * FROM metering_intervalblock WHERE site_id = %s",
        "INSERT INTO bench_block VALUES (%s, %s, %s, %s, %s, %s)",
    ),
)
"""What is stored, a bare table like it, and how its rows go from one to the other."""


def main(meters: int, batches: int, days: int) -> dict[str, Any]:
    """Readings of each quarter-hour one batch each, then ``days`` of history in full batches."""
    from quartier.config.start import django

    django()
    took: dict[str, Any] = {}
    for name, batch_of, slots in (("live", meters, batches), ("history", MOST, days * 96)):
        sender = Sender(name, meters, slots)
        sent = sender.batches(max(batch_of // meters, 1))
        if name == "live":
            for _ in range(5):  # the first ones warm the process up
                sender.post(next(sent))
        took[name] = _took(sender.post, sent)
        took[name]["floor"] = _took(*_floor(sender.site_id, batch_of))
    return took


def _took(work: Callable[[Any], object], inputs: Iterable[Any]) -> dict[str, Any]:
    """The wall and CPU seconds of each call; making its input is not measured."""
    wall, cpu = [], []
    for one in inputs:
        cpu_s, started = time.process_time(), time.perf_counter()
        work(one)
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - cpu_s)
    return {"wall_s": wall, "cpu_s": cpu}


class Sender:
    """A paired gateway with its meters, on the other side of the WSGI interface."""

    def __init__(self, name: str, meters: int, slots: int) -> None:
        from quartier.apps.equipment import gateways, pairing
        from quartier.apps.equipment.models import Device, Register
        from quartier.apps.sites.models import Site
        from quartier.cli.bench.intervals import site_with_registers
        from quartier.formats.uplink.pairing import PairingRequest

        now = datetime.now(UTC)
        quarter_s = QUARTER // timedelta(seconds=1)
        last = datetime.fromtimestamp(now.timestamp() // quarter_s * quarter_s, UTC)
        self.first_at, self.slots = last - (slots + 5) * QUARTER, slots + 5
        self.name = name
        site, registers = site_with_registers(meters, name)
        self.site_id = site.pk
        by_meter = dict(
            Register.objects.filter(pk__in=registers).values_list("meter__ref", "meter")
        )
        self.meters = sorted(by_meter)
        Device.objects.bulk_create(
            Device(meter_id=pk, serial=ref, installed_at=self.first_at)
            for ref, pk in by_meter.items()
        )
        gateway = gateways.add_gateway(Site.objects.get(pk=site.pk), name, at=now, actor="bench")
        code = pairing.draw_code(gateway, at=now, actor="bench")
        _, self.key = pairing.pair(PairingRequest(code, "0" * 32, "0.1.0", ""), at=now)
        self._nonces = count(1)

    def batches(self, slots_each: int) -> Iterator[bytes]:
        """All readings in the order in which a gateway takes them."""
        from quartier.formats.uplink.batch import Batch, Column, Kind, Measurement, encode

        first = 1
        for start in range(0, self.slots, slots_each):
            end = min(start + slots_each, self.slots)
            columns = tuple(
                Column(
                    ref,
                    "1-1:1.8.0",
                    Kind.REGISTER,
                    tuple(
                        Measurement(self.first_at + slot * QUARTER, Decimal(slot * (50 + number)))
                        for slot in range(start, end)
                    ),
                    ref,
                )
                for number, ref in enumerate(self.meters)
            )
            amount = len(columns) * (end - start)
            yield encode(
                Batch(
                    self.name,
                    f"{self.site_id:032x}",
                    first,
                    first + amount - 1,
                    datetime.now(UTC),
                    columns,
                )
            )
            first += amount

    def post(self, body: bytes) -> None:
        """Send it, and be sure that all of it was taken."""
        from quartier.config.wsgi import application
        from quartier.formats.uplink.answers import decode
        from quartier.formats.uplink.signature import sign

        made = sign(
            self.key,
            gateway=self.name,
            now=datetime.now(UTC),
            nonce=f"{next(self._nonces):032x}",
            what=f"POST {PATH}",
            body=body,
        )
        environ = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": PATH,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "CONTENT_TYPE": "application/octet-stream",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.url_scheme": "http",
        }
        for header, value in made.headers.items():
            environ[f"HTTP_{header.upper().replace('-', '_')}"] = value
        said: list[str] = []

        def start(
            status: str, _headers: object, _fault: object = None
        ) -> Callable[[bytes], object]:
            said.append(status)
            return lambda _: None

        answer = b"".join(application(environ, start))
        if said != ["200 OK"]:
            raise RuntimeError(f"the batch was answered by {said}: {answer[:300]!r}")
        told = decode(answer, is_to_batch=True)
        if told.findings:
            raise RuntimeError(f"the batch gave {told.findings[:3]}")


def _floor(site_id: int, batch_of: int) -> tuple[Callable[[Any], object], list[Any]]:
    """The rows that are stored by now, ready-made, into bare tables: as many readings a transaction
    as a batch has, and as many blocks as it touches."""
    from django.db import connection, transaction

    rows = []
    with connection.cursor() as cursor:
        for real, bare, select, _ in _TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS {bare}")
            if connection.vendor == "postgresql":
                cursor.execute(f"CREATE TABLE {bare} (LIKE {real} INCLUDING ALL)")
            else:
                cursor.execute("SELECT sql FROM sqlite_master WHERE name = %s", [real])
                cursor.execute(cursor.fetchone()[0].replace(real, bare, 1))
            cursor.execute(select, [site_id])
            rows.append(cursor.fetchall())
    readings, blocks = rows

    def written(piece: tuple[list[Any], list[Any]]) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            for (_, bare, _, insert), some in zip(_TABLES, piece, strict=True):
                if connection.vendor == "postgresql":
                    with cursor.copy(f"COPY {bare} FROM STDIN") as copy:
                        for row in some:
                            copy.write_row(row)
                else:
                    cursor.executemany(insert, some)

    pieces = []
    for position, start in enumerate(range(0, len(readings), batch_of)):
        touched = blocks[start // 96 : (start + batch_of) // 96]
        if batch_of < MOST:  # a day of each meter, and again with the next batch
            touched = [(site, day + position, *rest) for site, day, *rest in blocks[-batch_of:]]
        pieces.append((readings[start : start + batch_of], touched))
    return written, pieces


if __name__ == "__main__":
    print(json.dumps(main(*map(int, sys.argv[1:4]))))
