"""From the text of MeteringData blocks to slots, energies and grades."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from quartier.core.kernel.energy import INTERVAL_LIMIT_WH
from quartier.core.kernel.findings import Finding, error, info, warning
from quartier.core.kernel.period import QUARTER, on_grid, slot_at, slot_starts_at
from quartier.formats.sdat.message import (
    PARTS,
    Aggregate,
    Block,
    Grade,
    SdatError,
    is_regular_point,
    masked,
    normal_point,
)

FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Years outside are misread or hostile."""

SLOT_LIMIT = 5_000_000
"""Slots a file may span over all its blocks; 64 MiB hold far fewer observations."""

POINT_LENGTH_MAX = 40

_NUMBER = re.compile(r"[+-]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})", re.ASCII)
_SEQUENCE = re.compile(r"\d{1,9}", re.ASCII)
_LIMIT_KWH = Decimal(INTERVAL_LIMIT_WH) / 1000


@dataclass
class Raw:
    """One MeteringData as it stands in the file; observations are (sequence, volume, condition)."""

    where: str
    document_id: str
    point: str
    direction: str
    product: str
    unit: str
    resolution: str
    resolution_unit: str
    community_id: str
    starts_at: datetime
    ends_at: datetime
    observations: list[tuple[str | None, str | None, str | None]]


def finished_blocks(
    raws: list[Raw], reason: str, *, is_e31: bool, needs_values: bool
) -> tuple[tuple[Block, ...], tuple[Aggregate, ...], tuple[Finding, ...]]:
    """The blocks or aggregates of a message, and what was noticed in them.

    Raises :class:`SdatError` where the file may not be used at all.
    """
    findings: list[Finding] = []
    blocks: list[Block] = []
    span = 0
    irregular: set[str] = set()
    for raw in raws:
        count = _slots(raw)
        span += count
        if span > SLOT_LIMIT:
            raise SdatError(f"its intervals span more than {SLOT_LIMIT} quarter-hours")
        if raw.product not in PARTS:
            findings.append(
                error(
                    "sdat.unknown_product",
                    f"the product {raw.product or '(none)'!r} is not known; "
                    "the block is not imported.",
                    where=raw.where,
                )
            )
            continue
        point = normal_point(raw.point)
        if len(point) > POINT_LENGTH_MAX:
            raise SdatError(f"{raw.where}: its metering point has {len(point)} characters, not 33")
        if not is_e31 and not is_regular_point(point) and point not in irregular:
            irregular.add(point)
            findings.append(
                warning(
                    "sdat.irregular_point",
                    f"the metering point {masked(point)} has {len(point)} characters and is not "
                    "CH followed by 31 digits and letters; it is used as it is.",
                    where=raw.where,
                )
            )
        blocks.append(_block(raw, point, count, reason, findings))
    if any(_is_finer_than_wh(block) for block in blocks):
        findings.append(
            info(
                "sdat.finer_than_wh",
                "its volumes have more than three decimals; each block is kept in whole Wh and "
                "may differ from its own sum by less than 1 Wh.",
            )
        )
    if needs_values and not any(any(block.grades) for block in blocks):
        why = "; ".join(finding.message for finding in findings) or "no block has an observation"
        raise SdatError(f"nothing could be read from the file: {why}")
    if is_e31:
        return (), tuple(map(_aggregate, blocks)), tuple(findings)
    return tuple(_without_contradictions(blocks, findings)), (), tuple(findings)


def _is_finer_than_wh(block: Block) -> bool:
    return any(energy * 1000 % 1 for energy in set(block.energies_kwh) if energy is not None)


def _slots(raw: Raw) -> int:
    """How many quarter-hours the block spans; refuses every other resolution."""
    where = raw.where
    if raw.unit.upper() != "KWH":
        raise SdatError(f"{where}: its unit is {raw.unit or 'missing'!r}; only KWH can be read")
    if not (on_grid(raw.starts_at) and on_grid(raw.ends_at)):
        raise SdatError(
            f"{where}: its interval {raw.starts_at:%Y-%m-%dT%H:%M:%SZ} to "
            f"{raw.ends_at:%Y-%m-%dT%H:%M:%SZ} is not on the quarter-hour grid"
        )
    length = raw.ends_at - raw.starts_at
    if length <= QUARTER * 0:
        raise SdatError(f"{where}: its interval ends before it starts")
    if raw.starts_at.year < FIRST_YEAR or raw.ends_at.year > LAST_YEAR:
        raise SdatError(
            f"{where}: its interval from {raw.starts_at.year} to {raw.ends_at.year} is not "
            f"between {FIRST_YEAR} and {LAST_YEAR}"
        )
    if raw.resolution or raw.resolution_unit:
        minutes = raw.resolution_unit.upper() == "MIN" and raw.resolution.isascii()
        if not (minutes and raw.resolution.isdigit() and int(raw.resolution[:9]) == 15):
            raise SdatError(
                f"{where}: its resolution is {raw.resolution or '?'} "
                f"{raw.resolution_unit or '(no unit)'}; only 15 MIN can be read, and a coarser "
                "value is not spread over quarter-hours. Ask the grid operator for 15 minutes"
            )
        return length // QUARTER
    if not raw.observations:
        raise SdatError(f"{where}: it has neither a resolution nor an observation")
    if length != QUARTER * len(raw.observations):
        raise SdatError(
            f"{where}: it has no resolution, and its interval of {length} divided by "
            f"{len(raw.observations)} observations is not 15 minutes"
        )
    return len(raw.observations)


