"""How a gateway gets its key, and how its requests are known to be its own (docs/uplink.md)."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from quartier.apps.audit.operations import record
from quartier.apps.equipment.models import Gateway, GatewayNonce
from quartier.apps.equipment.remote_control import hang_up
from quartier.formats.uplink.keys import SALT_BYTES, platform_key
from quartier.formats.uplink.pairing import CODE_BITS, PairingRequest, code_from
from quartier.formats.uplink.signature import MOST_SKEW_SECONDS, NotSigned, Signature, check

CODE_LIVES = timedelta(hours=24)
NONCE_LIVES = timedelta(seconds=2 * MOST_SKEW_SECONDS)


class NotPaired(ValueError):
    """No gateway waits for that code: it is wrong, was used or is too old."""


def draw_code(gateway: Gateway, *, at: datetime, actor: str) -> str:
    """A new code for ``gateway``, good once within a day; an earlier one is void.

    It is told once and kept as a hash. The key of a gateway that is paired stays good until the
    code is used.
    """
    code = code_from(secrets.randbits(CODE_BITS))
    with transaction.atomic():
        gateway.code_hash, gateway.code_ends_at = _hash(code), at + CODE_LIVES
        gateway.save(update_fields=["code_hash", "code_ends_at"])
        _note("gateway.code", gateway, actor, at)
    return code


def pair(request: PairingRequest, *, at: datetime) -> tuple[Gateway, bytes]:
    """The gateway whose code that is, with its new key; the old one is void.

    Raises :class:`NotPaired`, with the same words whatever is wrong with the code.
    """
    with transaction.atomic():
        gateway = (
            Gateway.objects.select_for_update()
            .select_related("site")
            .filter(code_hash=_hash(request.code), code_ends_at__gt=at)
            .first()
        )
        if gateway is None:
            raise NotPaired("the code is wrong, was used or is too old; ask for a new one")
        gateway.code_hash, gateway.code_ends_at = "", None
        gateway.salt, gateway.paired_at = secrets.token_bytes(SALT_BYTES), at
        gateway.software, gateway.serial = request.software, request.serial
        gateway.save()
        hang_up(gateway)
        _note("gateway.pair", gateway, f"gateway {gateway.name}", at)
    return gateway, key_of(gateway)


def unpair(gateway: Gateway, *, at: datetime, actor: str) -> None:
    """Make the key and the code of ``gateway`` void, as when it was stolen."""
    with transaction.atomic():
        gateway.code_hash, gateway.code_ends_at = "", None
        gateway.salt, gateway.paired_at = b"", None
        gateway.save(update_fields=["code_hash", "code_ends_at", "salt", "paired_at"])
        hang_up(gateway)
        _note("gateway.unpair", gateway, actor, at)


def key_of(gateway: Gateway) -> bytes:
    """The key (32 bytes) of a gateway that is paired."""
    return platform_key(settings.SECRET_KEY, gateway.name, bytes(gateway.salt))


def verified(signature: Signature, *, what: str, body: bytes, at: datetime) -> Gateway:
    """The gateway that signed ``body`` as ``what``, just now and for the first time.

    Raises :class:`~quartier.formats.uplink.signature.NotSigned`.
    """
    gateway = (
        Gateway.objects.filter(name=signature.gateway)
        .select_related("site", "site__organisation")
        .first()
    )
    if gateway is None or len(gateway.salt) != SALT_BYTES:
        raise NotSigned("no gateway of that name is paired; pair the gateway again")
    check(signature, key_of(gateway), now=at, what=what, body=body)
    try:
        with transaction.atomic():
            GatewayNonce.objects.filter(at__lt=at - NONCE_LIVES).delete()
            GatewayNonce.objects.create(gateway=gateway, nonce=signature.nonce, at=at)
            Gateway.objects.filter(pk=gateway.pk).update(seen_at=at)
    except IntegrityError:
        raise NotSigned("the request came before; sign it anew") from None
    return gateway


def _hash(code: str) -> str:
    return hmac.new(
        settings.SECRET_KEY.encode(), f"quartier pairing code 1\n{code}".encode(), hashlib.sha256
    ).hexdigest()


def _note(action: str, gateway: Gateway, actor: str, at: datetime) -> None:
    record(
        action,
        actor,
        at=at,
        organisation_id=gateway.site.organisation_id,
        site_id=gateway.site_id,
        subject=gateway.name,
    )
