"""Whom the field server connects to because somebody typed an address on a page.

It stands in the operator's network, and whoever sets a gateway up may be a stranger there. So it
connects to what anybody can reach, and to the networks that the operator names
(``QUARTIER_MQTT_NETWORKS``); not to its own machine, nor to private or link-local addresses, nor to
those at which clouds hand out the keys of a machine. A name is resolved once, and what is connected
to is what was looked at: a name that changes meanwhile gains nothing.
"""

import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

NOT_ALLOWED = (
    "the broker is at an address of a private network, to which this platform does not connect;"
    " its operator can allow that"
)
NOT_REACHED = "the broker cannot be reached; check host, port and certificate"
_NEVER = tuple(
    ip_network(one)
    for one in ("168.63.129.16/32", "192.0.0.0/24", "::/96", "64:ff9b:1::/48", "fec0::/10")
)
"""Beside what Python says: within every machine of Azure, of IETF protocols (Oracle's cloud hands
out keys there), IPv4 within IPv6 as it once was, translated locally (RFC 8215), site-local."""
_TRANSLATED = ip_network("64:ff9b::/96")
"""RFC 6052: the last four bytes are an address of IPv4."""


class NotAllowed(OSError):
    """The address is none to connect to; the text is for whoever typed it, and names no address."""

    def __init__(self) -> None:
        super().__init__(NOT_ALLOWED)


def connect(host: str, port: int, allowed: Collection[Network], timeout_s: float) -> socket.socket:
    """A connection to ``host``, at one of its addresses that may be. Raises :class:`NotAllowed`,
    and ``OSError`` where nobody answers."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    may = [
        one for one in found if is_allowed(ip_address(str(one[4][0]).partition("%")[0]), allowed)
    ]
    if not may:
        raise NotAllowed
    problem: OSError | None = None
    for family, kind, protocol, _, where in may:
        line = socket.socket(family, kind, protocol)
        try:
            line.settimeout(timeout_s)
            line.connect(where)
        except OSError as failed:
            line.close()
            problem = failed
        else:
            return line
    assert problem is not None, "each was tried"
    raise problem


def is_allowed(address: Address, allowed: Collection[Network]) -> bool:
    """Whether ``address`` is of the internet, or of a network that is ``allowed``."""
    meant = _meant(address)
    if any(one in network for network in allowed for one in (address, meant)):
        return True
    is_never = meant.is_multicast or any(meant in network for network in _NEVER)
    return meant.is_global and not is_never


def _meant(address: Address) -> Address:
    """The address of IPv4 that is written within one of IPv6; else itself."""
    if not isinstance(address, IPv6Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(address.packed[-4:])
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address
