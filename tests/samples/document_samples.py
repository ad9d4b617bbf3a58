"""Documents for the tests of formats and printing, put together by hand: every amount is worked
out here from quantity x price, without the code under test."""

from datetime import date, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

from msgspec.structs import replace

from quartier.core.invoicing.document import (
    SCHEMA,
    Address,
    CapProof,
    CapSegment,
    CapStatus,
    Document,
    Energy,
    EnergyBar,
    Input,
    Issuer,
    Kind,
    Line,
    Payment,
    Place,
    Recipient,
    Section,
    VatCategory,
    VatGroup,
)

CENT = Decimal("0.01")
FROM, TO = date(2026, 7, 1), date(2026, 10, 1)
NORMAL = Decimal("8.1")
LEVY = "Abgabe ohne MWST (Art. 18 MWSTG)"
ISSUER = Address("Sonnenhof Energie AG", "Dorfstrasse", "12", "8400", "Winterthur", "CH")
HOUSE = Address("", "Gartenweg", "7", "8400", "Winterthur", "CH")
TENANT = Address("Anna Brändli-Rossi", "Gartenweg", "7", "8400", "Winterthur", "CH")
QR_IBAN, IBAN = "CH4431999123000889012", "CH5800791123000889012"


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def line(
    label: str,
    quantity: str,
    unit: str,
    price: str,
    *,
    category: VatCategory = VatCategory.STANDARD,
    rate: Decimal = NORMAL,
    reason: str = "",
    flow: str = "",
    slot: str = "all",
    internal: bool = False,
    from_date: date = FROM,
    to_date: date = TO,
    note: str = "",
    component: str = "",
) -> Line:
    amount = Decimal(quantity) * Decimal(price)
    return Line(
        id="",
        component=component or label.lower().replace(" ", "-"),
        sheet="tarif-2026",
        label=label,
        flow=flow,
        slot=slot,
        quantity=Decimal(quantity),
        unit=unit,
        price=Decimal(price),
        amount_exact=amount,
        amount=cents(amount),
        vat_category=category,
        vat_rate=rate if category is VatCategory.STANDARD else Decimal(0),
        vat_reason=reason,
        is_internal=internal,
        from_date=from_date,
        to_date=to_date,
        quantity_wh=int(Decimal(quantity) * 1000) if unit == "kWh" else None,
        note=note,
    )


def section(solution: str, title: str, *lines: Line) -> Section:
    exact = sum((one.amount_exact for one in lines), Decimal(0))
    subtotal = cents(exact)
    floors = [one.amount_exact.quantize(CENT, ROUND_FLOOR) for one in lines]
    left = int((subtotal - sum(floors, Decimal(0))) / CENT)
    order = sorted(range(len(lines)), key=lambda i: (floors[i] - lines[i].amount_exact, i))
    for i in order[:left]:
        floors[i] += CENT
    return Section(
        solution,
        title,
        tuple(
            replace(one, id=f"{solution}-{number}", amount=amount)
            for number, (one, amount) in enumerate(zip(lines, floors, strict=True), 1)
        ),
        exact,
        subtotal,
    )


def vat_of(sections: tuple[Section, ...]) -> tuple[VatGroup, ...]:
    groups: dict[tuple[VatCategory, Decimal, str], Decimal] = {}
    for one in (line for part in sections for line in part.lines):
        key = (one.vat_category, one.vat_rate, one.vat_reason)
        groups[key] = groups.get(key, Decimal(0)) + one.amount_exact
    return tuple(
        VatGroup(
            category,
            rate,
            exact,
            cents(exact),
            cents(exact) * rate / 100,
            cents(cents(exact) * rate / 100),
            reason,
        )
        for (category, rate, reason), exact in groups.items()
    )


