"""Sites that nobody drew up by hand: a TOML file, a load curve, and what both say.

Only the formats that users write are used here; nothing of the program is imported.
"""

import csv
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

ZURICH = ZoneInfo("Europe/Zurich")
QUARTER = timedelta(minutes=15)


@dataclass
class SmallSite:
    """One site with its energies in Wh by meter and quarter-hour (UTC starts)."""

    ref: str
    from_date: date
    to_date: date
    flats: list[dict]
    """Each: name, priority, quota (text), holders [(from, party or "" for a vacancy, status)]."""
    rule: str
    params: str = ""
    sheets: list[dict] = field(default_factory=list)
    """Each: from, to, components [dict of TOML keys, all texts but Python bools]."""
    vat_liable: bool = False
    iban: str = "CH4431999123000889012"
    reference_type: str = "QRR"
    plants: int = 1
    starts: list[datetime] = field(default_factory=list)
    energy_wh: dict[str, list[int]] = field(default_factory=dict)
    reference: dict[str, str] = field(default_factory=lambda: {"all": "0.40"})
    site_from: date = date(2020, 1, 1)

    @property
    def meters(self) -> list[str]:
        return [f"z-{flat['name']}" for flat in self.flats]

    @property
    def roofs(self) -> list[str]:
        return [f"pv{n}" for n in range(1, self.plants + 1)]

    def toml(self) -> str:
        """The site file."""
        begins = self.site_from
        place = 'street = "Weg"\nhouse_number = "1"\npostcode = "3000"\ntown = "Bern"\n'
        uid = 'uid = "CHE-123.456.788"\n' if self.vat_liable else ""
        out = [
            "format = 1\n[organisation]\nref = 'org'\nname = 'Org'\n",
            f"[site]\nref = '{self.ref}'\nname = '{self.ref}'\nfrom = {begins}\ncanton = 'BE'\n",
            f"[[party]]\nref = '{self.ref}-owner'\nname = 'Owner'\nkind = 'company'\n{place}{uid}",
            f"[[stakeholder]]\nparty = '{self.ref}-owner'\nrole = 'owner'\n",
            f"[issuer]\nparty = '{self.ref}-owner'\niban = '{self.iban}'\n"
            f"reference_type = '{self.reference_type}'\nvat_liable = {_word(self.vat_liable)}\n"
            f"number_prefix = '{self.ref}-'\n",
            f"[[building]]\nref = 'h'\nname = 'Haus'\n{place}",
            f"[[community]]\nfrom = {begins}\nrule = '{self.rule}'\n{self.params}\n",
            "[[meter]]\nref = 'netz'\nname = 'Netz'\nmode = 'grid'\nsource = 'curve'\n",
        ]
        parties = sorted({who for flat in self.flats for _, who, _ in flat["holders"] if who})
        out += [f"[[party]]\nref = '{who}'\nname = '{who}'\n{place}" for who in parties]
        for n, roof in enumerate(self.roofs):
            out.append(
                f"[[meter]]\nref = '{roof}'\nname = 'PV {n}'\nmode = 'production'\n"
                f"source = 'curve'\n[[plant]]\nref = 'p{n}'\nname = 'Dach {n}'\nmeter = '{roof}'\n"
                f"owner = '{self.ref}-owner'\npower_kwp = 10\n"
            )
        for n, flat in enumerate(self.flats):
            held = ", ".join(
                f"{{ from = {first}, party = '{who}', status = '{status}' }}"
                if who
                else f"{{ from = {first}, vacant = true }}"
                for first, who, status in flat["holders"]
            )
            quota = f"quota = {flat['quota']!r}\n" if flat.get("quota") else ""
            out.append(
                f"[[billing_point]]\nref = '{flat['name']}'\nname = 'Flat {flat['name']}'\n"
                f"building = 'h'\nposition = {n}\npriority = {flat.get('priority', 0)}\n{quota}"
                f"occupancies = [{held}]\n"
                f"[[meter]]\nref = 'z-{flat['name']}'\nname = 'Z {n}'\nsource = 'curve'\n"
                f"assignments = [{{ from = {begins}, billing_point = '{flat['name']}' }}]\n"
            )
        prices = ", ".join(f"{slot} = '{price}'" for slot, price in self.reference.items())
        windows = (
            "windows = [{ ref = 'w', standard = [{ days = 'mon-fri', from = '07:00', "
            "to = '20:00' }, { days = 'sat', from = '07:00', to = '13:00' }] }]\n"
        )
        first = min(sheet["from"] for sheet in self.sheets)
        last = max(sheet["to"] for sheet in self.sheets)
        out.append(
            f"[[reference_tariff]]\nref = 'std'\ntitle = 'Standard'\nfrom = {first}\nto = {last}\n"
            f"includes_vat = true\nprices = {{ {prices} }}\n"
            + (windows if "standard" in self.reference else "")
        )
        for n, sheet in enumerate(self.sheets):
            keys = "".join(
                f"{key} = {_word(value)}\n" for key, value in sheet.get("keys", {}).items()
            )
            out.append(
                f"[[price_sheet]]\nref = 's{n}'\ntitle = 'S{n}'\nfrom = {sheet['from']}\n"
                f"to = {sheet['to']}\nreference = 'std'\n{keys}"
                + ("" if "standard" in self.reference else windows)
            )
            for component in sheet["components"]:
                lines = "".join(f"{key} = {_word(value)}\n" for key, value in component.items())
                out.append(f"[[price_sheet.component]]\n{lines}")
        return "\n".join(out)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The site file and the load curve, in ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        site, curve = folder / f"{self.ref}.toml", folder / f"{self.ref}.csv"
        site.write_text(self.toml(), encoding="utf-8")
        with curve.open("w", newline="") as stream:
            rows = csv.writer(stream)
            rows.writerow(["meter", "obis", "start", "energy_kwh", "quality"])
            for (meter, obis), values in self.curves().items():
                for start, energy in zip(self.starts, values, strict=True):
                    stamp = f"{start:%Y-%m-%dT%H:%M:%SZ}"
                    rows.writerow([meter, obis, stamp, f"{energy / 1000:.3f}", "measured"])
        return site, curve

    def curves(self) -> dict[tuple[str, str], list[int]]:
        """Every register's energies; the grid meter balances the others."""
        out = {(meter, "1-1:1.29.0"): self.energy_wh[meter] for meter in self.meters}
        out |= {(roof, "1-1:2.29.0"): self.energy_wh[roof] for roof in self.roofs}
        rest = [
            sum(self.energy_wh[meter][t] for meter in self.meters)
            - sum(self.energy_wh[roof][t] for roof in self.roofs)
            for t in range(len(self.starts))
        ]
        out["netz", "1-1:1.29.0"] = [max(value, 0) for value in rest]
        out["netz", "1-1:2.29.0"] = [max(-value, 0) for value in rest]
        return out


