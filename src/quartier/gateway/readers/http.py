"""A controller that asks a page for each badge, by GET or POST: its fields stand in the address, in
a form or in a JSON object."""

import asyncio
import hmac
import json
from collections.abc import Mapping

from quartier.core.kernel.findings import Finding, warning
from quartier.formats.uplink.badge_readers import ReaderSettings
from quartier.gateway.local.requests import (
    MOST_HEAD_BYTES,
    BadRequest,
    Request,
    Response,
    read,
    written,
)
from quartier.gateway.readers.listening import Listener
from quartier.gateway.readers.ports import Desk, Seen

PATIENCE_S = 5.0
GUARD = "key"
"""Name of the field with the secret."""
_PLAIN = "text/plain; charset=utf-8"
_KEYS = frozenset("0123456789*#")
_MOST_KEYS = 16


class HttpDoor:
    """Listens at the address and port of ``settings``."""

    def __init__(self, settings: ReaderSettings) -> None:
        self._settings = settings

    async def run(self, desk: Desk) -> None:
        """Raises OSError where the address cannot be taken."""

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            async with asyncio.timeout(PATIENCE_S):
                try:
                    response = self._answer(await read(reader), desk)
                except BadRequest as problem:
                    response = Response(status=problem.status)
                writer.write(written(response))
                await writer.drain()

        await Listener(self._settings, converse, desk.complain).run(MOST_HEAD_BYTES)

    def _answer(self, request: Request, desk: Desk) -> Response:
        given = fields_of(request)
        if self._settings.secret:
            typed = given.get(GUARD, "").encode()
            if not hmac.compare_digest(typed, self._settings.secret.encode()):
                desk.complain(_wrong_secret(self._settings.name))
                return Response(status=403)
        card = given.get(self._settings.card_field, "").strip()
        keys = given.get(self._settings.keys_field, "").strip() if self._settings.keys_field else ""
        is_typed = len(keys) <= _MOST_KEYS and _KEYS.issuperset(keys)
        if not (card or keys) or not is_typed or not desk.saw(Seen(card, keys)):
            return Response(status=400)
        return Response("OK", content_type=_PLAIN)


def fields_of(request: Request) -> Mapping[str, str]:
    """What a request says: in its address, in a form, or in a JSON object of texts and numbers.
    Raises :class:`BadRequest`."""
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        return {**request.query, **request.form}
    try:
        said = json.loads(request.body.decode(), parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise BadRequest(400) from None
    if not isinstance(said, dict):
        raise BadRequest(400)
    plain = {name: str(value) for name, value in said.items() if type(value) in (str, int)}
    return {**request.query, **plain}


def _wrong_secret(name: str) -> Finding:
    return warning(
        "reader.secret",
        "a request came without its secret, or with another one, and was refused.",
        where=name,
        remedy="Write the same secret into the controller and on the platform.",
    )