def energy(from_date: date = FROM, to_date: date = TO, days: int = 7) -> Energy:
    """Bars of whole weeks that begin on Monday, or of single days; some are estimated."""
    bars = []
    day = from_date
    while day < to_date:
        number = len(bars)
        end = min(day + timedelta(days=days - (day.weekday() % days)), to_date)
        length = (end - day).days
        solar = length * (2650 - 23 * number + (number * 733) % 900)
        grid = length * (2650 + 60 * number + (number * 397) % 700)
        bars.append(EnergyBar(day, end, solar, grid, number in (5, 6)))
        day = end
    if (from_date, to_date) == (FROM, TO):  # the last bar takes what is missing to the lines
        solar = 281_234 - sum(bar.solar_wh for bar in bars[:-1])
        grid = 312_379 - sum(bar.grid_wh for bar in bars[:-1])
        bars[-1] = replace(bars[-1], solar_wh=solar, grid_wh=grid)
    solar, grid = sum(bar.solar_wh for bar in bars), sum(bar.grid_wh for bar in bars)
    return Energy(solar + grid, solar, grid, tuple(bars), 7 * 96)


def cap(status: CapStatus = CapStatus.TENANT, limited: str = "0") -> CapProof:
    bound = status is CapStatus.TENANT
    segments = (
        CapSegment("standard", 161_230, Decimal("0.3145"), Decimal("40.565"), Decimal("33.8583")),
        CapSegment("reduced", 120_004, Decimal("0.2610"), Decimal("25.057"), Decimal("24.0008")),
    )
    return CapProof(
        method="flat",
        status=status,
        article="Art. 16 Abs. 1 Bst. b EnV",
        tariff_snapshot="ewz-h4-2026 3f9ac1d2",
        segments=segments if bound else (),
        cap_exact=Decimal("65.622") if bound else Decimal(0),
        billed_exact=Decimal("57.8591") if bound else Decimal(0),
        limited_by_exact=Decimal(limited),
    )


def document(
    *sections: Section,
    language: str = "de",
    number: str = "2026-000123",
    recipient: Address = TENANT,
    vat_liable: bool = True,
    caps: tuple[CapProof, ...] = (),
    chart: Energy | None = None,
    reference_type: str = "QRR",
    notes: tuple[str, ...] = (),
    from_date: date = FROM,
    to_date: date = TO,
) -> Document:
    net_exact = sum((part.subtotal_exact for part in sections), Decimal(0))
    vat = vat_of(sections)
    tax = sum((group.tax for group in vat), Decimal(0))
    total = cents(net_exact) + tax
    reference = {
        "QRR": "000000000000042000000001236",
        "SCOR": "RF18539007547034",
        "NON": "",
    }[reference_type]
    return Document(
        schema=SCHEMA,
        kind=Kind.INVOICE,
        number=number,
        supersedes="",
        language=language,
        currency="CHF",
        issuer=Issuer(
            ISSUER,
            vat_liable,
            "CHE-107.978.798",
            "rechnung@sonnenhof.example",
            "+41 52 555 01 10",
            "sonnenhof.example",
        ),
        recipient=Recipient("W-204", recipient, "anna@example.ch", ""),
        place=Place(
            "sonnenhof",
            "Sonnenhof",
            "Haus A",
            "A-2-04",
            "Wohnung 2.04",
            HOUSE,
            "Europe/Zurich",
        ),
        from_date=from_date,
        to_date=to_date,
        issued_date=date(2026, 10, 5),
        due_date=date(2026, 11, 4),
        sections=sections,
        vat=vat,
        net_exact=net_exact,
        net=cents(net_exact),
        tax=tax,
        total=total,
        caps=caps,
        energy=chart,
        payment=Payment(
            QR_IBAN if reference_type == "QRR" else IBAN,
            ISSUER,
            reference_type,
            reference,
            total,
            "CHF",
            f"Rechnung {number}",
            f"//S1/10/{number}/11/261005/30/107978798/31/260701260930/40/0:30",
        )
        if total > 0
        else None,
        inputs=(Input("price_sheet", "tarif-2026", "ab" * 32),),
        notes=notes,
    )


