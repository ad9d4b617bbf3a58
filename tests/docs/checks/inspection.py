"""docs/algorithms/inspection.md: verdicts on live values."""

from datetime import UTC, datetime
from decimal import Decimal

from quartier.core.metering.inspection import Check, Phase, Role, Shown, inspect

_NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


def _number(text):
    return None if text in {"-", "?"} else Decimal(text)


def _phase(text):
    volts, amperes, watts = map(_number, text.split())
    return Phase(volts, amperes, watts)


def _said(verdicts, name):
    return ", ".join(
        f"{one.check.value} {one.state.value}"
        for one in verdicts
        if one.meter == name and one.check is not Check.COMMUNICATION
    )


def meter(row):
    phases = () if row["phases"] == "-" else tuple(map(_phase, row["phases"].split("; ")))
    fed_in = _number(row["fed in, Wh"])
    shown = Shown(
        "m1",
        Role(row["role"]),
        _NOW,
        phases,
        _number(row["whole, W"]),
        None if fed_in is None else int(fed_in),
    )
    assert _said(inspect([shown], now=_NOW), "m1") == row["verdicts"]


def site(row):
    meters = [Shown("entry", Role.ENTRY, _NOW, power_w=_number(row["entry, W"]))]
    for number, text in enumerate(row["others, W"].split(", ")):
        role, power = text.split()
        meters.append(Shown(f"m{number}", Role(role), _NOW, power_w=_number(power)))
    verdicts = inspect(meters, now=_NOW, is_sun_off=row["inverters"] == "off")
    assert _said(verdicts, "entry") == row["verdicts on the entry"]
