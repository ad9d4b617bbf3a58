"""An event loop whose clock stands still while something happens, and jumps when nothing does.

Sockets are real; time-outs of minutes take no time, and a busy machine is never late.
"""

import asyncio
import selectors

_SURE_S = 0.002
"""After this much real time nothing is under way between two sockets of one process. Of a
pseudo-terminal that is not so: a worker of the kernel moves its bytes on, when it has time."""
_STUCK_S = 60
"""Real time after which nothing comes from outside any more: to look a name up takes seconds where
no server answers."""


class _Selector(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout=None):
        if timeout is not None and timeout <= 0:
            return super().select(0)
        events = super().select(_SURE_S if timeout is not None else _STUCK_S)
        if not events:
            assert timeout is not None, "everybody waits for nothing"
            self.now += timeout
        return events


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._clock = _Selector()
        super().__init__(self._clock)

    def time(self):
        return self._clock.now


def run(coroutine):
    """What ``coroutine`` returns, in a loop of its own."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(coroutine)
