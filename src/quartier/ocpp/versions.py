"""The versions of OCPP that we speak."""

from enum import StrEnum


class Version(StrEnum):
    """By the name of its WebSocket subprotocol (registered with IANA)."""

    V16 = "ocpp1.6"
    V201 = "ocpp2.0.1"
    V21 = "ocpp2.1"
