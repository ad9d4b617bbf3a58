"""An event loop whose clock stands still while something happens, and jumps when nothing does.

Sockets are real; time-outs of minutes take no time, and a busy machine is never late.
"""

import asyncio
import selectors
from functools import partial

_SURE_S = 0.002
"""After this much real time nothing is under way between two sockets of one process."""
SURE_OF_A_TERMINAL_S = 0.25
"""What goes through a pseudo-terminal is moved on by a worker of the kernel, when it has time."""


class _Selector(selectors.DefaultSelector):
    now = 0.0

    def __init__(self, sure_s):
        super().__init__()
        self.sure_s = sure_s

    def select(self, timeout=None):
        if timeout is not None and timeout <= 0:
            return super().select(0)
        events = super().select(self.sure_s if timeout is not None else 5)
        if not events:
            assert timeout is not None, "everybody waits for nothing"
            self.now += timeout
        return events


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, sure_s):
        self._clock = _Selector(sure_s)
        super().__init__(self._clock)

    def time(self):
        return self._clock.now


def run(coroutine, sure_s=_SURE_S):
    """What ``coroutine`` returns, in a loop of its own."""
    with asyncio.Runner(loop_factory=partial(_Loop, sure_s)) as runner:
        return runner.run(coroutine)
