"""From the records of a meter to its registers: which of them is the one that is billed.

The rule: the instantaneous value with storage number 0, subunit 0 and tariff 0, without a
qualifier, of the quantity that the medium counts. Tariffs are registers of their own for
electricity only: makers of heat meters use them for cooling, for limits, or for nothing. Where the
rule finds no register, or two that contradict each other, there is a finding and none is taken;
then a driver or the installer names the record (:mod:`quartier.protocols.mbus.picks`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_FLOOR, Context, Decimal
from types import MappingProxyType
from typing import Final

from quartier.core.kernel.findings import Finding, error, has_errors, info
from quartier.core.kernel.obis import Obis
from quartier.protocols.mbus import qualifiers
from quartier.protocols.mbus.addresses import Secondary, medium_name
from quartier.protocols.mbus.errors import OtherDevice
from quartier.protocols.mbus.picks import Chosen, Meaning, Pick
from quartier.protocols.mbus.records import Function, Record
from quartier.protocols.mbus.telegram import Telegram

_JOULE_DIGITS = Decimal("1e-6")
_DIVISION = Context(prec=60, rounding=ROUND_FLOOR)
_JOULES_PER_WH = Decimal(3600)
_COUNTED = ("Wh", "J", "l")
_MOST_SHOWN = 8
_BY_MEDIUM: Final = Chosen()


@dataclass(frozen=True, slots=True)
class Rule:
    """Which records of a medium are the register ``obis``. ``words``: one of these must be the
    only qualifier, "" is none."""

    obis: Obis
    quantity: str
    words: tuple[str, ...] = ("",)
    is_billing: bool = True
    has_tariffs: bool = False


def _rules(energy: str, volume: str) -> tuple[Rule, ...]:
    return (
        Rule(Obis.parse(energy), "energy", ("", qualifiers.POSITIVE_ONLY)),
        Rule(Obis.parse(volume), "volume", is_billing=False),
    )


_HEAT = _rules("6-0:1.0.0", "6-0:2.0.0")
_COOLING = _rules("5-0:1.0.0", "5-0:2.0.0")
_COLD_BESIDE_HEAT = Rule(Obis.parse("5-0:1.0.0"), "energy", (qualifiers.NEGATIVE_ONLY,))
_HOT_WATER = (Rule(Obis.parse("9-0:1.0.0"), "volume"),)
_COLD_WATER = (Rule(Obis.parse("8-0:1.0.0"), "volume"),)
_IMPORT = Rule(Obis.parse("1-1:1.8.0"), "energy", ("", qualifiers.POSITIVE_ONLY), has_tariffs=True)
_EXPORT = Rule(Obis.parse("1-1:2.8.0"), "energy", (qualifiers.NEGATIVE_ONLY,), has_tariffs=True)

RULES: Final[Mapping[int, tuple[Rule, ...]]] = MappingProxyType(
    {
        0x02: (_IMPORT, _EXPORT),
        0x03: (Rule(Obis.parse("7-0:3.0.0"), "volume"),),
        0x04: _HEAT,
        0x06: _HOT_WATER,
        0x07: _COLD_WATER,
        0x08: (Rule(Obis.parse("4-0:1.0.0"), "heat_cost_allocator"),),
        0x0A: _COOLING,
        0x0B: _COOLING,
        0x0C: _HEAT,
        0x0D: (*_HEAT, _COLD_BESIDE_HEAT),
        0x15: _HOT_WATER,
        0x16: _COLD_WATER,
    }
)
"""By medium. OBIS codes of EN 13757-1; "water" is cold water. What is not here (pulse counters
that name no medium, meters of hot and cold water in one) is picked."""


@dataclass(frozen=True, slots=True)
class Register:
    """The state of a register: ``value`` in ``unit`` (Wh, l or 1), exact.

    ``key_date``: the day or instant, of the meter's clock, at which the meter stored it; ``None``
    for the current state. A day means its end in most meters. What is counted in joules is rounded
    down to 1e-6 Wh.
    """

    obis: Obis
    value: Decimal
    unit: str
    is_billing: bool
    key_date: date | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """One reading of one meter. ``clock`` is its own local time, without a zone;
    ``is_summer_time`` what it says of it."""

    device: Secondary
    medium: int
    registers: tuple[Register, ...]
    clock: datetime | None
    is_summer_time: bool | None

    @property
    def current(self) -> dict[Obis, Register]:
        """The registers as they are now."""
        return {one.obis: one for one in self.registers if one.key_date is None}


def read_meter(
    telegrams: Sequence[Telegram], chosen: Chosen = _BY_MEDIUM
) -> tuple[Meter, tuple[Finding, ...]]:
    """The registers in all ``telegrams`` of one device (at least one). Where a register was
    ``chosen`` by its record, no rule is asked for it.

    Raises :class:`OtherDevice` if two devices sent them.
    """
    header = telegrams[0].header
    for one in telegrams:
        if one.header.device != header.device:
            raise OtherDevice(
                f"meter {header.device} was asked, but meter {one.header.device} answered too"
            )
    records = [record for one in telegrams for record in one.records]
    where = f"meter {header.number}"
    findings: list[Finding] = []
    registers: list[Register] = []
    for obis, pick in chosen.picks.items():
        registers += _picked(obis, pick, records, where, findings)
    by_medium = RULES.get(header.medium, ()) if chosen.by_medium else ()
    rules = [rule for rule in by_medium if rule.obis not in chosen.picks]
    for rule in rules:
        registers += _current(rule, records, where, findings)
        registers += _stored(rule, records, where, findings)
    if not rules and not chosen.picks:
        findings.append(_no_rule(header.medium, records, where))
    elif not has_errors(findings) and not any(
        one.is_billing and one.key_date is None for one in registers
    ):
        findings.append(_no_register(header.medium, records, where))
    clock, is_summer_time = _clock(records)
    return (
        Meter(header.device, header.medium, tuple(registers), clock, is_summer_time),
        tuple(findings),
    )


def _picked(
    obis: Obis, pick: Pick | Meaning, records: Sequence[Record], where: str, findings: list[Finding]
) -> Iterator[Register]:
    found = [one for one in records if pick.fits(one)]
    usable = [one for one in found if isinstance(one.value, Decimal)]
    if len(found) == len(usable) == 1:
        if usable[0].unit in _COUNTED:
            yield _register(obis, usable[0], is_billing=True)
            return
        what = f"counts {usable[0].quantity}, neither energy nor volume"
    else:
        what = "is not there" if not found else "has no number" if not usable else "is there twice"
    findings.append(
        error(
            "mbus.pick",
            f"The record with {pick}, chosen for {obis}, {what}.",
            where=where,
            remedy=_choose(records),
        )
    )


def _current(
    rule: Rule, records: Iterable[Record], where: str, findings: list[Finding]
) -> Iterator[Register]:
    fitting = [one for one in records if _fits(rule, one) and one.storage == 0]
    for tariff in sorted({one.tariff for one in fitting}):
        own = [one for one in fitting if one.tariff == tariff]
        obis = replace(rule.obis, tariff=tariff)
        record = _plainest(rule, obis, own, where, findings)
        if record is not None:
            yield _register(obis, record, is_billing=rule.is_billing)


def _stored(
    rule: Rule, records: Sequence[Record], where: str, findings: list[Finding]
) -> Iterator[Register]:
    """The states at key dates: stored values with a date of the same storage number."""
    fitting = [one for one in records if _fits(rule, one) and one.storage > 0 and not one.tariff]
    for storage in sorted({one.storage for one in fitting}):
        key_date = _key_date(storage, records)
        own = [one for one in fitting if one.storage == storage]
        if key_date is None:
            findings.append(
                info(
                    "mbus.undated",
                    f"The stored value {storage} of {rule.obis} has no date, or several, and is "
                    "not used.",
                    where=where,
                )
            )
            continue
        record = _plainest(rule, rule.obis, own, where, findings)
        if record is not None:
            yield _register(rule.obis, record, is_billing=rule.is_billing, key_date=key_date)


def _fits(rule: Rule, record: Record) -> bool:
    words = " ".join(record.qualifiers)
    return (
        record.quantity == rule.quantity
        and record.function in (Function.INSTANTANEOUS, Function.ERROR_STATE)
        and record.subunit == 0
        and (record.tariff == 0 or rule.has_tariffs)
        and words in rule.words
    )


def _plainest(
    rule: Rule, obis: Obis, records: Sequence[Record], where: str, findings: list[Finding]
) -> Record | None:
    """The one record of a register: without a qualifier before one with, then the finest."""
    for word in rule.words:
        own = [one for one in records if " ".join(one.qualifiers) == word]
        if not own:
            continue
        if any(one.function is Function.ERROR_STATE for one in own):
            why = "is in a state of error"
        elif any(not isinstance(one.value, Decimal) for one in own):
            why = "has no number"
        elif _differ(own):
            why = "is there with two values that differ"
        else:
            return min(own, key=_size_of_step)
        findings.append(
            error(
                "mbus.register",
                f"The register {obis} {why}, and is not used.",
                where=where,
                remedy="Compare with the display of the meter.",
            )
        )
        return None
    raise AssertionError("each record has one of the words of its rule")


def _differ(records: Sequence[Record]) -> bool:
    """Whether the same register, sent with several resolutions, has values that contradict."""
    states = [(_amount(one), _size_of_step(one)) for one in records]
    return any(abs(a - b) >= max(s, t) for n, (a, s) in enumerate(states) for b, t in states[:n])


def _size_of_step(record: Record) -> Decimal:
    return record.step / _JOULES_PER_WH if record.unit == "J" else record.step


def _amount(record: Record) -> Decimal:
    assert isinstance(record.value, Decimal), "only numbers are compared"
    if record.unit != "J":
        return record.value
    energy_wh = _DIVISION.quantize(_DIVISION.divide(record.value, _JOULES_PER_WH), _JOULE_DIGITS)
    whole = energy_wh.to_integral_value()
    return whole if whole == energy_wh else energy_wh


def _register(
    obis: Obis, record: Record, *, is_billing: bool, key_date: date | None = None
) -> Register:
    return Register(obis, _amount(record), _unit(record), is_billing, key_date)


def _unit(record: Record) -> str:
    return "Wh" if record.unit == "J" else record.unit


def _key_date(storage: int, records: Iterable[Record]) -> date | None:
    dates = {
        one.value
        for one in records
        if one.quantity in ("date", "time")
        and one.storage == storage
        and one.function is Function.INSTANTANEOUS
        and not (one.qualifiers or one.tariff or one.subunit)
        and isinstance(one.value, date)
    }
    return dates.pop() if len(dates) == 1 else None


def _clock(records: Iterable[Record]) -> tuple[datetime | None, bool | None]:
    for one in records:
        is_state = not (one.storage or one.tariff or one.subunit or one.qualifiers)
        if one.quantity != "time" or not is_state or one.function is not Function.INSTANTANEOUS:
            continue
        if isinstance(one.value, datetime):
            return one.value, one.is_summer_time
    return None, None


def _no_rule(medium: int, records: Iterable[Record], where: str) -> Finding:
    return error(
        "mbus.no_rule",
        f"The meter says that it counts {medium_name(medium)}: it must be said which record is "
        "its register.",
        where=where,
        remedy=_choose(records),
    )


def _no_register(medium: int, records: Iterable[Record], where: str) -> Finding:
    return error(
        "mbus.no_register",
        f"None of the records is a register of {medium_name(medium)}.",
        where=where,
        remedy=_choose(records),
    )


def _choose(records: Iterable[Record]) -> str:
    """Which records an installer can choose, as settings of the driver."""
    counting = [
        f"{Pick(one.dib, one.vib)}: {_amount(one):f} {_unit(one)}"
        for one in records
        if one.unit in _COUNTED and isinstance(one.value, Decimal)
    ]
    if not counting:
        return "It sends no energy and no volume: check that it is the right meter."
    there = "; ".join(counting[:_MOST_SHOWN])
    return f"Choose its record in the settings of the driver. There are: {there}."
