"""Default time windows of Swiss DSOs as data; a site may write its own (rules.md a.3).

Glattwerk: standard (HT) Mon-Fri 07-20, Sat 07-13, all else reduced (NT) [S30]. Whether a DSO
treats holidays as Sundays is [GK]: ask it, then add the dates with ``with_holidays``.
"""

from collections.abc import Iterable
from dataclasses import replace

from quartier.core.rating.windows import Season, Window, Windows
from quartier.markets.ch.holidays import holidays

SUMMER = Season.of("04-01", "10-01")
"""1 April to 30 September [S30]."""
WINTER = Season.of("10-01", "04-01")

DSO_WINDOWS: tuple[Windows, ...] = (
    Windows(
        ref="glattwerk",
        standard=(
            Window.of("mon-fri", "07:00", "20:00"),
            Window.of("sat", "07:00", "13:00"),
        ),
    ),
)


class NoWindows(LookupError):
    """No default windows are known of this DSO."""


def windows_of(ref: str) -> Windows:
    """The default windows called ``ref``; raises :class:`NoWindows` that lists what is known."""
    for one in DSO_WINDOWS:
        if one.ref == ref:
            return one
    known = ", ".join(one.ref for one in DSO_WINDOWS)
    raise NoWindows(f"no default windows are called {ref!r}; known: {known}; or write your own")


def with_holidays(windows: Windows, canton: str, years: Iterable[int]) -> Windows:
    """``windows`` with the canton's holidays of ``years`` counted as Sundays."""
    days = sorted({day for year in years for day, _ in holidays(canton, year)})
    return replace(windows, holidays=tuple(days))
