"""What is wrong with meters that somebody wants to add to a site, row by row."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from functools import lru_cache

from quartier.apps.equipment.bulk_known import Known
from quartier.apps.equipment.gateways import MBUS, BadSetUp, How, check_driver, drivers
from quartier.core.metering.virtual import BadRule, Term, evaluation_order, parse_rule
from quartier.formats.meter_table.draft import Draft, Faults
from quartier.formats.uplink.configuration import BusKind, address_shape

_POINT = re.compile(r"CH[0-9A-Z]{31}", re.ASCII)
Drafts = Sequence[Draft]


def check(drafts: Drafts, known: Known, faults: Faults, today: date) -> tuple[Draft, ...]:
    """The ``drafts`` with what follows from the site filled in: model, bus, first day.

    What is wrong goes to ``faults``. Those that the site has already are compared with it and are
    not checked further.
    """
    _each_once(drafts, faults)
    whole = []
    for draft in drafts:
        filled = _filled(draft, known, faults, today)
        stored = known.meters.get(draft.ref)
        if stored is not None:
            for column in known.differences(filled, stored):
                faults.say(
                    draft.row,
                    column,
                    f"a meter {draft.ref} is there already and differs here; change it on its page",
                )
        whole.append(filled)
    new = [draft for draft in whole if draft.ref not in known.meters]
    for draft in new:
        _source(draft, faults)
        _points(draft, known, faults)
        _place(draft, known, faults)
    _addresses(new, known, faults)
    _metering_points(new, known, faults)
    _rules(new, known, faults)
    return tuple(whole)


def _each_once(drafts: Drafts, faults: Faults) -> None:
    counts = Counter(draft.ref for draft in drafts)
    for draft in drafts:
        if counts[draft.ref] > 1:
            faults.say(draft.row, "ref", f"the reference {draft.ref} is there more than once")


def _filled(draft: Draft, known: Known, faults: Faults, today: date) -> Draft:
    if draft.billing_point and draft.from_date is None:
        draft = replace(draft, from_date=today)
    if draft.gateway and not draft.bus:
        buses = known.buses_of(draft.gateway)
        if len(buses) == 1:
            draft = replace(draft, bus=buses[0].name)
    if draft.driver:
        draft = _model(draft, faults)
    if draft.driver and not draft.plan:
        daily = draft.medium not in ("electricity", "reactive")
        draft = replace(draft, plan="day" if daily else "quarter_hour")
    return draft


def _model(draft: Draft, faults: Faults) -> Draft:
    """Driver and model by their names as the list of drivers has them; one name may be enough."""
    readable = [family for family in drivers() if family.is_meter]
    named = next((one for one in readable if one.head.key == draft.driver), None)
    if named is not None:
        if draft.model or named.head.key == MBUS:
            return draft
        if len(named.head.models) == 1:
            return replace(draft, model=named.head.models[0].name)
        there = ", ".join(one.name for one in named.head.models)
        faults.say(draft.row, "driver", f"{draft.driver} has several models: {there}; write one")
        return draft
    by_name = [
        (family.head.key, model.name)
        for family in readable
        for model in family.head.models
        if not draft.model and model.name.casefold() == draft.driver.casefold()
    ]
    if len(by_name) == 1:
        return replace(draft, driver=by_name[0][0], model=by_name[0][1])
    names = [model.name for family in readable for model in family.head.models]
    close = get_close_matches(draft.driver, names, n=1)
    if close:
        text = f"no driver reads {draft.driver[:60]!r}; did you mean {close[0]}?"
    else:
        text = f"no driver reads {draft.driver[:60]!r}; take one of the list of drivers"
    faults.say(draft.row, "driver", text)
    return draft


def _source(draft: Draft, faults: Faults) -> None:
    """What a meter may have, by where its values come from."""
    if draft.source == "virtual":
        for column in ("serial", "gateway", "driver", "address"):
            if getattr(draft, column):
                faults.say(draft.row, column, "a computed meter has no device and is not read")
        if not draft.rule:
            faults.say(draft.row, "rule", "a computed meter needs a rule, such as entry - pv")
    elif draft.rule:
        faults.say(draft.row, "rule", "only a computed meter has a rule")
    if draft.source == "curve":
        if not draft.metering_point:
            faults.say(
                draft.row,
                "metering_point",
                "the grid operator names its meter by the metering point; write it",
            )
        for column in ("gateway", "driver", "address"):
            if getattr(draft, column):
                faults.say(draft.row, column, "the grid operator reads this meter, no gateway does")
    if draft.serial and draft.installed is None:
        faults.say(draft.row, "installed", "say on what day this device was installed")
    if draft.installed is not None and not draft.serial:
        faults.say(draft.row, "serial", "say what the serial number of the installed device is")


def _points(draft: Draft, known: Known, faults: Faults) -> None:
    """The place in the building that the meter counts for."""
    if not draft.billing_point:
        if draft.from_date is not None:
            faults.say(draft.row, "billing_point", "say what billing point it counts for")
        return
    point = known.points.get(draft.billing_point)
    if point is None:
        close = get_close_matches(draft.billing_point, list(known.points), n=1)
        text = f"there is no billing point {draft.billing_point!r}"
        if close:
            text += f"; did you mean {close[0]}?"
        faults.say(draft.row, "billing_point", text)
        return
    if draft.mode != "consumption":
        faults.say(draft.row, "billing_point", "only a consumption meter counts for somebody")
    end = known.billed_until.get(point.pk)
    if end is not None and draft.from_date is not None and draft.from_date < end:
        faults.say(
            draft.row, "from_date", f"until {end} it is billed; choose that day or a later one"
        )


def _place(draft: Draft, known: Known, faults: Faults) -> None:
    """The bus that the meter is on, and its driver."""
    if draft.bus and not draft.gateway:
        faults.say(draft.row, "gateway", "say whose bus this is")
        return
    if not draft.gateway:
        if draft.address and not draft.driver:
            faults.say(draft.row, "driver", "say what model answers at this address")
        return
    if draft.gateway not in known.gateways:
        faults.say(draft.row, "gateway", f"the site has no gateway {draft.gateway!r}")
        return
    bus = known.bus(draft.gateway, draft.bus)
    if bus is None:
        there = ", ".join(one.name for one in known.buses_of(draft.gateway))
        faults.say(
            draft.row,
            "bus",
            f"choose a bus of the gateway: {there}" if there else "the gateway has no bus yet",
        )
        return
    if not draft.driver:
        faults.say(draft.row, "driver", "say what model this meter is")
        return
    if any(one.row == draft.row and one.column == "driver" for one in faults.found):
        return
    kind = BusKind(bus.kind)
    refused = _refusal(kind, draft.driver, draft.model, draft.plan)
    if refused:
        faults.say(draft.row, "driver", refused)
        return
    shape, what = address_shape(kind)
    if shape.fullmatch(draft.address) is None:
        faults.say(
            draft.row,
            "address",
            f"it is not {what}" if draft.address else f"it is empty; write {what}",
        )


@lru_cache(maxsize=256)
def _refusal(kind: BusKind, driver: str, model: str, plan: str) -> str:
    """Why meters cannot be read so; kept, since a driver is a file to read."""
    try:
        check_driver(kind, How(driver, model, plan))
    except BadSetUp as problem:
        return str(problem)
    return ""


def _addresses(drafts: Drafts, known: Known, faults: Faults) -> None:
    """Two meters never answer at one address of a bus."""
    first: dict[tuple[int, str], str] = dict(known.taken)
    for draft in drafts:
        bus = known.bus(draft.gateway, draft.bus)
        if bus is None or not draft.address:
            continue
        other = first.setdefault((bus.pk, draft.address), draft.ref)
        if other != draft.ref:
            faults.say(
                draft.row,
                "address",
                f"the meter {other} has the address {draft.address} on this bus already",
            )


def _metering_points(drafts: Drafts, known: Known, faults: Faults) -> None:
    """A metering point is of the national form, and of one meter."""
    first = dict(known.metering_points)
    for draft in drafts:
        for column in ("metering_point", "export_metering_point"):
            point = getattr(draft, column)
            if not point:
                continue
            if _POINT.fullmatch(point) is None:
                faults.say(
                    draft.row,
                    column,
                    f"it has {len(point)} characters and is not CH and 31 capitals or digits;"
                    " compare it with the grid operator's letter",
                )
            elif first.setdefault(point, draft.ref) != draft.ref:
                faults.say(
                    draft.row, column, f"the meter {first[point]} has this metering point already"
                )


def _rules(drafts: Drafts, known: Known, faults: Faults) -> None:
    """Each rule can be read, names meters of its medium, and leads never back to itself."""
    media = {ref: one.medium for ref, one in known.meters.items()}
    media |= {draft.ref: draft.medium for draft in drafts}
    isolated = {ref for ref, one in known.meters.items() if one.is_isolated}
    rules: dict[str, Sequence[Term]] = dict(known.rules())
    for draft in drafts:
        if not draft.rule or draft.source != "virtual":
            continue
        try:
            terms = parse_rule(draft.rule)
            rules[draft.ref] = terms
            evaluation_order({draft.ref: terms, **rules}, media.keys(), isolated)
        except BadRule as problem:
            rules.pop(draft.ref, None)
            faults.say(draft.row, "rule", str(problem))
            continue
        for ref in sorted({term.ref for term in terms if media[term.ref] != draft.medium}):
            faults.say(draft.row, "rule", f"the meter {ref} measures something else: {media[ref]}")
