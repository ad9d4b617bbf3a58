"""A bus of Modbus TCP meters, in a process of its own, that shows 0 in every register.

python -m quartier.cli.bench._slave    prints its port and answers until it is stopped
"""

import asyncio
import struct
import sys

_HEAD = struct.Struct(">HHHBBHH")


async def main() -> None:
    """Serve on a free port of this machine."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            asked = await reader.readexactly(_HEAD.size)
            number, _, _, unit, function, _, amount = _HEAD.unpack(asked)
            size = 2 * amount
            writer.write(struct.pack(">HHHBBB", number, 0, 3 + size, unit, function, size))
            writer.write(bytes(size))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionResetError):
        writer.close()


if __name__ == "__main__":
    asyncio.run(main())