def electricity(title: str = "Strom") -> Section:
    levy = {"category": VatCategory.EXEMPT, "reason": LEVY}
    return section(
        "electricity",
        title,
        line("Solarstrom Hochtarif", "161.230", "kWh", "0.2100", flow="solar", internal=True),
        line("Solarstrom Niedertarif", "120.004", "kWh", "0.2000", flow="solar", internal=True),
        line("Netzstrom Hochtarif", "193.477", "kWh", "0.28455", flow="grid", slot="standard"),
        line("Netzstrom Niedertarif", "118.902", "kWh", "0.23155", flow="grid", slot="reduced"),
        line("Netzzuschlag Art. 35 EnG", "312.379", "kWh", "0.0230", flow="grid", **levy),
        line("Konzessionsabgabe", "312.379", "kWh", "0.00475", flow="grid", **levy),
        line("Messung und Abrechnung", "3", "month", "4.50", note="inbegriffen: Portal"),
    )


def plain(**changes: object) -> Document:
    """A tenant's quarter: two solar and two grid prices, levies, a fee, the proof, the chart."""
    return document(electricity(), caps=(cap(),), chart=energy(), **changes)


def one_line(**changes: object) -> Document:
    only = line("Solarstrom", "100.000", "kWh", "0.2", flow="solar", internal=True)
    start, end = date(2026, 7, 1), date(2026, 8, 1)
    only = replace(only, from_date=start, to_date=end)
    return document(
        section("electricity", "Strom", only),
        chart=energy(start, end, days=1),
        from_date=start,
        to_date=end,
        **changes,
    )


def sixty_lines() -> Document:
    lines = [
        line(f"Ladevorgang {n:02d}, Parkplatz 17", f"{n}.{n:03d}", "kWh", "0.3133", flow="total")
        for n in range(1, 61)
    ]
    return document(
        electricity(), section("charging", "Laden", *lines), chart=energy(), caps=(cap(),)
    )


def two_rates() -> Document:
    """A supply over a change of the rate of VAT."""
    turn = date(2024, 1, 1)
    start, end = date(2023, 12, 1), date(2024, 2, 1)
    old = line(
        "Netzstrom", "80.333", "kWh", "0.3133", rate=Decimal("7.7"), from_date=start, to_date=turn
    )
    new = line("Netzstrom", "75.001", "kWh", "0.3299", from_date=turn, to_date=end)
    return document(section("electricity", "Strom", old, new), from_date=start, to_date=end)


def not_liable() -> Document:
    """An issuer without VAT: everything is category O."""
    outside = {"category": VatCategory.OUTSIDE, "rate": Decimal(0)}
    return document(
        section(
            "electricity",
            "Strom",
            line("Solarstrom", "281.234", "kWh", "0.21", flow="solar", internal=True, **outside),
            line("Netzstrom", "312.379", "kWh", "0.3111", flow="grid", **outside),
        ),
        vat_liable=False,
        chart=energy(),
        caps=(cap(CapStatus.CO_OWNER),),
    )


def every_unit() -> Document:
    lines = [
        line("Solarstrom", "281.234", "kWh", "0.21"),
        line("Leistung", "7.412", "kW", "3.85"),
        line("Kaltwasser", "12.345", "m3", "2.15"),
        line("Grundgebühr", "92", "day", "0.11"),
        line("Stellplatz", "3", "month", "35"),
        line("Zählermiete", "0.25", "year", "48"),
        line("Papierrechnung", "1", "billing_point", "1.85"),
        line("Nichts verbraucht", "0.000", "kWh", "0.28"),
        line("Begrenzung nach EnV Art. 16", "281.234", "kWh", "-0.0133", internal=True),
    ]
    return document(section("electricity", "Strom", *lines))


