"""The login of RFC 7616 with SHA-256, as Shelly asks for it: the user is always ``admin``."""

import hashlib
import re
import secrets
from typing import Any

from quartier.protocols.shelly.errors import BadAnswer

USER = "admin"
_PAIR = re.compile(r'([A-Za-z]{1,20})\s*=\s*(?:"([^"\\]{0,200})"|([^\s,"]{1,60}))')
_SAFE = re.compile(r"[\x20-\x7e]{1,200}")


def authorization(challenge: str, path: str, password: str, client_nonce: str = "") -> str:
    """The header ``Authorization`` for a GET of ``path``, answering the header ``challenge``.

    Raises :class:`BadAnswer` for a challenge that is not Digest with SHA-256 and ``auth``: a
    password is never sent in the clear.
    """
    scheme, _, rest = challenge.partition(" ")
    given = {name.lower(): quoted or bare for name, quoted, bare in _PAIR.findall(rest)}
    realm, nonce = given.get("realm", ""), given.get("nonce", "")
    offered = [one.strip() for one in given.get("qop", "").split(",")]
    is_known = scheme.lower() == "digest" and given.get("algorithm", "").upper() == "SHA-256"
    if not is_known or "auth" not in offered or not (_SAFE.fullmatch(realm + nonce) and nonce):
        raise BadAnswer("the device asks for a login that is not Digest with SHA-256")
    client_nonce = client_nonce or secrets.token_hex(16)
    who = _sha(f"{USER}:{realm}:{password}")
    what = _sha(f"GET:{path}")
    response = _sha(f"{who}:{nonce}:00000001:{client_nonce}:auth:{what}")
    return (
        f'Digest username="{USER}", realm="{realm}", nonce="{nonce}", uri="{path}", '
        f'algorithm=SHA-256, qop=auth, nc=00000001, cnonce="{client_nonce}", '
        f'response="{response}"'
    )


def frame_login(challenge: dict[str, Any], password: str, client_nonce: int = 0) -> dict[str, Any]:
    """The object ``auth`` of a request over WebSocket, answering the ``challenge`` of an error 401.

    The method and the path of RFC 7616 are the words that the maker's pages name (General,
    Authentication). Raises :class:`BadAnswer` as :func:`authorization` does.
    """
    realm, nonce, count = (challenge.get(name) for name in ("realm", "nonce", "nc"))
    count = 1 if count is None else count
    is_known = challenge.get("auth_type") == "digest" and challenge.get("algorithm") == "SHA-256"
    is_sane = isinstance(realm, str) and _SAFE.fullmatch(realm) and type(nonce) is int
    if not (is_known and is_sane and type(count) is int):
        raise BadAnswer("the device asks for a login that is not Digest with SHA-256")
    client_nonce = client_nonce or secrets.randbits(31)
    who, what = _sha(f"{USER}:{realm}:{password}"), _sha("dummy_method:dummy_uri")
    return {
        "realm": realm,
        "username": USER,
        "nonce": nonce,
        "cnonce": client_nonce,
        "nc": count,
        "response": _sha(f"{who}:{nonce}:{count}:{client_nonce}:auth:{what}"),
        "algorithm": "SHA-256",
    }


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
