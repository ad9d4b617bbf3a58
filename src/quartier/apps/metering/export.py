"""Stored intervals of a site in a fixed order, register by register, for files."""

from collections.abc import Iterator
from dataclasses import dataclass

from quartier.apps.equipment.models import Register
from quartier.apps.metering import store
from quartier.apps.sites.models import Site
from quartier.core.metering.intervals import Intervals

CHUNK_SLOTS = 96 * 92


@dataclass(frozen=True, eq=False)
class Part:
    """Consecutive quarter-hours of one register: a matrix of one row."""

    register: Register
    intervals: Intervals


def registers_of(site: Site) -> list[Register]:
    """The registers of a site by ref of their meter, OBIS code, direction and part."""
    rows = Register.objects.filter(site=site).select_related("meter")
    order = Register.Part.values
    return sorted(rows, key=lambda r: (r.meter.ref, r.obis, r.direction, order.index(r.part)))


def code_of(register: Register) -> str:
    """The OBIS code, followed by the part where it is not the total: both have the same code."""
    if register.part == Register.Part.TOTAL:
        return register.obis
    return f"{register.obis} {register.part}"


def parts(site: Site, registers: list[Register], slots: range) -> Iterator[Part]:
    """``slots`` of each register in turn, in pieces that fit any memory."""
    for register in registers:
        for first in range(slots.start, slots.stop, CHUNK_SLOTS):
            end = min(first + CHUNK_SLOTS, slots.stop)
            yield Part(register, store.read(site.pk, [register.pk], first, end))
