"""What is noticed after an import: no value yet, gaps, parts that do not add up."""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from quartier.apps.equipment.models import Register
from quartier.apps.intake import merging
from quartier.apps.intake.merging import Merged
from quartier.apps.intake.report import MeterResult
from quartier.apps.metering import store
from quartier.apps.sites.models import Site
from quartier.core.kernel.findings import Finding, Severity, error
from quartier.core.kernel.period import SLOTS_PER_UTC_DAY as DAY
from quartier.core.kernel.period import slot_starts_at, timezone_of
from quartier.core.metering.intervals import MISSING_WH
from quartier.formats.sdat import Grade

_DAYS_NAMED = 12
_TOLERANCE_WH = 1.5  # each of the three is rounded to 1 Wh (rules.md b.1, identity [S43])


def clashes(merged: Iterable[Merged], registers: Mapping[int, Register]) -> list[Finding]:
    """Messages of equal rank that say different values: a rule decided, a person should look."""
    out = []
    for one in merged:
        if one.clashes:
            register = registers[one.register_id]
            out.append(
                error(
                    "intake.clash",
                    f"two messages with the same Creation and status differ in "
                    f"{len(one.clashes)} quarter-hours from "
                    f"{slot_starts_at(one.clashes[0]):%Y-%m-%dT%H:%MZ}.",
                    where=_place(register.meter.ref, register.direction, register.part),
                    remedy="Ask the grid operator which of them is right.",
                )
            )
    return out


def after(
    site: Site, touched: Mapping[int, set[int]], results: Mapping[int, MeterResult]
) -> list[Finding]:
    """The findings on the registers and UTC days that an import touched."""
    out: list[Finding] = []
    energies: dict[int, tuple[int, npt.NDArray[np.int64]]] = {}
    for register_id, day_set in sorted(touched.items()):
        days = sorted(day_set)
        result = results[register_id]
        first, end = result.first_slot, result.end_slot
        energy_wh = store.read(site.pk, [register_id], first, end).energy_wh[0]
        energies[register_id] = first, energy_wh
        announced = _announced(site, register_id, days, first, end)
        missing = energy_wh == MISSING_WH
        temporary, gaps = missing & announced, missing & ~announced
        result.temporary = int(temporary.sum())
        place = _place(result.meter, result.direction, result.part)
        if temporary.any():
            out.append(
                _incomplete(
                    site,
                    "intake.temporary",
                    "have no value yet (Condition 21) and are not billed",
                    place,
                    first + np.flatnonzero(temporary),
                    "Import the grid operator's later files, or enter substitute values.",
                )
            )
        if gaps.any():
            out.append(
                _incomplete(
                    site,
                    "intake.gap",
                    "are missing",
                    place,
                    first + np.flatnonzero(gaps),
                    "Ask the grid operator for them.",
                )
            )
    return out + _identities(results, energies)


def _announced(
    site: Site, register_id: int, days: list[int], first: int, end: int
) -> npt.NDArray[np.bool_]:
    """bool[end - first]: slots of which the last word is that there is no value yet."""
    mask = np.zeros(end - first, bool)
    for (_, day), packed in merging.load_keys(site.pk, [register_id], days).items():
        grade = merging.grades(packed)
        for position in np.flatnonzero(grade == int(Grade.TEMPORARY)).tolist():
            slot = day * DAY + position
            if first <= slot < end:
                mask[slot - first] = True
    return mask


def _incomplete(
    site: Site,
    code: str,
    what: str,
    place: str,
    slots: npt.NDArray[np.int64],
    remedy: str,
) -> Finding:
    tz = timezone_of(site.timezone)
    counts: dict[str, int] = {}
    for slot in slots.tolist():
        day = slot_starts_at(slot).astimezone(tz).date().isoformat()
        counts[day] = counts.get(day, 0) + 1
    named = ", ".join(list(counts)[:_DAYS_NAMED])
    more = f" and {len(counts) - _DAYS_NAMED} more days" if len(counts) > _DAYS_NAMED else ""
    return Finding(
        code,
        Severity.WARNING,
        f"{len(slots)} quarter-hours {what}: {named}{more}.",
        place,
        slot_starts_at(int(slots[0])),
        slot_starts_at(int(slots[-1]) + 1),
        remedy,
        (("days", ",".join(counts)),),
    )


def _identities(
    results: Mapping[int, MeterResult],
    energies: Mapping[int, tuple[int, npt.NDArray[np.int64]]],
) -> list[Finding]:
    """total = community + residual, where all three are there (rules.md b.1)."""
    by_flow: dict[tuple[str, str], dict[str, int]] = {}
    for register_id in energies:
        result = results[register_id]
        by_flow.setdefault((result.meter, result.direction), {})[result.part] = register_id
    out = []
    for (meter, direction), parts in by_flow.items():
        if len(parts) != 3:
            continue
        first = max(energies[register_id][0] for register_id in parts.values())
        end = min(
            energies[register_id][0] + len(energies[register_id][1])
            for register_id in parts.values()
        )
        if end <= first:
            continue
        rows = {
            part: energies[register_id][1][
                first - energies[register_id][0] : end - energies[register_id][0]
            ]
            for part, register_id in parts.items()
        }
        there = np.all([row != MISSING_WH for row in rows.values()], axis=0)
        off = np.abs(rows["total"] - rows["community"] - rows["residual"])
        bad = np.flatnonzero(there & (off > _TOLERANCE_WH))
        if len(bad):
            worst = bad[np.argmax(off[bad])]
            out.append(
                error(
                    "intake.identity",
                    f"total is not community + residual in {len(bad)} quarter-hours, by up to "
                    f"{off[worst] / 1000:.3f} kWh at "
                    f"{slot_starts_at(first + int(worst)):%Y-%m-%dT%H:%MZ}.",
                    where=_place(meter, direction, ""),
                    remedy="Ask the grid operator for a corrected split.",
                )
            )
    return out


def _place(meter: str, direction: str, part: str) -> str:
    return " ".join(word for word in (meter, direction, part) if word and word != "total")
