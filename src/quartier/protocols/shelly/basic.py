"""The login of RFC 7617, the only one of the first generation: whoever hears the network can read
the password."""

import base64

from quartier.protocols.shelly.errors import BadAnswer


def basic_authorization(challenge: str, user: str, password: str) -> str:
    """The header ``Authorization`` that answers the header ``challenge``.

    Raises :class:`BadAnswer` for a challenge that is not Basic, and ``ValueError`` for a user
    with a colon, which no device can have.
    """
    if ":" in user:
        raise ValueError("the name of a user has no colon")
    if challenge.partition(" ")[0].lower() != "basic":
        raise BadAnswer("the device asks for a login that is none of the first generation")
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
