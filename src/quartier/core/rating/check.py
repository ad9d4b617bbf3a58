"""What is wrong with a price sheet, all at once; run before it is saved and before each bill."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations

from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.period import Dates, UnknownTimezone, timezone_of
from quartier.core.rating.price import NoPrice, price_of
from quartier.core.rating.sheet import (
    GRID,
    INTERVAL_FLOWS,
    SOLAR,
    TOTAL,
    CapMethod,
    Component,
    PriceSheet,
    ProRata,
    Reference,
    Share,
    Slot,
    Unit,
    Vat,
)

FIXED_UNITS = frozenset({Unit.DAY, Unit.MONTH, Unit.YEAR, Unit.BILLING_POINT})
_PRO_RATA: dict[Unit, frozenset[ProRata]] = {
    Unit.MONTH: frozenset({ProRata.FULL_MONTHS, ProRata.BY_DAY}),
    Unit.YEAR: frozenset({ProRata.FULL_MONTHS, ProRata.BY_DAY}),
    Unit.BILLING_POINT: frozenset({ProRata.WHOLE, ProRata.BY_DAY}),
}
_A_LEAP_YEAR = date(2028, 1, 1)
_HIGHEST_PRICE = Decimal(1_000_000)
_FINEST_PRICE = -12
_NO_PRICE = "its price is not a number below a million with at most 12 decimals."


def validate(
    sheet: PriceSheet, flows: Sequence[str] = (), *, grid_elsewhere: bool = False
) -> tuple[Finding, ...]:
    """Every defect of ``sheet``; empty if it prices every moment of its validity.

    ``flows`` are the flows that the site has and the sheet therefore must price for its first
    solution, e.g. ("solar", "grid"). A flow that a sheet prices at all it must price in every
    slot on every day (a hole is an error, never a price of 0; architecture.md, house rule 3).
    ``grid_elsewhere``: the grid operator bills grid energy itself, as in a LEG (rules.md a.4), so
    a sheet that prices the sun may leave it out.
    """
    return tuple(_defects(sheet, flows, grid_elsewhere=grid_elsewhere))


def coverage(sheets: Iterable[PriceSheet], dates: Dates, where: str) -> tuple[Finding, ...]:
    """The days of ``dates`` at the place ``where`` that no sheet covers, or on which two price
    the same solution.

    Sheets of different solutions may lie side by side; that each solution in use has a price is
    checked when it is rated.
    """
    ordered = sorted(sheets, key=lambda one: (one.valid.from_date, one.ref))
    findings = [
        error(
            "rating.overlap",
            f"The price sheets {before.ref!r} and {after.ref!r} both price "
            f"{', '.join(sorted(_solutions(before) & _solutions(after)))} from {common}.",
            where=where,
            remedy="End the earlier sheet on the day the later one begins.",
        )
        for before, after in combinations(ordered, 2)
        if (common := _common(before, after, dates)) is not None
        and _solutions(before) & _solutions(after)
    ]
    day: date | None = dates.from_date
    for sheet in ordered:
        inside = sheet.valid.intersection(dates)
        if inside is None or day is None:
            continue
        if inside.from_date > day:
            findings.append(_uncovered(Dates(day, inside.from_date), where))
        day = None if inside.to_date is None else max(day, inside.to_date)
    if day is not None and (dates.to_date is None or day < dates.to_date):
        findings.append(_uncovered(Dates(day, dates.to_date), where))
    return tuple(findings)


def _solutions(sheet: PriceSheet) -> set[str]:
    return {one.solution for one in sheet.components}


def _common(before: PriceSheet, after: PriceSheet, dates: Dates) -> Dates | None:
    both = before.valid.intersection(after.valid)
    return None if both is None else both.intersection(dates)


def _uncovered(hole: Dates, where: str) -> Finding:
    return error(
        "rating.uncovered",
        f"No price sheet covers {hole}.",
        where=where,
        remedy="Add a price sheet for these days or extend the one beside them.",
    )


def is_price(price: Decimal) -> bool:
    """Whether ``price`` is a finite number that all arithmetic with quantities keeps exact."""
    if not price.is_finite() or abs(price) > _HIGHEST_PRICE:
        return False
    exponent = price.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= _FINEST_PRICE


def _defects(sheet: PriceSheet, flows: Sequence[str], *, grid_elsewhere: bool) -> Iterator[Finding]:
    where = f"price sheet {sheet.ref!r}"

    def defect(code: str, message: str, remedy: str = "") -> Finding:
        return error(f"rating.{code}", message, where=where, remedy=remedy)

    try:
        timezone_of(sheet.timezone)
    except UnknownTimezone as problem:
        yield defect("timezone", f"{problem}.")
    if len(sheet.currency) != 3 or not sheet.currency.isupper():
        yield defect("currency", f"{sheet.currency!r} is not a currency; write CHF or EUR.")
    if not sheet.components:
        yield defect("empty", "The sheet has no component.", "Add its prices.")
    for ref, count in Counter(one.ref for one in sheet.components).items():
        if count > 1:
            yield defect("duplicate", f"{count} components are called {ref!r}.", "Rename them.")
    for ref, count in Counter(one.ref for one in sheet.windows).items():
        if count > 1:
            yield defect("duplicate", f"{count} windows are called {ref!r}.", "Rename them.")
    for component in sheet.components:
        for message, remedy in _component_defects(component, sheet):
            yield defect("component", f"Component {component.ref!r}: {message}", remedy)
    for message in _reference_defects(sheet.reference, sheet):
        yield defect("reference", message)
    if sheet.cap_method is CapMethod.EFFECTIVE and sheet.effective_price_per_kwh is None:
        yield defect(
            "cap",
            "The cap by effective costs has no effective price per kWh.",
            "Compute it from the year's costs, or use the flat method.",
        )
    yield from _holes(sheet, flows, defect_where=where, grid_elsewhere=grid_elsewhere)


def _component_defects(one: Component, sheet: PriceSheet) -> Iterator[tuple[str, str]]:
    if not any(text for _, text in one.label):
        yield "it has no label.", ""
    if isinstance(one.price, Decimal):
        if not is_price(one.price):
            yield _NO_PRICE, "Write a number such as 0.2450."
    elif not is_price(one.price.percent) or one.price.percent < 0:
        yield "its share of the standard product is not a percentage.", ""
    elif sheet.reference is None:
        yield "it is a share of the standard product, which the sheet lacks.", "Add its prices."
    else:
        try:
            price_of(one, sheet)
        except NoPrice:
            yield (
                f"the standard product has no price for the slot {one.slot.value!r}.",
                "Price the same slots in both, or give the documented mean as the slot 'all'.",
            )
        if one.slot is not Slot.ALL and sheet.reference.windows not in ("", one.windows):
            yield "it and the standard product use different windows.", ""
        if one.vat is Vat.SUPPLIER and one.price_includes_vat != sheet.reference.includes_vat:
            has = "with" if sheet.reference.includes_vat else "without"
            yield (
                f"it is a share of a standard product {has} VAT and says the opposite of itself.",
                "Give it the same includes_vat as the standard product.",
            )
    if isinstance(one.price, Share) and one.unit is not Unit.KWH:
        yield "a share of the standard product is a price per kWh.", ""
    if one.slot is not Slot.ALL and sheet.windows_called(one.windows) is None:
        yield f"its slot {one.slot.value!r} needs windows; {one.windows!r} is none.", ""
    if one.unit in FIXED_UNITS:
        if one.flow:
            yield f"a fee per {one.unit.value} has no flow.", ""
        if one.slot is not Slot.ALL or one.season is not None:
            yield f"a fee per {one.unit.value} has no time slot and no season.", ""
        allowed = _PRO_RATA.get(one.unit)
        if allowed is not None and one.pro_rata not in allowed:
            words = " or ".join(sorted(mode.value for mode in allowed))
            yield "it does not say what a part of its unit costs.", f"Set pro_rata to {words}."
    elif not one.flow:
        yield f"a price per {one.unit.value} needs a flow.", "Name it, e.g. grid."
    if one.unit not in _PRO_RATA and one.pro_rata is not None:
        yield f"pro_rata has no meaning per {one.unit.value}.", "Remove it."
    if one.unit is Unit.KW:
        if one.flow not in INTERVAL_FLOWS:
            yield "a power peak is taken of the flow solar, grid or total.", ""
        if one.peak_per is None:
            yield "it does not say over what its peak is taken.", "Set peak_per: month or period."
        if one.season is not None:
            yield "a power peak has no season.", "Use one sheet a season."
    elif one.peak_per is not None:
        yield f"peak_per has no meaning per {one.unit.value}.", "Remove it."
    if one.unit in (Unit.KWH, Unit.M3) and one.flow and one.flow not in INTERVAL_FLOWS:
        if one.slot is not Slot.ALL or one.season is not None:
            yield f"{one.flow} is metered as a volume, which has no time slot.", ""
    elif one.unit is Unit.M3 and one.flow in INTERVAL_FLOWS:
        yield f"{one.flow} is measured in kWh, not in m3.", ""
    if one.vat in (Vat.LEVY, Vat.NONE) and not any(text for _, text in one.vat_reason):
        yield "it has no VAT and gives no reason.", "Set vat_reason."


def _reference_defects(reference: Reference | None, sheet: PriceSheet) -> Iterator[str]:
    if reference is None:
        return
    slots = Counter(one.slot for one in reference.prices)
    if any(count > 1 for count in slots.values()):
        yield "The standard product prices a slot twice."
    if (Slot.STANDARD in slots) != (Slot.REDUCED in slots):
        yield "The standard product prices one of standard and reduced and not the other."
    if Slot.STANDARD in slots and sheet.windows_called(reference.windows) is None:
        yield f"The standard product's windows {reference.windows!r} are not in the sheet."
    if not slots:
        yield "The standard product has no price."
    if any(not is_price(one.price_per_kwh) or one.price_per_kwh < 0 for one in reference.prices):
        yield "The standard product's prices are not all positive numbers."


def _holes(
    sheet: PriceSheet, flows: Sequence[str], *, defect_where: str, grid_elsewhere: bool
) -> Iterator[Finding]:
    groups: dict[tuple[str, str, str, Unit], list[Component]] = defaultdict(list)
    for one in sheet.components:
        if one.unit in (Unit.KWH, Unit.KW) and one.flow in INTERVAL_FLOWS:
            groups[one.solution, one.flow, one.part, one.unit].append(one)
    for (solution, flow, part, unit), members in groups.items():
        what = f"{solution}, {flow}{', ' + part if part else ''} per {unit.value}"
        for message in _hole_of(members, per_day=unit is Unit.KWH):
            yield error(
                "rating.hole",
                f"The prices for {what} {message}.",
                where=defect_where,
                remedy="Price both standard and reduced in the same windows, on every day.",
            )
    priced: dict[str, set[str]] = defaultdict(set)
    for solution, flow, _, unit in groups:
        if unit is Unit.KWH:
            priced[solution].add(flow)
    for number, (solution, has) in enumerate(priced.items()):
        needed = set(flows) if number == 0 else set()
        if SOLAR in has and not grid_elsewhere:
            needed.add(GRID)
        missing = set() if has == {TOTAL} else needed - has
        for flow in sorted(missing):
            yield error(
                "rating.hole",
                f"The sheet prices {solution} but not its flow {flow}.",
                where=defect_where,
                remedy="Add a price per kWh; a price of 0 must be written as 0.",
            )
    if flows and not priced:
        yield error(
            "rating.hole",
            f"The sheet prices no energy; the site has {', '.join(sorted(flows))}.",
            where=defect_where,
            remedy="Add prices per kWh.",
        )


def _hole_of(members: list[Component], *, per_day: bool) -> Iterator[str]:
    timed = [one for one in members if one.slot is not Slot.ALL]
    if len({one.windows for one in timed}) > 1:
        yield "use different windows for standard and reduced"
        return
    if not per_day:
        return
    days = [_A_LEAP_YEAR + timedelta(days=number) for number in range(366)]
    depths: dict[int, date] = {}
    for day in days if any(one.season for one in members) else days[:1]:
        count: Counter[Slot] = Counter(
            one.slot for one in members if one.season is None or day in one.season
        )
        if count[Slot.STANDARD] != count[Slot.REDUCED]:
            has, lacks = (
                ("standard", "reduced")
                if count[Slot.STANDARD] > count[Slot.REDUCED]
                else ("reduced", "standard")
            )
            on = f" on {day:%d.%m.}" if len(depths) or any(m.season for m in members) else ""
            yield f"have {has} without {lacks}{on}"
            return
        depths.setdefault(count[Slot.ALL] + count[Slot.STANDARD], day)
    if len(depths) > 1:
        yield f"leave days without a price, e.g. {depths[min(depths)]:%d.%m.}"
    elif 0 in depths:
        yield "cover no day"
