"""The bill of a small site worked out a second time, in fractions, from the published rules.

rules.md a.3 (sharing), d.3 (VAT) and W7; nothing of the program is imported.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

from tests.journeys.small_sites import ZURICH, SmallSite

_VAT_CHANGE = date(2024, 1, 1)
_PRICE_STEP = 10**8  # a net price taken out of a gross one has eight decimals, rounded down


@dataclass
class Bill:
    """What one holder of one flat owes: exact Wh by (component, sheet, from) and unit prices."""

    wh: dict[tuple[str, str, date], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    days: dict[tuple[str, str, date], int] = field(default_factory=lambda: defaultdict(int))
    price: dict[tuple[str, str, date], Fraction] = field(default_factory=dict)
    percent: dict[tuple[str, str, date], Fraction] = field(default_factory=dict)
    measured_wh: int = 0


def shares(site: SmallSite) -> list[dict[str, Fraction]]:
    """Each quarter-hour's solar energy by flat, in exact Wh."""
    out = []
    for t in range(len(site.starts)):
        used = {
            flat["name"]: Fraction(site.energy_wh[f"z-{flat['name']}"][t]) for flat in site.flats
        }
        made = Fraction(sum(site.energy_wh[roof][t] for roof in site.roofs))
        out.append(_share(site, used, made))
    return out


def _share(site: SmallSite, used: dict[str, Fraction], made: Fraction) -> dict[str, Fraction]:
    if site.rule == "proportional":
        return _proportional(used, made)
    if site.rule == "equal":
        return _equal(used, made)
    if site.rule == "priority":
        levels: dict[int, dict[str, Fraction]] = defaultdict(dict)
        for flat in site.flats:
            levels[flat["priority"]][flat["name"]] = used[flat["name"]]
        got: dict[str, Fraction] = {}
        for _, members in sorted(levels.items(), reverse=True):
            part = _proportional(members, made)
            made -= sum(part.values())
            got |= part
        return got
    assert site.rule == "quota"
    got = {
        flat["name"]: min(used[flat["name"]], Fraction(flat["quota"]) * made) for flat in site.flats
    }
    if "proportional" not in site.params:
        return got
    more = _proportional({name: used[name] - got[name] for name in used}, made - sum(got.values()))
    return {name: got[name] + more[name] for name in used}


def _proportional(used: dict[str, Fraction], made: Fraction) -> dict[str, Fraction]:
    whole = sum(used.values())
    covered = min(made, whole)
    return {name: covered * value / whole if whole else Fraction() for name, value in used.items()}


def _equal(used: dict[str, Fraction], made: Fraction) -> dict[str, Fraction]:
    """Filled like a vessel, the smallest consumer first."""
    got = {}
    waiting = sorted(used, key=lambda name: used[name])
    while waiting:
        name = waiting[0]
        got[name] = min(used[name], made / len(waiting))
        made -= got[name]
        waiting.pop(0)
    return got


def bills(site: SmallSite) -> dict[tuple[str, date], Bill]:
    """The bill of each flat and the first day of its holder."""
    solar = shares(site)
    out: dict[tuple[str, date], Bill] = {}
    for flat in site.flats:
        for first, end in _holdings(site, flat):
            bill = Bill()
            day = first
            while day < end:
                _lay_out(site, bill, day, first)
                day += timedelta(days=1)
            for t, start in enumerate(site.starts):
                local = start.astimezone(ZURICH)
                if not first <= local.date() < end:
                    continue
                used = site.energy_wh[f"z-{flat['name']}"][t]
                bill.measured_wh += used
                got = solar[t][flat["name"]]
                flows = {"solar": got, "grid": used - got, "total": Fraction(used)}
                for component, key in _components_on(site, local.date(), first):
                    if component["unit"] == "kWh" and _applies(component, local):
                        bill.wh[key] += flows[component["flow"]]
            out[flat["name"], first] = bill
    return out


def _holdings(site: SmallSite, flat: dict) -> list[tuple[date, date]]:
    begins = [max(first, site.from_date) for first, _, _ in flat["holders"]]
    ends = [*begins[1:], site.to_date]
    return [(a, b) for a, b in zip(begins, ends, strict=True) if a < b]


def _components_on(
    site: SmallSite, day: date, first: date
) -> list[tuple[dict, tuple[str, str, date]]]:
    """The components that hold on ``day``, each with the line it belongs to: lines begin anew
    with a holder, a sheet and a VAT rate."""
    for n, sheet in enumerate(site.sheets):
        if sheet["from"] <= day < sheet["to"]:
            begins = max(first, sheet["from"])
            if day >= _VAT_CHANGE > begins:
                begins = _VAT_CHANGE
            return [(one, (one["ref"], f"s{n}", begins)) for one in sheet["components"]]
    raise AssertionError("no sheet")


def _applies(component: dict, local: datetime) -> bool:
    slot = component.get("slot", "all")
    if slot == "all":
        return True
    weekday, hour = local.weekday(), local.hour
    is_standard = (weekday < 5 and 7 <= hour < 20) or (weekday == 5 and 7 <= hour < 13)
    return is_standard == (slot == "standard")


def _lay_out(site: SmallSite, bill: Bill, day: date, first: date) -> None:
    """Prices and VAT of the lines of ``day``, and their days."""
    for component, key in _components_on(site, day, first):
        rate = Fraction("8.1") if key[2] >= _VAT_CHANGE else Fraction("7.7")
        if component["unit"] == "day":
            bill.days[key] += 1
        else:
            bill.wh[key] += 0
        if "percent_of_standard" in component:
            slot = component.get("slot", "all")
            price = (
                Fraction(site.reference[slot]) * Fraction(component["percent_of_standard"]) / 100
            )
        else:
            price = Fraction(component["price"])
        has_vat = component.get("vat", "supplier") == "supplier"
        if site.vat_liable:
            bill.percent[key] = rate if has_vat else Fraction()
            if has_vat and component["includes_vat"]:
                price = Fraction(int(price / (1 + rate / 100) * _PRICE_STEP), _PRICE_STEP)
        else:
            bill.percent[key] = Fraction()
            if has_vat and not component["includes_vat"]:
                price *= 1 + rate / 100
        bill.price[key] = price


def total(bill: Bill, quantities_wh: dict[tuple[str, str, date], int]) -> Fraction:
    """What is to be paid if these are the quantities on the lines: bases and taxes by rate are
    rounded half up from their unrounded sums."""
    bases: dict[Fraction, Fraction] = defaultdict(Fraction)
    for key, price in bill.price.items():
        quantity = (
            Fraction(bill.days[key]) if key in bill.days else Fraction(quantities_wh[key], 1000)
        )
        bases[bill.percent[key]] += quantity * price
    return sum(
        (_cents(base) + _cents(base * percent / 100) for percent, base in bases.items()), Fraction()
    )


def _cents(amount: Fraction) -> Fraction:
    sign = -1 if amount < 0 else 1
    return sign * Fraction(int(abs(amount) * 100 + Fraction(1, 2)), 100)