def _block(raw: Raw, point: str, count: int, reason: str, findings: list[Finding]) -> Block:
    part = PARTS[raw.product]
    is_split = reason == "C40" and part != "total"
    energies: list[Decimal | None] = [None] * count
    grades = bytearray(count)
    seen = bytearray(count)
    bad: dict[str, list[int]] = {}
    values: dict[str, Decimal] = {}
    for sequence_text, volume_text, condition_text in raw.observations:
        sequence = _sequence(raw, sequence_text, count)
        index = sequence - 1
        if seen[index]:
            raise SdatError(f"{raw.where}: sequence {sequence} comes twice")
        seen[index] = 1
        condition = (condition_text or "").strip()
        if condition == "21" and not is_split:
            grades[index] = Grade.TEMPORARY
            continue
        volume = (volume_text or "").strip()
        if not volume:
            bad.setdefault("has no volume", []).append(sequence)
            continue
        energy_kwh = values.get(volume)
        if energy_kwh is None:
            energy_kwh = values[volume] = _volume(raw, sequence, volume)
        if energy_kwh < 0:
            bad.setdefault("is negative", []).append(sequence)
        elif energy_kwh > _LIMIT_KWH:
            bad.setdefault("is too large for a quarter-hour", []).append(sequence)
        elif condition not in ("", "21", "56"):
            bad.setdefault(f"has the unknown condition {condition[:20]!r}", []).append(sequence)
        else:
            energies[index] = energy_kwh
            grades[index] = _GRADES[condition]
    for what, sequences in bad.items():
        findings.append(_bad_values(raw, point, what, sequences))
    left_out = count - sum(seen)
    if left_out:
        findings.append(
            warning(
                "sdat.incomplete_block",
                f"{left_out} of {count} quarter-hours have no observation.",
                where=f"{raw.where}, {masked(point)}",
            )
        )
    return Block(
        document_id=raw.document_id,
        point=point,
        direction=raw.direction,
        part=part,
        community_id=raw.community_id,
        first_slot=slot_at(raw.starts_at),
        energies_kwh=tuple(energies),
        grades=bytes(grades),
    )


_GRADES = {"": Grade.MEASURED, "56": Grade.ESTIMATED, "21": Grade.SPLIT}


def _sequence(raw: Raw, text: str | None, count: int) -> int:
    word = (text or "").strip()
    if not _SEQUENCE.fullmatch(word):
        raise SdatError(f"{raw.where}: {word[:20] or '(none)'!r} is not a sequence number")
    sequence = int(word)
    if not 1 <= sequence <= count:
        raise SdatError(f"{raw.where}: sequence {sequence} is outside 1 to {count}")
    return sequence


def _volume(raw: Raw, sequence: int, text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise SdatError(
            f"{raw.where}: the volume {text[:30]!r} of sequence {sequence} is not a number as "
            "SDAT-CH writes it (digits and a decimal point)"
        )
    return Decimal(text)


def _bad_values(raw: Raw, point: str, what: str, sequences: list[int]) -> Finding:
    first = slot_starts_at(slot_at(raw.starts_at) + sequences[0] - 1)
    more = f" and {len(sequences) - 1} more" if len(sequences) > 1 else ""
    return error(
        "sdat.bad_volume",
        f"the volume of {first:%Y-%m-%dT%H:%MZ}{more} {what}; it is not used.",
        where=f"{raw.where}, {masked(point)}",
        remedy="Ask the grid operator for a corrected file.",
    )


def _aggregate(block: Block) -> Aggregate:
    return Aggregate(
        document_id=block.document_id,
        direction=block.direction,
        part=block.part,
        community_id=block.community_id,
        first_slot=block.first_slot,
        energies_kwh=block.energies_kwh,
        grades=block.grades,
    )


def _without_contradictions(blocks: list[Block], findings: list[Finding]) -> list[Block]:
    """The blocks, where two of one series say the same slot differently: neither is used there."""
    by_series: dict[tuple[str, str, str], list[int]] = {}
    for number, block in enumerate(blocks):
        by_series.setdefault((block.point, block.direction, block.part), []).append(number)
    out = list(blocks)
    for (point, direction, part), numbers in by_series.items():
        if len(numbers) == 1:
            continue
        said: dict[int, tuple[Decimal | None, int]] = {}
        clashing: set[int] = set()
        for number in numbers:
            block = blocks[number]
            pairs = zip(block.energies_kwh, block.grades, strict=True)
            for slot, (energy, grade) in enumerate(pairs, block.first_slot):
                if grade and said.setdefault(slot, (energy, grade)) != (energy, grade):
                    clashing.add(slot)
        if not clashing:
            continue
        findings.append(
            error(
                "sdat.contradiction",
                f"two blocks of {masked(point)} ({direction}, {part}) differ in "
                f"{len(clashing)} quarter-hours from "
                f"{slot_starts_at(min(clashing)):%Y-%m-%dT%H:%MZ}; neither is used there.",
                remedy="Ask the grid operator for a corrected file.",
            )
        )
        for number in numbers:
            out[number] = _cleared(out[number], clashing)
    return out


def _cleared(block: Block, slots: set[int]) -> Block:
    keep = [slot not in slots for slot in range(block.first_slot, block.end_slot)]
    return replace(
        block,
        energies_kwh=tuple(
            energy if kept else None for energy, kept in zip(block.energies_kwh, keep, strict=True)
        ),
        grades=bytes(grade if kept else 0 for grade, kept in zip(block.grades, keep, strict=True)),
    )
