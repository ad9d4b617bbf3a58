"""Whatever comes is understood, refused in JSON, or ignored; a peer lives on."""

import json
import random

import pytest

from quartier.ocpp.leniency import FAULTS
from quartier.ocpp.peer import Asked, Peer
from quartier.ocpp.problems import CODES
from quartier.ocpp.versions import Version

NOW = "2026-01-01T00:00:00Z"
SAMPLE = {"timestamp": NOW, "sampledValue": [{"value": "1", "unit": "Wh"}]}
NUMBER = {"timestamp": NOW, "sampledValue": [{"value": 1.5, "unitOfMeasure": {"multiplier": 3}}]}
EVENT = {
    "eventType": "Started",
    "timestamp": NOW,
    "triggerReason": "Authorized",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "x"},
    "meterValue": [NUMBER],
}
SEEDS = {
    Version.V16: [
        [2, "a", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}],
        [2, "a", "MeterValues", {"connectorId": 1, "transactionId": 5, "meterValue": [SAMPLE]}],
        [2, "a", "StartTransaction",
         {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": NOW}],
        [3, "m", {"status": "Accepted"}],
        [4, "m", "NotSupported", "", {}],
    ],
    Version.V201: [
        [2, "a", "TransactionEvent", EVENT],
        [2, "a", "MeterValues", {"evseId": 1, "meterValue": [NUMBER]}],
        [3, "m", {"status": "Accepted"}],
    ],
}  # fmt: skip
SEEDS[Version.V21] = SEEDS[Version.V201]
PIECES = [
    b"", b'"', b"[", b"{", b"]", b"}", b",", b"null", b"true", b"1e999", b"-0", b"1.5", b"9" * 40,
    b"\\ud800", b"\\u0000", b"[]", b"{}", b"\xc3\xa9", b"\xff", b"[" * 900,
]  # fmt: skip


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


VALUES = [None, True, 0, -1, 1.5, 10**30, "", "x" * 300, [], {}, [[]], {"a": 1}, nested(400)]


def replaced(draw, value):
    """``value`` with one of its parts replaced, or left out."""
    inner = list(value.items() if isinstance(value, dict) else enumerate(value))
    key, part = draw.choice(inner)
    if isinstance(part, dict | list) and part and draw.random() < 0.7:
        part = replaced(draw, part)
    elif isinstance(value, dict) and draw.random() < 0.3:
        return {name: one for name, one in inner if name != key}
    else:
        part = draw.choice(VALUES)
    changed = dict(inner) | {key: part}
    return changed if isinstance(value, dict) else list(changed.values())


def mutated(draw, version):
    frame = draw.choice(SEEDS[version])
    if draw.random() < 0.4:
        return json.dumps(replaced(draw, frame)).encode()
    text = bytearray(json.dumps(frame).encode())
    for _ in range(draw.randrange(4)):
        at = draw.randrange(len(text))
        if draw.random() < 0.3:
            text[at] = draw.randrange(256)
        else:
            text[at : at + draw.randrange(6)] = draw.choice(PIECES)
        if not text:
            text += b"["
    if draw.random() < 0.05:
        text = bytearray(draw.randbytes(draw.randrange(60)))
    return bytes(text)


@pytest.mark.drill
def test_nothing_that_comes_is_a_fault(drill_count, rng: random.Random):
    peers = {version: Peer(version, lambda: "m", lenient=tuple(FAULTS)) for version in Version}
    for one in peers.values():
        one.connected()
    understood = 0
    for _ in range(drill_count(1_000_000, 10_000)):
        version = rng.choice(tuple(Version))
        one = peers[version]
        if one.deadline_s is None:
            one.ask("Reset", {"type": "Soft" if version is Version.V16 else "Immediate"})
            one.to_send(0)
        event = one.receive(mutated(rng, version))
        understood += isinstance(event, Asked)
        for text in one.to_send(0):
            kind, _, code, said, details = json.loads(text)
            assert (kind, details) == (4, {})
            assert code in CODES[version].values()
            assert 0 < len(said) <= 255
    assert understood
    for one in peers.values():
        assert one.to_send(0) == []
