"""The shares of a community against each other and against its E31 (rules.md b.1, [S46]).

In every quarter-hour the shares that consumers got (E66, product ...0123) are the shares that
producers gave, and each is what the E31 of the community says. The rule is *unproven*: no real E31
was at hand, and the findings say so. It needs every member's files in one site; where members are
missing the sums differ by them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.sites.models import Site
from quartier.core.kernel.energy import MWH_PER_KWH, MWH_PER_WH
from quartier.core.kernel.findings import Finding, Severity, info
from quartier.core.kernel.period import slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.formats.sdat import Aggregate

UNPROVEN = "This comparison is unproven: no real E31 was at hand."
_HALF_WH = 500  # in mWh: every value is rounded to 1 Wh
_CELLS_AT_ONCE = 2_000_000
_UNKNOWN = -1

MilliWh = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Said:
    """What one E31 says of its community, and its place in the order of messages."""

    aggregate: Aggregate
    created: int
    tie: int


def against_e31(site: Site, said: Iterable[Said]) -> Iterator[Finding]:
    """What E31 messages say against the stored shares; the newest message of a slot counts."""
    series: dict[tuple[str, str], list[Said]] = {}
    for one in said:
        if one.aggregate.part == Register.Part.COMMUNITY:
            key = one.aggregate.community_id, one.aggregate.direction
            series.setdefault(key, []).append(one)
    communities = {community for community, _ in series}
    if len(communities) > 1:
        yield info(
            "intake.e31_uncompared",
            f"E31 messages of {len(communities)} communities are there; which meters belong to "
            "which is not known, so that they are not compared with the shares.",
            where=site.ref,
        )
        return
    for (community, direction), own in sorted(series.items()):
        yield from _compared(site, community, direction, own)


def _compared(site: Site, community: str, direction: str, said: list[Said]) -> Iterator[Finding]:
    first = min(one.aggregate.first_slot for one in said)
    end = max(one.aggregate.end_slot for one in said)
    total = np.full(end - first, _UNKNOWN, np.int64)
    for one in sorted(said, key=lambda one: (one.created, one.tie)):
        for slot, energy_kwh in enumerate(one.aggregate.energies_kwh, one.aggregate.first_slot):
            if energy_kwh is not None:
                total[slot - first] = round(energy_kwh * MWH_PER_KWH)
    where = f"{site.ref}, E31 of community {community or '?'}, {direction}"
    members = _members(site, direction)
    if not members:
        yield info(
            "intake.e31_uncompared",
            "no share of a member of this community is stored, so there is nothing to compare.",
            where=where,
        )
        return
    shares, is_known = _sum(site, members, first, end)
    is_said = total != _UNKNOWN
    is_both = is_known & is_said
    off = np.where(is_both, np.abs(shares - total), 0)
    bad = np.flatnonzero(off > _HALF_WH * (len(members) + 1))
    if len(bad):
        yield _off(
            "intake.e31_differs",
            f"the E31 is not the sum of the shares of {len(members)} meters",
            first,
            bad,
            off,
            where,
        )
    elif is_both.any():
        yield info(
            "intake.e31_agrees",
            f"the E31 is the sum of the shares of {len(members)} meters in {int(is_both.sum())} "
            f"quarter-hours. {UNPROVEN}",
            where=where,
        )
    absent = int((is_said & ~is_known).sum())
    if absent:
        yield info(
            "intake.e31_uncompared",
            f"{absent} quarter-hours of the E31 could not be compared, as a share is missing.",
            where=where,
        )


def between_members(site: Site, first_slot: int, end_slot: int) -> Iterator[Finding]:
    """What consumers got against what producers gave, where all shares are known."""
    consumers, producers = _members(site, "import"), _members(site, "export")
    if not consumers or not producers or end_slot <= first_slot:
        return
    got, got_known = _sum(site, consumers, first_slot, end_slot)
    given, given_known = _sum(site, producers, first_slot, end_slot)
    off = np.where(got_known & given_known, np.abs(got - given), 0)
    bad = np.flatnonzero(off > _HALF_WH * (len(consumers) + len(producers)))
    if len(bad):
        yield _off(
            "intake.community_unbalanced",
            f"what {len(consumers)} meters got from the community is not what {len(producers)} "
            "gave to it",
            first_slot,
            bad,
            off,
            site.ref,
        )


def _off(
    code: str, what: str, first: int, bad: npt.NDArray[np.int64], off: MilliWh, where: str
) -> Finding:
    worst = int(bad[np.argmax(off[bad])])
    return Finding(
        code,
        Severity.WARNING,
        f"{what} in {len(bad)} quarter-hours, by up to {off[worst] / MWH_PER_KWH:.3f} kWh at "
        f"{slot_starts_at(first + worst):%Y-%m-%dT%H:%MZ}. {UNPROVEN}",
        where,
        slot_starts_at(first + int(bad[0])),
        slot_starts_at(first + int(bad[-1]) + 1),
        "Check that the files of all members are imported; else ask the grid operator.",
    )


def _members(site: Site, direction: str) -> list[int]:
    """The registers that hold a member's share."""
    own = Register.objects.filter(site=site, direction=direction, part=Register.Part.COMMUNITY)
    return list(own.order_by("pk").values_list("pk", flat=True))


def _sum(site: Site, register_ids: list[int], first: int, end: int) -> tuple[MilliWh, Mask]:
    """The sum of the shares in mWh, and where all of them are known."""
    total = np.zeros(end - first, np.int64)
    is_known = np.ones(end - first, bool)
    at_once = max(_CELLS_AT_ONCE // (end - first), 1)
    for start in range(0, len(register_ids), at_once):
        found = store.read(site.pk, register_ids[start : start + at_once], first, end)
        is_bad = (found.quality == int(Quality.MISSING)) | (found.quality == int(Quality.TEMPORARY))
        is_known &= ~is_bad.any(axis=0)
        total += np.where(is_bad, 0, found.energy_wh).sum(axis=0) * MWH_PER_WH
    return total, is_known
