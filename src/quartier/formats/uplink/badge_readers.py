"""The readers of badges that a gateway listens to. Part of the configuration, ``readers``, written
only where there is one."""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Any

from quartier.formats.uplink.batch import NAME
from quartier.formats.uplink.strict import BadMessage, Fields

MOST_READERS = 64
LEAST_SECRET = 8
NOTATIONS = ("hex", "decimal", "facility_card", "bits")
"""How a number is written (``protocols/rfid/writing.py``)."""
FRAME_BITS = (26, 34, 37, 58)
KEYS = ("none", "before", "after")
CARD, TYPED = "{card}", "{keys}"
"""Places in a ``template``; ``{any}`` is anything."""

_PLACE = re.compile(r"\{(card|keys|any)\}")
_DEVICE = re.compile(r"/dev/input/[0-9A-Za-z][0-9A-Za-z._:/\-]{0,110}")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,31}")
_FIELD_OR_NONE = re.compile(f"|{_FIELD.pattern}")
_SECRET = re.compile(rf"|[A-Za-z0-9_\-]{{{LEAST_SECRET},63}}")


class ReaderKind(StrEnum):
    """How what is held to a reader comes to the gateway."""

    HTTP = "http"
    """A controller asks a page of the gateway for each badge, by GET or POST."""
    TCP = "tcp"
    """A controller connects and sends a line for each badge."""
    KEYBOARD = "keyboard"
    """A reader at a USB port of the gateway types it."""


@dataclass(frozen=True, slots=True)
class ReaderSettings:
    """One reader.

    ``notation``, ``bits`` and ``is_reversed`` say how it writes a number. ``keys``: whether what is
    typed on its keypad belongs to the next badge (``before``) or the last one (``after``, within
    ``keys_s``). The same badge is not taken again within ``repeat_s``.

    Of ``http`` and ``tcp``: ``listen`` and ``port`` of the gateway, and ``source``, the address or
    network from which it may be asked. Of ``http``: ``secret`` that a request must have in its
    field ``key``, ``card_field`` and ``keys_field``, the names of the fields. Of ``tcp``:
    ``template`` of a line, and ``accepted`` and ``refused``, the lines that answer it, empty where
    none does. Of ``keyboard``: ``device``.
    """

    name: str
    kind: ReaderKind
    notation: str = "hex"
    bits: int = 34
    is_reversed: bool = False
    keys: str = "none"
    keys_s: int = 10
    repeat_s: int = 3
    listen: str = ""
    port: int = 0
    source: str = ""
    secret: str = ""
    card_field: str = ""
    keys_field: str = ""
    template: str = ""
    accepted: str = ""
    refused: str = ""
    device: str = ""

    def __repr__(self) -> str:
        return f"ReaderSettings({self.name}, {self.kind})"  # the secret stays out of logs


_ANY = ("name", "kind", "notation", "bits", "is_reversed", "keys", "keys_s", "repeat_s")
_OWN = {
    ReaderKind.HTTP: ("listen", "port", "source", "secret", "card_field", "keys_field"),
    ReaderKind.TCP: ("listen", "port", "source", "template", "accepted", "refused"),
    ReaderKind.KEYBOARD: ("device",),
}
_ALL = tuple(dict.fromkeys(name for own in _OWN.values() for name in own))


def written(readers: tuple[ReaderSettings, ...]) -> list[dict[str, Any]]:
    """The list ``readers`` of a configuration."""
    return [
        {name: getattr(one, name) for name in (*_ANY, *_OWN[one.kind])} | {"kind": one.kind.value}
        for one in readers
    ]


def read(fields: Fields) -> tuple[ReaderSettings, ...]:
    """The list ``readers`` in ``fields``; raises :class:`BadMessage`."""
    readers = tuple(
        _reader(one) for one in fields.objects("readers", MOST_READERS, "reader", _ANY, _ALL)
    )
    seen: set[object] = set()
    for one in readers:
        place = f"port {one.port}" if one.port else one.device
        for key in (one.name, place):
            if key in seen:
                raise BadMessage(
                    f"there are two readers called {key}"
                    if key == one.name
                    else f"two readers come over {key}"
                )
            seen.add(key)
    return readers


def _reader(given: Fields) -> ReaderSettings:
    kind = ReaderKind(given.one_of("kind", [one.value for one in ReaderKind]))
    one = Fields(given.raw, given.where, (*_ANY, *_OWN[kind]))
    bits = one.whole("bits", min(FRAME_BITS), max(FRAME_BITS))
    notation = one.one_of("notation", NOTATIONS)
    found: dict[str, Any] = {
        "name": one.text("name", NAME, "a name"),
        "kind": kind,
        "notation": notation,
        "bits": bits,
        "is_reversed": one.flag("is_reversed"),
        "keys": one.one_of("keys", KEYS),
        "keys_s": one.whole("keys_s", 1, 60),
        "repeat_s": one.whole("repeat_s", 0, 60),
    }
    if bits not in FRAME_BITS or (notation == "facility_card" and bits == max(FRAME_BITS)):
        raise BadMessage(f"{one.where}: {bits} bits are no frame of {notation}")
    match kind:
        case ReaderKind.HTTP:
            found |= _listening(one) | _http(one)
            if not found["source"] and not found["secret"]:
                raise BadMessage(f"{one.where}: it needs a source or a secret")
        case ReaderKind.TCP:
            found |= _listening(one) | _tcp(one)
            if not found["source"]:
                raise BadMessage(f"{one.where}: it needs a source")
        case ReaderKind.KEYBOARD:
            found["device"] = one.text("device", _DEVICE, "an input such as /dev/input/event0")
            if ".." in found["device"]:
                raise BadMessage(f"{one.where}: device is not an input such as /dev/input/event0")
    return ReaderSettings(**found)


def _listening(one: Fields) -> dict[str, Any]:
    listen, source = one.line("listen"), one.line("source")
    try:
        ip_address(listen)
        if source:
            ip_network(source, strict=False)
    except ValueError:
        raise BadMessage(f"{one.where}: listen or source is no network address") from None
    return {"listen": listen, "source": source, "port": one.whole("port", 1024, 0xFFFF)}


def _http(one: Fields) -> dict[str, Any]:
    card = one.text("card_field", _FIELD, "the name of a field")
    keys = one.text("keys_field", _FIELD_OR_NONE, "the name of a field")
    if len({card, keys, "key"}) < 3:
        raise BadMessage(f"{one.where}: two of its fields have the same name")
    secret = one.text("secret", _SECRET, f"{LEAST_SECRET} to 63 letters, digits, - and _")
    return {"card_field": card, "keys_field": keys, "secret": secret}


def _tcp(one: Fields) -> dict[str, Any]:
    template, accepted, refused = (one.line(name) for name in ("template", "accepted", "refused"))
    if not (template + accepted + refused).isascii():
        raise BadMessage(f"{one.where}: template, accepted and refused are plain ASCII")
    places = [f"{{{place}}}" for place in _PLACE.findall(template)]
    if places.count(CARD) != 1 or places.count(TYPED) > 1 or len(places) > 3:
        raise BadMessage(f"{one.where}: template has not one {CARD}, or too many places")
    return {"template": template, "accepted": accepted, "refused": refused}
