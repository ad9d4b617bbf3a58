"""What systemd is told: that the program is ready, that it lives, that it stops (sd_notify(3))."""

import os
import socket
from collections.abc import Mapping


def notify(message: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Tell the service manager ``message``; False where none listens."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address:
        return False
    if address.startswith("@"):
        address = f"\0{address[1:]}"  # an abstract socket
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        try:
            channel.sendto(message.encode(), address)
        except OSError:
            return False
    return True


def watchdog_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """How often the program must say that it lives, in seconds; None: nobody waits for it."""
    text = environment.get("WATCHDOG_USEC", "")
    mine = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not text.isdecimal() or int(text) == 0 or mine != str(os.getpid()):
        return None
    return int(text) / 1_000_000
