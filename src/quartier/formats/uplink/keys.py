"""The key that the platform and one gateway share."""

import hashlib
import hmac

SALT_BYTES = 32


def platform_key(secret: str, name: str, salt: bytes) -> bytes:
    """The key (32 bytes) of the gateway ``name``: neither the ``secret`` of the platform nor the
    ``salt`` (32 bytes) of the gateway's row gives it alone."""
    assert len(salt) == SALT_BYTES, "a gateway that is not paired has no key"
    text = b"quartier gateway key 1\n" + name.encode() + b"\n" + salt
    return hmac.new(secret.encode(), text, hashlib.sha256).digest()
