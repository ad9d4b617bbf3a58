"""SDAT-CH: the messages in which Swiss grid operators send load curves (rules.md b.1).

:func:`read_message` reads E66 (validated values of a metering point) in ValidatedMeteredData 1.2
to 1.6, and E31 (aggregates of a local electricity community) as far as it is known: no real E31
was at hand, so everything read from one is marked unproven.
"""

from quartier.formats.sdat.message import (
    Aggregate,
    Block,
    Grade,
    Message,
    SdatError,
    masked,
    normal_point,
)
from quartier.formats.sdat.parse import SIZE_LIMIT, looks_like_sdat, read_message

__all__ = [
    "SIZE_LIMIT",
    "Aggregate",
    "Block",
    "Grade",
    "Message",
    "SdatError",
    "looks_like_sdat",
    "masked",
    "normal_point",
    "read_message",
]