def credit_note(of: Document | None = None) -> Document:
    """The credit note that cancels an invoice: every quantity and amount turned."""
    of = of or plain()
    sections = tuple(
        replace(
            part,
            lines=tuple(
                replace(
                    one,
                    quantity=-one.quantity,
                    amount=-one.amount,
                    amount_exact=-one.amount_exact,
                    quantity_wh=None if one.quantity_wh is None else -one.quantity_wh,
                )
                for one in part.lines
            ),
            subtotal=-part.subtotal,
            subtotal_exact=-part.subtotal_exact,
        )
        for part in of.sections
    )
    vat = tuple(
        replace(
            group,
            base=-group.base,
            base_exact=-group.base_exact,
            tax=-group.tax,
            tax_exact=-group.tax_exact,
        )
        for group in of.vat
    )
    return replace(
        of,
        kind=Kind.CREDIT_NOTE,
        number="2026-000124",
        supersedes=of.number,
        sections=sections,
        vat=vat,
        net=-of.net,
        net_exact=-of.net_exact,
        tax=-of.tax,
        total=-of.total,
        payment=None,
    )


def long_names() -> Document:
    """A name of 70 characters, a foreign address, and lines longer than their column."""
    who = Address(
        "Wohnbaugenossenschaft Energieversorgungsgemeinschaft Obere Mühlematte I",
        "Liegenschaftsverwaltungsstrasse am Elektrizitätswerk",
        "128b",
        "79100",
        "Freiburg im Breisgau",
        "DE",
        extra="c/o Treuhand- und Immobilienbewirtschaftungsgesellschaft mbH",
    )
    long = line(
        "Elektrizitätsversorgungsnetznutzungsentgelt Wirkenergie Einheitstarif, "
        "inbegriffen Systemdienstleistungen und Stromreserve des Übertragungsnetzes",
        "1234567.891",
        "kWh",
        "0.123456",
        flow="grid",
    )
    return document(
        electricity(),
        section("charging", "Laden", long),
        recipient=replace(who, name=who.name[:70]),
    )


def largest() -> Document:
    """The largest amount a QR-bill can hold."""
    only = line("Netzstrom", "1", "billing_point", "999999999.99", category=VatCategory.OUTSIDE)
    return document(section("electricity", "Strom", only), vat_liable=False)


def prepaid() -> Document:
    """Advance payments taken off, and the rest rounded to 0.05."""
    of = plain()
    rounding = Decimal("0.02")
    payable = of.total - Decimal("150.00") + rounding
    assert of.payment is not None
    return replace(
        of,
        prepaid=Decimal("150.00"),
        rounding=rounding,
        payment=replace(of.payment, amount=payable),
    )


def overpaid() -> Document:
    """Advance payments above the total: nothing to pay, a credit."""
    return replace(plain(), prepaid=Decimal("400.00"), payment=None)


def many_solutions() -> Document:
    """More solutions than a first page can list beside the payment part, and long places."""
    parts = [
        section(f"s{n}", f"Gemeinschaftseinrichtung {n}", line("Bezug", "10", "kWh", "0.3"))
        for n in range(1, 25)
    ]
    of = document(electricity(), *parts, chart=energy(), caps=(cap(limited="1.2345"),))
    place = replace(
        of.place, site_name="Genossenschaftssiedlung Obere Mühlematte, Bauetappe drei und vier " * 2
    )
    return replace(of, place=place, notes=("Ihr Zähler wurde am 14.08.2026 getauscht.",))


ALL = {
    "many_solutions": many_solutions,
    "plain": plain,
    "one_line": one_line,
    "sixty_lines": sixty_lines,
    "two_rates": two_rates,
    "not_liable": not_liable,
    "every_unit": every_unit,
    "credit_note": credit_note,
    "long_names": long_names,
    "largest": largest,
    "prepaid": prepaid,
    "overpaid": overpaid,
    "scor": lambda: plain(reference_type="SCOR"),
    "non": lambda: plain(reference_type="NON"),
}
