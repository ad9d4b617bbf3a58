"""Checks of the tables in docs/algorithms/allocation.md."""

from decimal import Decimal
from itertools import combinations

import numpy as np

from quartier.core.allocation import allocate
from quartier.core.kernel.energy import kwh_of_mwh

SLOT = 1_994_000


def _numbers(text):
    return [Decimal(part) for part in text.split(",")] if text.strip() else []


def _mwh(text):
    values = [value * 10**6 for value in _numbers(text)]
    assert all(value == int(value) for value in values)
    return np.array([int(value) for value in values], dtype=np.int64)[:, None]


def _kwh(column):
    return [kwh_of_mwh(int(value)) for value in column]


def _parameters(text):
    parameters = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        name, _, value = (word.strip() for word in part.partition("="))
        values = [word.strip() for word in value.split(",")]
        if name == "shares":
            parameters[name] = {str(i): share for i, share in enumerate(values)}
        elif name == "levels":
            parameters[name] = {str(i): int(level) for i, level in enumerate(values)}
        else:
            parameters[name] = value
    return parameters


def _one_of(expected):
    return [_numbers(text) for text in expected.split(" or ")]


def shared(row):
    result = allocate(
        _mwh(row["consumption"]),
        _mwh(row["production"]),
        row["rule"],
        slots=SLOT,
        parameters=_parameters(row["parameters"]),
    )
    assert _kwh(result.solar_mwh[:, 0]) in _one_of(row["solar"])
    assert _kwh(result.surplus_mwh[:, 0]) == _numbers(row["surplus"])


def balanced(row):
    result = allocate(
        _mwh(row["consumption"]),
        _mwh(row["production"]),
        "balance",
        slots=SLOT,
        parameters={"key": "proportional"},
        grid_in_mwh=_mwh(row["grid meter"])[0],
    )
    assert _kwh(result.solar_mwh[:, 0]) in _one_of(row["solar"])
    assert _kwh(result.other_mwh) == _numbers(row["from no plant"])
    used = sum(_numbers(row["consumption"]))
    assert sum(_kwh(result.grid_mwh[:, 0])) == min(used, Decimal(row["grid meter"]))


def water_filling(row):
    result = allocate(_mwh(row["consumption"]), _mwh(row["production"]), "equal", slots=SLOT)
    assert _kwh(result.solar_mwh[:, 0]) in _one_of(row["allocation"])


def not_what_was_published(row):
    result = allocate(_mwh(row["consumption"]), _mwh(row["production"]), "equal", slots=SLOT)
    solar = _kwh(result.solar_mwh[:, 0])
    assert solar != _numbers(row["published"])
    large_kwh = Decimal(row["each of the large ones, Wh"]) / 1000
    for got, used in zip(solar, _numbers(row["consumption"]), strict=True):
        assert got == min(used, large_kwh)
    assert sum(solar) == Decimal(row["production"]) == sum(_numbers(row["published"]))


def _plants(row):
    return allocate(_mwh(row["consumption"]), _mwh(row["production"]), "proportional", slots=SLOT)


def plants(row):
    result = _plants(row)
    assert _kwh(result.used_mwh[:, 0]) == _numbers(row["used of each"])
    assert _kwh(result.surplus_mwh[:, 0]) == _numbers(row["exported by each"])


def plants_worth(row):
    result = _plants(row)
    internal, feed_in = Decimal(row["internal price"]), Decimal(row["feed-in price"])
    inside = [-used * internal for used in _kwh(result.used_mwh[:, 0])]
    assert inside == _numbers(row["producers inside"])
    exported = [-surplus * feed_in for surplus in _kwh(result.surplus_mwh[:, 0])]
    assert exported == _numbers(row["producers export"])
    (consumer,) = [solar * internal for solar in _kwh(result.solar_mwh[:, 0])]
    assert consumer == Decimal(row["consumer"]) == -sum(inside)


def battery(row):
    result = allocate(
        _mwh(row["consumption"]),
        _mwh(row["production"]),
        "proportional",
        slots=SLOT,
        charge_mwh=_mwh(row["charge"])[0],
        discharge_mwh=_mwh(row["discharge"])[0],
    )
    assert result.battery is not None
    stored = result.battery
    assert {
        "consumers get": _kwh(result.solar_mwh.sum(axis=0)),
        "solar charge": _kwh(stored.charged_solar_mwh),
        "grid charge": _kwh(stored.charged_grid_mwh),
        "feed-in": _kwh(result.surplus_mwh.sum(axis=0) + stored.surplus_mwh),
        "draw": _kwh(result.grid_mwh.sum(axis=0) + stored.charged_grid_mwh),
        "of the producer": _kwh(result.used_mwh.sum(axis=0)),
        "of the battery": _kwh(stored.used_mwh),
    } == {
        name: _numbers(row[name])
        for name in (
            *("consumers get", "solar charge", "grid charge", "feed-in", "draw"),
            *("of the producer", "of the battery"),
        )
    }


def twins(row):
    """The same day, every day: constrained in the same quarter-hours, with the same remainders."""
    count, same, days = (int(row[name]) for name in ("households", "identical", "days"))
    generator = np.random.default_rng(5)
    day = generator.integers(100_000, 900_000, (count, 96))
    day[:same] = day[0]
    consumption = np.tile(day, days)
    production = np.tile(day.sum(axis=0) * generator.integers(1, 90, 96) // 100, days)[None, :]
    parameters = {
        "quota": {"rest": "proportional", "shares": {str(i): f"1/{count}" for i in range(count)}},
        "priority": {"levels": {str(i): int(i < same) for i in range(count)}},
        "balance": {"key": "proportional"},
    }.get(row["rule"])
    grid_in = consumption.sum(axis=0) - production[0] if row["rule"] == "balance" else None
    result = allocate(
        consumption,
        production,
        row["rule"],
        slots=SLOT,
        parameters=parameters,
        grid_in_mwh=grid_in,
    )
    totals = result.solar_mwh[:same].sum(axis=1)
    limit_mwh = Decimal(row["differ by less than, Wh"]) * 1000
    assert all(abs(int(a - b)) < limit_mwh for a, b in combinations(totals, 2))
    assert len(np.unique(result.solar_mwh[:same], axis=0)) > 1  # there were ties
