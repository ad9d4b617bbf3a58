"""The gateway's folder: its pairing (the key, readable by its user alone), the last good
configuration and the buffer.

A file is written beside its place, synced and renamed: a power cut leaves the old one or the new
one. The configuration is sealed with the gateway's key, so that a damaged one is never used.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import UnknownTimezone, timezone_of
from quartier.formats.uplink.batch import NAME
from quartier.formats.uplink.configuration import MOST_BYTES, Configuration, decode
from quartier.formats.uplink.signature import NotSigned, check, sign, signature_of
from quartier.formats.uplink.strict import BadMessage

BUFFER = "buffer.sqlite3"
_PAIRING = "pairing.json"
_CONFIGURATION = "configuration.json"
_SEAL = "configuration on this gateway"
_SEALED_AT = datetime(2026, 1, 1, tzinfo=UTC)  # a seal has no age
_MOST_STORED_BYTES = 2 * MOST_BYTES + 4096


class RefusedConfiguration(ValueError):
    """The configuration is not taken; the text says why. The last good one is kept."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which gateway this is, where its platform is, and the key that both know. ``pin`` opens the
    local page."""

    url: str
    gateway: str
    key: bytes
    pin: str

    def __repr__(self) -> str:
        return f"Pairing(url={self.url!r}, gateway={self.gateway!r})"  # secrets are not shown


class Home:
    """One folder of one gateway."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.findings: list[Finding] = []
        """What was wrong with a file when it was read."""

    @property
    def buffer_path(self) -> Path:
        """The file of the buffer."""
        return self.folder / BUFFER

    def pairing(self) -> Pairing | None:
        """Who this gateway is; None before it is paired, or where the file is damaged."""
        path = self.folder / _PAIRING
        try:
            raw = json.loads(path.read_bytes())
            found = Pairing(raw["url"], raw["gateway"], bytes.fromhex(raw["key"]), raw["pin"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError):
            self._note("gateway.damaged_pairing", path, "Pair the gateway again.")
            return None
        texts = (found.url, found.gateway, found.pin)
        if not all(isinstance(one, str) for one in texts) or not NAME.fullmatch(found.gateway):
            self._note("gateway.damaged_pairing", path, "Pair the gateway again.")
            return None
        return found

    def save_pairing(self, pairing: Pairing) -> None:
        """From now on this gateway is the one of ``pairing``. The configuration of the same
        gateway stays, that of another one goes."""
        before = self.pairing()
        kept = self._stored(before) if before and before.gateway == pairing.gateway else None
        content = {
            "url": pairing.url,
            "gateway": pairing.gateway,
            "key": pairing.key.hex(),
            "pin": pairing.pin,
        }
        _write(self.folder / _PAIRING, json.dumps(content).encode())
        if kept is not None:
            self._save(pairing, kept)
        elif before is not None:
            (self.folder / _CONFIGURATION).unlink(missing_ok=True)

    def configuration(self, pairing: Pairing) -> Configuration | None:
        """The last good one; None before the first, or where the file is damaged."""
        data = self._stored(pairing)
        return None if data is None else decode(data)

    def take(
        self,
        pairing: Pairing,
        data: bytes,
        headers: Mapping[str, str],
        *,
        now: datetime,
        nonce: str,
    ) -> Configuration:
        """Keep ``data`` as the configuration: the platform's answer, with its ``headers``, to the
        request with ``nonce``. Raises :class:`RefusedConfiguration`, and nothing has changed."""
        try:
            signature = signature_of(headers)
            check(signature, pairing.key, now=now, what=nonce, body=data)
        except NotSigned as problem:
            raise RefusedConfiguration(f"its signature is not good: {problem}") from None
        if signature.gateway != pairing.gateway:
            raise RefusedConfiguration(f"it is signed for {signature.gateway}")
        try:
            taken = decode(data)
            timezone_of(taken.timezone)
        except (BadMessage, UnknownTimezone) as problem:
            raise RefusedConfiguration(f"it cannot be read: {problem}") from None
        if taken.gateway != pairing.gateway:
            raise RefusedConfiguration(f"it is for {taken.gateway}")
        kept = self._stored(pairing)
        if kept is not None and kept != data:
            before = decode(kept)
            if taken.number <= before.number:
                raise RefusedConfiguration(
                    f"its number {taken.number} is not above {before.number}, which is used"
                )
        if kept != data:
            self._save(pairing, data)
        return taken

    def _stored(self, pairing: Pairing) -> bytes | None:
        """The bytes of the last good configuration, their seal checked."""
        path = self.folder / _CONFIGURATION
        try:
            with path.open("rb") as file:
                raw: dict[str, Any] = json.loads(file.read(_MOST_STORED_BYTES))
            data = raw["configuration"].encode()
            check(signature_of(raw["seal"]), pairing.key, now=_SEALED_AT, what=_SEAL, body=data)
            timezone_of(decode(data).timezone)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._note(
                "gateway.damaged_configuration", path, "It is fetched again from the platform."
            )
            return None
        return bytes(data)

    def _save(self, pairing: Pairing, data: bytes) -> None:
        seal = sign(
            pairing.key,
            gateway=pairing.gateway,
            now=_SEALED_AT,
            nonce="0" * 32,
            what=_SEAL,
            body=data,
        )
        content = {"seal": seal.headers, "configuration": data.decode()}
        _write(self.folder / _CONFIGURATION, json.dumps(content).encode())

    def _note(self, code: str, path: Path, remedy: str) -> None:
        found = error(
            code, f"{path.name} is damaged and is not used.", where=path.name, remedy=remedy
        )
        if found not in self.findings:
            self.findings.append(found)


def _write(path: Path, data: bytes) -> None:
    """All of ``data`` or what was there; on the disk when it returns, for its owner only."""
    beside = path.with_name(f"{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()
    number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
