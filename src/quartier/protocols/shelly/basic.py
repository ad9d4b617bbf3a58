"""The login of RFC 7617, the only one of the first generation: whoever hears the network can read
the password."""

import base64

from quartier.protocols.shelly.errors import BadAnswer


def basic_authorization(challenge: str, user: str, password: str) -> str:
    """The header ``Authorization`` that answers the header ``challenge``.

    ``user`` has no colon. Raises :class:`BadAnswer` for a challenge that is not Basic.
    """
    assert ":" not in user, "a driver's file does not let it pass"
    if challenge.partition(" ")[0].lower() != "basic":
        raise BadAnswer("the device asks for a login that is none of the first generation")
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
