"""Instants and numbers of messages, and what could not be read of them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from quartier.core.charging.facts import REGISTER, Sample, SignedValue
from quartier.core.kernel.findings import Finding, warning

_MOST = Decimal(10) ** 15
_MOST_EXPONENT = 12
_MOST_NUMBER = 2**31
"""Of an EVSE, a connector, a transaction of 1.6, a message: more than any station has."""
_FIRST_YEAR, _END_YEAR = 1970, 2100
"""A clock that was never set shows 1970 or 2000."""
_LONGEST = 40
"""Of what a finding repeats."""
_WITHOUT_PREFIX = {
    "kWh": ("Wh", 3),
    "kVAh": ("VAh", 3),
    "kvarh": ("varh", 3),
    "kW": ("W", 3),
    "kVA": ("VA", 3),
    "kvar": ("var", 3),
    "Celcius": ("Celsius", 0),  # the spelling of OCPP 1.6 before its errata
}
_ENERGY_UNITS = {"Active": "Wh", "Reactive": "varh", "Apparent": "VAh"}


class Unreadable(ValueError):
    """A part that a whole message depends on; ``finding`` says which."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def instant(text: str) -> datetime:
    """A date of RFC 3339, in UTC; raises :class:`Unreadable` for one that no calendar has, or no
    clock shows."""
    try:
        found = datetime.fromisoformat(text.upper())
        at = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(_no_date(text[:_LONGEST])) from None
    if not _FIRST_YEAR <= at.year < _END_YEAR:
        raise Unreadable(_no_date(text[:_LONGEST]))
    return at


def samples_of(
    values: Iterable[dict[str, Any]], findings: list[Finding]
) -> tuple[tuple[Sample, ...], tuple[SignedValue, ...]]:
    """``values``: what is called ``meterValue`` in all versions. What cannot be read is left out,
    and said in ``findings``."""
    samples: list[Sample] = []
    signed: list[SignedValue] = []
    for group in values:
        try:
            at = instant(group["timestamp"])
        except Unreadable as problem:
            findings.append(problem.finding)
            continue
        for one in group["sampledValue"]:
            context = one.get("context", "Sample.Periodic")
            if one.get("format") == "SignedData":  # 1.6: in place of the number
                signed.append(SignedValue(at, context, one["value"]))
                continue
            if "signedMeterValue" in one:  # 2.0.1: beside it
                signed.append(_signed(at, context, one["signedMeterValue"]))
            try:
                samples.append(_sample(at, context, one))
            except Unreadable as problem:
                findings.append(problem.finding)
    return tuple(samples), tuple(signed)


def whole(told: float | None) -> int | None:
    """A whole number, to the schemas 1.0 is one too; None for one that nothing is numbered by."""
    return int(told) if told is not None and 0 <= told < _MOST_NUMBER else None


def number(told: float) -> int:
    """The number of an EVSE, connector or transaction; raises :class:`Unreadable` for one that
    nothing has."""
    found = whole(told)
    if found is None:
        raise Unreadable(_no_such(f"{told:.6g}"))
    return found


def text(told: str) -> str:
    """What can be shown and stored: what is no character is shown as a replacement."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in told)


def register(
    at: datetime, value_wh: float, context: str, findings: list[Finding]
) -> tuple[Sample, ...]:
    """What the register shows at the begin or end of a transaction of 1.6, in Wh; nothing, and a
    finding, where no register shows that."""
    if not abs(value_wh) < _MOST:
        findings.append(_no_number(REGISTER, f"{value_wh:.6g}"))
        return ()
    return (Sample(at, REGISTER, Decimal(int(value_wh)), "Wh", context, "Outlet", ""),)


def _sample(at: datetime, context: str, one: dict[str, Any]) -> Sample:
    measurand = one.get("measurand", REGISTER)
    measure = one.get("unitOfMeasure", {})
    told = one.get("unit") or measure.get("unit", "")
    exponent = int(min(max(measure.get("multiplier", 0), -99), 99))
    unit, prefix = _WITHOUT_PREFIX.get(told, (told, 0))
    is_energy, energy_unit = _energy(measurand)
    if is_energy and unit not in ("", energy_unit):
        raise Unreadable(_no_number(measurand, f"{one['value']} {told}"[:_LONGEST]))
    value = _decimal(one["value"])
    if value is not None and abs(exponent) <= _MOST_EXPONENT:
        value = value.scaleb(prefix + exponent)
    if value is None or abs(exponent) > _MOST_EXPONENT or abs(value) >= _MOST:
        raise Unreadable(_no_number(measurand, str(one["value"])[:_LONGEST]))
    return Sample(
        at,
        measurand,
        value,
        unit or energy_unit,
        context,
        one.get("location", "Outlet"),
        one.get("phase", ""),
    )


def _energy(measurand: str) -> tuple[bool, str]:
    """Whether it is an energy, and its unit without one (OCPP 1.6, 7.45; 2.0.1, UnitOfMeasure)."""
    kind, _, rest = measurand.partition(".")
    if kind != "Energy":
        return False, ""
    return True, _ENERGY_UNITS.get(rest.partition(".")[0], "Wh")


def _decimal(told: str | float) -> Decimal | None:
    try:
        value = Decimal(str(told).strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value) < _MOST else None


def _signed(at: datetime, context: str, one: dict[str, str]) -> SignedValue:
    return SignedValue(
        at,
        context,
        one["signedMeterData"],
        one.get("encodingMethod", ""),
        one.get("signingMethod", ""),
        one.get("publicKey", ""),
    )


def _no_date(said: str) -> Finding:
    return warning(
        "charging.no_date",
        f"the station told a date that does not exist ({said}).",
        remedy="What it told with it was left out; set the station's clock.",
    )


def _no_such(said: str) -> Finding:
    return warning(
        "charging.no_such_number",
        f"the station told a number that nothing has ({said}).",
        remedy="The message was left out; if this lasts, renew the station's firmware.",
    )


def _no_number(measurand: str, said: str) -> Finding:
    return warning(
        "charging.no_number",
        f"the station told a value of {measurand} that cannot be one ({said}).",
        remedy="It was left out; if this lasts, renew the station's firmware.",
    )
