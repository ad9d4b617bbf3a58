"""The gate before a bill: gaps and the balance of the whole site, all defects at once."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from quartier.apps.equipment.models import Meter, Register
from quartier.apps.metering.queries import EXPORT, IMPORT, MeterEnergy
from quartier.apps.sharing.rows import TOTAL, production_direction, usable
from quartier.apps.sharing.sources import Sources
from quartier.apps.sites.models import Site
from quartier.core.kernel.energy import MWH_PER_KWH
from quartier.core.kernel.findings import Finding, error, warning
from quartier.core.kernel.period import Dates, timezone_of
from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import Energies
from quartier.core.metering.local_time import local_days

# Residual of the balance in thousandths (rules.md a.3, Losses [S7], a proposal).
WARN_PERMILLE = 5
BLOCK_PERMILLE = 20

# Each of total, community and residual is rounded to 3 decimals by the grid operator (rules.md
# b.1, Identity [S43]: tolerance 0.0015 kWh).
SPLIT_TOLERANCE_MWH = 1_500

# Plain ints: NumPy compares with a member of an enumeration ten times slower.
_MEASURED = int(Quality.MEASURED)
_NOT_BILLABLE = ((int(Quality.MISSING), "missing"), (int(Quality.TEMPORARY), "without final value"))


def gaps_of(
    site: Site,
    sources: Sources,
    energy: MeterEnergy,
    slots: range,
    span_of: Callable[[Dates], slice],
    *,
    needs_grid: bool,
    needs_split: bool,
) -> Iterator[Finding]:
    """One finding a meter and kind of gap within ``slots``, with the days it is on.

    It is an error wherever the bill rests on the meter; the grid meter is only a check, unless
    the sharing is balanced against it. With ``needs_split`` the bill rests on the grid
    operator's split as well.
    """
    everything = slice(0, len(slots))
    spans: dict[Dates, slice] = {}
    wanted: list[tuple[Meter, str, str, slice, bool]] = []
    parts = [TOTAL, Register.Part.COMMUNITY] if needs_split else [TOTAL]
    for row in sources.feeds.values():
        for feed in row:
            if feed.dates not in spans:
                spans[feed.dates] = span_of(feed.dates)
            wanted += [(feed.meter, IMPORT, part, spans[feed.dates], True) for part in parts]
    for meter in sources.production:
        direction = production_direction(meter, energy)
        wanted.append((meter, direction, TOTAL, everything, True))
    for meter in (*sources.batteries, *sources.grid):
        blocks = needs_grid or meter.mode != Meter.Mode.GRID
        directions = [one for one in (IMPORT, EXPORT) if energy.has(meter, one)]
        wanted += [(meter, one, TOTAL, everything, blocks) for one in directions or [IMPORT]]
    for meter, direction, part, span, blocks in wanted:
        if energy.is_sound and energy.has(meter, direction, part):
            continue
        _, quality = usable(energy, meter, direction, part)
        quality = quality[: len(slots)][span]
        if (quality == _MEASURED).all():
            continue
        what = direction if part == TOTAL else f"{direction} from the community"
        for code, word in _NOT_BILLABLE:
            at = np.flatnonzero(quality == code) + slots.start + span.start
            if len(at):
                yield _gap(site, meter, what, at, word, blocks=blocks)


def _gap(
    site: Site, meter: Meter, what: str, at: NDArray[np.int64], word: str, *, blocks: bool
) -> Finding:
    tz = timezone_of(site.timezone)
    days = local_days(at, tz)
    shown = ", ".join(f"{day:%d.%m.%Y}" for day in days[:3])
    more = f" and {len(days) - 3} more days" if len(days) > 3 else ""
    make = error if blocks else warning
    return make(
        "metering.gap",
        f"{len(at)} quarter-hours of its {what} are {word}, on {shown}{more}.",
        where=f"{site.ref}, meter {meter.ref}",
        remedy="Import what is missing, or estimate the gap.",
    )


def balance_of(
    site: Site,
    came_in: Sequence[Energies],
    went_out: Sequence[Energies],
    known: NDArray[np.bool_],
) -> Iterator[Finding]:
    """The residual of the whole site against its grid meter; series in mWh, [t] or [n, t].

    More going out than coming in is a metering fault (rules.md a.3).
    """
    every: slice | NDArray[np.bool_] = slice(None) if known.all() else known
    whole = sum(int(series[..., every].sum()) for series in came_in)
    residual = whole - sum(int(series[..., every].sum()) for series in went_out)
    permille = abs(residual) * 1000 / whole if whole else 0
    if permille < WARN_PERMILLE:
        return
    make = error if permille >= BLOCK_PERMILLE else warning
    word = "less" if residual > 0 else "more"
    yield make(
        "sharing.residual",
        f"What was used and fed in is {abs(residual) // MWH_PER_KWH} kWh {word} than what came in "
        f"({permille / 10:.1f} %).",
        where=site.ref,
        remedy="Look for a meter that is missing, swapped or has a wrong factor.",
    )


def split_of(site: Site, split: Energies, consumption: Energies) -> Iterator[Finding]:
    """The grid operator's split of a community against the consumption it splits, [n, t] mWh."""
    over = int((split > consumption + SPLIT_TOLERANCE_MWH).sum())
    if over:
        yield error(
            "sharing.split",
            f"In {over} quarter-hours more is from the community than was used.",
            where=site.ref,
            remedy="Ask the grid operator for a corrected file.",
        )
