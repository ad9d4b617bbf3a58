"""docs/algorithms/surplus.md: who runs after half an hour of a steady sun."""

import re
from datetime import UTC, datetime, timedelta

from quartier.gateway.surplus.consumers import Appliance, Station
from quartier.gateway.surplus.controller import Controller

_NOON = datetime(2026, 7, 6, 10, tzinfo=UTC)


def _consumer(text):
    name, what, *priority = text.split()
    more = {"priority": int(priority[0].removeprefix("#"))} if priority else {}
    if found := re.fullmatch(r"(\d)x(\d+)-(\d+)A", what):
        phases, least, most = map(int, found.groups())
        return Station(name, phases=phases, min_a=least, max_a=most, **more)
    return Appliance(name, int(what), **more)


def _draws(consumers, decision):
    one = consumers[decision.name]
    if not decision.is_on:
        return 0
    return decision.amperes * one.watts_an_ampere if decision.amperes else one.power_w


def running(row):
    consumers = {one.name: one for one in map(_consumer, row["consumers"].split(", "))}
    controller = Controller(tuple(consumers.values()), "Europe/Zurich")
    decisions = []
    for minute in range(30):
        used = sum(_draws(consumers, one) for one in decisions)
        grid_w = used - int(row["fed in without them, W"])
        decisions = controller.step(_NOON + timedelta(minutes=minute), 60.0 * minute, grid_w)
    run = ", ".join(
        one.name + (f" {one.amperes} A" if one.amperes else "") for one in decisions if one.is_on
    )
    assert run == row["run"]