def quarter_hours(from_date: date, to_date: date) -> list[datetime]:
    """The UTC starts of the local days' quarter-hours."""
    at = datetime.combine(from_date, time(), ZURICH).astimezone(UTC)
    end = datetime.combine(to_date, time(), ZURICH).astimezone(UTC)
    out = []
    while at < end:
        out.append(at)
        at += QUARTER
    return out


def fill(site: SmallSite, random: Random, *, plausible: bool = False) -> SmallSite:
    """Random energies for all of the site's period: idle and equal quarter-hours;
    unless ``plausible`` also huge ones, and solar energy by night."""
    site.starts = quarter_hours(site.from_date, site.to_date)
    site.energy_wh = {name: [] for name in [*site.meters, *site.roofs]}
    for start in site.starts:
        is_dark = plausible and not 6 <= start.hour < 16
        kind = random.random()
        same = random.randrange(400)
        for name in site.meters:
            value = 0 if kind < 0.05 else same if kind < 0.2 else random.randrange(600)
            site.energy_wh[name].append(value * 997 if kind >= 0.99 and not plausible else value)
        for name in site.roofs:
            made = (
                0 if is_dark or random.random() < 0.3 else random.randrange(500 * len(site.flats))
            )
            site.energy_wh[name].append(made // site.plants)
    return site


def simple(ref: str, from_date: date, to_date: date, **changes: object) -> SmallSite:
    """Two flats, solar energy at 0.20 and grid energy at 0.30; the rest as in ``changes``."""
    flats = [
        {"name": name, "holders": [(date(2020, 1, 1), f"{ref}-{name}", "tenant")]}
        for name in ("a", "b")
    ]
    sheet = {"from": date(2020, 1, 1), "to": date(2031, 1, 1), "components": SIMPLE_PRICES}
    site = SmallSite(ref, from_date, to_date, flats, "proportional", sheets=[sheet])
    for key, value in changes.items():
        assert hasattr(site, key), key
        setattr(site, key, value)
    return fill(site, Random(ref), plausible=True)


SIMPLE_PRICES = [
    {"ref": "solar", "label": "Solar", "flow": "solar", "unit": "kWh", "price": "0.20",
     "includes_vat": True},
    {"ref": "grid", "label": "Grid", "flow": "grid", "unit": "kWh", "price": "0.30",
     "includes_vat": True},
]  # fmt: skip


def random_site(ref: str, random: Random) -> SmallSite:
    """A site drawn from everything a site file can say about sharing and prices."""
    first = random.choice(
        [
            date(2025, 3, 29), date(2025, 10, 25), date(2023, 12, 31), date(2028, 2, 28),
            date(2024, 12, 30), date(2026, 6, 13), date(2025, 1, 31),
        ]
    )  # fmt: skip
    to_date = first + timedelta(days=random.randint(1, 3))
    count = random.randint(2, 5)
    rule = random.choice(["proportional", "equal", "quota", "priority"])
    rest = random.choice(["export", "proportional"])
    flats = []
    for n in range(count):
        status = random.choice(["tenant", "tenant", "co_owner", "owner", "common"])
        holders = [(date(2020, 1, 1), f"{ref}-p{n}", status)]
        if random.random() < 0.3 and (to_date - first).days > 1:
            holders.append(
                (first + timedelta(days=1), random.choice([f"{ref}-q{n}", ""]), "tenant")
            )
        flats.append(
            {
                "name": f"f{n}",
                "priority": random.randrange(3),
                "quota": f"{random.randrange(0, 100 // count) / 100}" if rule == "quota" else "",
                "holders": holders,
            }
        )
    params = f'params = {{ rest = "{rest}" }}\n' if rule == "quota" else ""
    dual = random.random() < 0.5
    cut = first + timedelta(days=1) if random.random() < 0.4 else None
    ends = date(2020, 1, 1), *([cut] if cut else []), date(2031, 1, 1)
    sheets = [
        {"from": a, "to": b, "components": _components(random, dual=dual)}
        for a, b in pairwise(ends)
    ]
    reference = {"standard": "0.45", "reduced": "0.40"} if dual else {"all": "0.4321"}
    site = SmallSite(
        ref, first, to_date, flats, rule, params, sheets,
        vat_liable=random.random() < 0.6, plants=random.randint(1, 2), reference=reference,
    )  # fmt: skip
    return fill(site, random)


def _components(random: Random, *, dual: bool) -> list[dict]:
    def price(low: int, high: int) -> str:
        digits = random.choice([2, 4, 5])
        return f"{random.uniform(low, high) / 100:.{digits}f}"

    def energy(ref: str, flow: str, low: int, high: int, **more: object) -> dict:
        one = {"ref": ref, "label": ref, "flow": flow, "unit": "kWh", "price": price(low, high)}
        return one | {"includes_vat": random.random() < 0.5} | more

    out = []
    if dual:
        out += [
            energy(f"solar-{slot}", "solar", 8, 28, slot=slot, windows="w")
            for slot in ("standard", "reduced")
        ]
    elif random.random() < 0.3:
        one = energy("solar", "solar", 8, 28)
        one.pop("price")
        out.append(one | {"percent_of_standard": "72.5", "includes_vat": True})
    else:
        out.append(energy("solar", "solar", 8, 28))
    if random.random() < 0.5:
        out += [
            energy(f"grid-{slot}", "grid", 10, 40, slot=slot, windows="w")
            for slot in ("standard", "reduced")
        ]
    else:
        out.append(energy("grid", "grid", 10, 40))
    if random.random() < 0.7:
        levy = energy("levy", "grid", 1, 4, part="levies", vat="levy", vat_reason="Abgabe")
        out.append(levy | {"includes_vat": False})
    if random.random() < 0.5:
        out.append(energy("all", "total", 1, 2, part="network"))
    if random.random() < 0.5:
        out.append(
            {"ref": "fee", "label": "fee", "unit": "day", "price": price(5, 90),
             "includes_vat": random.random() < 0.5}
        )  # fmt: skip
    return out


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}'"
