"""Whether an id token may charge, by a list."""

from collections.abc import Collection
from contextlib import suppress
from functools import lru_cache

from quartier.protocols.rfid.uid import BadUid, Uid, matching, uid_of

ACCEPTED, INVALID = "Accepted", "Invalid"
"""AuthorizationStatus of 1.6, and AuthorizationStatusEnumType of 2.0.1."""


def verdict(token: str, known: Collection[str]) -> str:
    """Whether ``token`` is one of ``known``: as it is written, letter case apart, or as the same
    badge with its bytes in another order, where that is one of them alone."""
    if token.upper() in {one.upper() for one in known}:
        return ACCEPTED
    try:
        found = matching(token, _badges(tuple(known)))
    except BadUid:
        return INVALID
    return ACCEPTED if len(found) == 1 else INVALID


@lru_cache(maxsize=128)
def _badges(known: tuple[str, ...]) -> list[Uid]:
    """Those of ``known`` that are badges; others are compared as they are written."""
    badges = []
    for one in known:
        with suppress(BadUid):
            badges.append(uid_of(one))
    return badges
