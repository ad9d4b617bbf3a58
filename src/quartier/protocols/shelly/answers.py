"""The JSON objects that a device sends."""

import json
from decimal import Decimal
from typing import Any, NoReturn

from quartier.protocols.shelly.errors import BadAnswer


def object_in(name: str, body: bytes) -> dict[str, Any]:
    """The object in ``body``, its decimals exact; raises :class:`BadAnswer`, which names the device
    ``name``."""
    try:
        found = json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, ArithmeticError, RecursionError):
        raise BadAnswer(f"{name} answers with what is not JSON") from None
    if not isinstance(found, dict):
        raise BadAnswer(f"{name} answers with what is no object")
    return found


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)
