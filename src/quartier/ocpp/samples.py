"""Instants and numbers of messages, and what could not be read of them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from quartier.core.charging.facts import REGISTER, Sample, SignedValue
from quartier.core.kernel.findings import Finding, warning

_MOST = Decimal(10) ** 15
_MOST_EXPONENT = 12
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
    """A date of RFC 3339, in UTC; raises :class:`Unreadable` for one that no calendar has."""
    try:
        found = datetime.fromisoformat(text.upper())
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable(_no_date(text[:_LONGEST])) from None


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
    """A whole number; to the schemas 1.0 is one too."""
    return None if told is None else int(told)


def register(at: datetime, value_wh: int, context: str) -> Sample:
    """What the register shows at the begin or end of a transaction of 1.6, in Wh."""
    return Sample(at, REGISTER, Decimal(int(value_wh)), "Wh", context, "Outlet", "")


def _sample(at: datetime, context: str, one: dict[str, Any]) -> Sample:
    measurand = one.get("measurand", REGISTER)
    measure = one.get("unitOfMeasure", {})
    told = one.get("unit") or measure.get("unit", "")
    exponent = int(measure.get("multiplier", 0))
    unit, prefix = _WITHOUT_PREFIX.get(told, (told, 0))
    is_energy, energy_unit = _energy(measurand)
    if is_energy and unit not in ("", energy_unit):
        raise Unreadable(_no_number(measurand, f"{one['value']} {told}"[:_LONGEST]))
    value = _number(one["value"])
    if value is None or abs(exponent) > _MOST_EXPONENT:
        raise Unreadable(_no_number(measurand, str(one["value"])[:_LONGEST]))
    return Sample(
        at,
        measurand,
        value.scaleb(prefix + exponent),
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


def _number(told: str | float) -> Decimal | None:
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


def _no_number(measurand: str, said: str) -> Finding:
    return warning(
        "charging.no_number",
        f"the station told a value of {measurand} that cannot be one ({said}).",
        remedy="It was left out; if this lasts, renew the station's firmware.",
    )
