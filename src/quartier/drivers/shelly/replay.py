"""Read a captured status as if a device had sent it."""

import json
from decimal import Decimal

from quartier.drivers.catalog import Family
from quartier.drivers.replay import BadCapture, Capture, text_of
from quartier.drivers.shelly.part import ShellyPart
from quartier.drivers.shelly.reading import Reading, decode


def replay(family: Family, capture: Capture) -> Reading:
    """What the driver makes of ``capture``: ``status`` is what the device answered, ``channel``
    which of its channels is read. Raises :class:`BadCapture`."""
    part: ShellyPart = family.part
    if family.head.model(capture.model) is None:
        known = ", ".join(one.name for one in family.head.models)
        raise BadCapture(f"the family has no model {capture.model!r}; it has: {known}")
    channel = capture.raw.get("channel", 0)
    if not isinstance(channel, int) or not 0 <= channel < part.channels:
        raise BadCapture(f"channel must be a number from 0 to {part.channels - 1}")
    try:
        status = json.loads(text_of(capture.raw, "status"), parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        raise BadCapture("status is not JSON") from None
    if not isinstance(status, dict):
        raise BadCapture("status must be an object")
    return decode(status, part, part.registers, channel, f"channel {channel}")
