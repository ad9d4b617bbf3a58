"""From rated lines to a frozen document (issue: rating and invoicing; rules.md d.3, W1).

The amount of a line is quantity x price, kept unrounded. VAT bases, taxes and subtotals are
rounded from unrounded sums; line amounts are whole cents spread so that they add up. Total is net
plus tax (EN 16931 BR-CO-15), net the sum of the bases (BR-CO-10, BR-CO-13).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from quartier.core.invoicing.cap_law import CapLaw
from quartier.core.invoicing.caps import Limit, check_caps
from quartier.core.invoicing.document import (
    SCHEMA,
    CapProof,
    CapStatus,
    Document,
    Energy,
    Input,
    Issuer,
    Kind,
    Line,
    Payment,
    Place,
    Recipient,
    Section,
    VatGroup,
)
from quartier.core.invoicing.rounding import Rounding, cash_rounding, spread_table
from quartier.core.invoicing.tax import Supply, VatTable, supply_of, vat_groups
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.money import ZERO, product, total
from quartier.core.rating.rated import Rated, RatedLine
from quartier.core.rating.sheet import Slot, Unit, text_in

LIMIT_COMPONENT = "cap-limit"
"""Component ref of the line "Begrenzung nach EnV Art. 16"."""


class NothingToBill(ValueError):
    """The participant has no line at all, so there is no document to make."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What all documents of a run share: the market's values and the issuer's practice.

    ``cap_law`` None is a country, or a community, without EnV Art. 16. ``cash_rounding`` adds the
    separate rounding to 0.05.
    """

    currency: str
    vat: VatTable
    cap_law: CapLaw | None
    rounding: Rounding = Rounding.CENT_HALF_UP
    cash_rounding: bool = False
    _supplies: dict[tuple[object, ...], tuple[RatedLine, Supply]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        assert self.rounding is not Rounding.CASH_5_HALF_UP, "cash rounding is a line of its own"

    def supply(self, line: RatedLine, *, vat_liable: bool, language: str) -> Supply:
        """The VAT treatment of ``line`` (``tax.supply_of``), found once for all participants who
        have the same component at the same price. By identity: comparing takes as long as
        finding; what is kept beside it keeps the identities from being given again."""
        key = (id(line.component), id(line.price), line.from_date, vat_liable, language)
        if key not in self._supplies:
            found = supply_of(
                line.component,
                line.price,
                line.from_date,
                vat_liable=vat_liable,
                table=self.vat,
                language=language,
            )
            self._supplies[key] = line, found
        return self._supplies[key][1]


class _Draft(NamedTuple):
    """A line before its whole cents are known."""

    solution: str
    component: str
    sheet: str
    label: str
    flow: str
    slot: str
    quantity: Decimal
    unit: str
    price: Decimal
    amount_exact: Decimal
    supply: Supply
    is_internal: bool
    from_date: date
    to_date: date
    quantity_wh: int | None


def invoice(
    rated: Rated,
    terms: Terms,
    *,
    issuer: Issuer,
    recipient: Recipient,
    place: Place,
    cap_status: CapStatus,
    language: str,
    issued_date: date,
    due_date: date,
    inputs: Sequence[Input],
    energy: Energy | None = None,
    payment: Payment | None = None,
    prepaid: Decimal = ZERO,
    notes: Sequence[str] = (),
    number: str = "",
    supersedes: str = "",
) -> tuple[Document, tuple[Finding, ...]]:
    """The frozen document of ``rated``, and what was noticed; an error stops its issue.

    ``payment`` is completed with the amount to pay and the currency; a document with nothing to
    pay has none. Raises :class:`NothingToBill`, ``tax.NoVatRate`` and ``cap_law.NoCapMethod``.
    """
    dates = rated.participant.dates
    assert dates.to_date is not None
    if not rated.lines:
        raise NothingToBill(f"{rated.participant.ref} has nothing to bill in {dates}")
    supplies = [
        terms.supply(line, vat_liable=issuer.vat_liable, language=language) for line in rated.lines
    ]
    amounts = [
        line.amount_exact if supply.price is line.price else product(line.quantity, supply.price)
        for line, supply in zip(rated.lines, supplies, strict=True)
    ]
    findings = list(_currency_findings(rated, terms))
    caps: tuple[CapProof, ...] = ()
    limits: tuple[Limit, ...] = ()
    if terms.cap_law is not None:
        caps, limits, found = check_caps(
            rated, supplies, amounts, status=cap_status, law=terms.cap_law, vat=terms.vat
        )
        findings.extend(found)
    drafts = _drafts(rated, supplies, amounts, language)
    _add_limits(drafts, limits, rated, supplies, terms, language)
    sections, bases = _rounded(drafts, rated, terms, language)
    net = total([group.base for group in bases])
    tax = total([group.tax for group in bases])
    rounding = cash_rounding(net + tax - prepaid) if terms.cash_rounding else ZERO
    document = Document(
        schema=SCHEMA,
        kind=Kind.INVOICE,
        number=number,
        supersedes=supersedes,
        language=language,
        currency=terms.currency,
        issuer=issuer,
        recipient=recipient,
        place=place,
        from_date=dates.from_date,
        to_date=dates.to_date,
        issued_date=issued_date,
        due_date=due_date,
        sections=sections,
        vat=bases,
        net_exact=total([group.base_exact for group in bases]),
        net=net,
        tax=tax,
        total=net + tax,
        caps=caps,
        energy=energy,
        payment=_filled(payment, net + tax - prepaid + rounding, terms.currency),
        inputs=tuple(inputs),
        notes=tuple(notes),
        prepaid=prepaid,
        rounding=rounding,
    )
    return document, tuple(findings)


def _filled(payment: Payment | None, payable: Decimal, currency: str) -> Payment | None:
    if payment is None or payable <= 0:
        return None
    return structs.replace(payment, amount=payable, currency=currency)


def _currency_findings(rated: Rated, terms: Terms) -> list[Finding]:
    sheets = {id(line.sheet): line.sheet for line in rated.lines}.values()
    return [
        error(
            "invoice.currency",
            f"The price sheet {sheet.ref!r} is in {sheet.currency}, "
            f"the invoice in {terms.currency}.",
            where=rated.participant.ref,
            remedy="Use one currency for a site.",
        )
        for sheet in sheets
        if sheet.currency != terms.currency
    ]


def _drafts(
    rated: Rated, supplies: Sequence[Supply], amounts: Sequence[Decimal], language: str
) -> list[_Draft]:
    return [
        _Draft(
            line.component.solution,
            line.component.ref,
            line.sheet.ref,
            text_in(line.component.label, language),
            line.component.flow,
            line.component.slot.value,
            line.quantity,
            line.unit.value,
            supply.price,
            amount,
            supply,
            line.component.is_internal,
            line.from_date,
            line.to_date,
            line.quantity_wh,
        )
        for line, supply, amount in zip(rated.lines, supplies, amounts, strict=True)
    ]


def _add_limits(
    drafts: list[_Draft],
    limits: Sequence[Limit],
    rated: Rated,
    supplies: Sequence[Supply],
    terms: Terms,
    language: str,
) -> None:
    """Each limiting line after the last internal line of its sheet's solution."""
    for limit in limits:
        assert terms.cap_law is not None
        solution = rated.lines[limit.like].component.solution
        after = max(
            n
            for n, other in enumerate(drafts)
            if other.solution == solution and other.sheet == limit.sheet.ref and other.is_internal
        )
        line = _Draft(
            solution,
            LIMIT_COMPONENT,
            limit.sheet.ref,
            text_in(terms.cap_law.limit_label, language),
            "",
            Slot.ALL.value,
            Decimal(1),
            Unit.BILLING_POINT.value,
            -limit.net,
            -limit.net,
            supplies[limit.like],
            True,
            limit.from_date,
            limit.to_date,
            None,
        )
        drafts.insert(after + 1, line)


def _rounded(
    drafts: Sequence[_Draft], rated: Rated, terms: Terms, language: str
) -> tuple[tuple[Section, ...], tuple[VatGroup, ...]]:
    groups = vat_groups(
        (
            ((one.supply.category, one.supply.percent, one.supply.reason), one.amount_exact)
            for one in drafts
        ),
        terms.rounding,
    )
    cents = spread_table(
        [
            (one.solution, (one.supply.category, one.supply.percent), one.amount_exact)
            for one in drafts
        ],
        {(group.category, group.rate): group.base for group in groups},
    )
    by_solution: dict[str, list[tuple[_Draft, Decimal]]] = {}
    for one, amount in zip(drafts, cents, strict=True):
        by_solution.setdefault(one.solution, []).append((one, amount))
    sections = []
    number = 0
    for solution, members in by_solution.items():
        lines = tuple(_line(n, *one) for n, one in enumerate(members, number + 1))
        number += len(lines)
        sections.append(
            Section(
                solution=solution,
                title=_title(rated, solution, language),
                lines=lines,
                subtotal_exact=total([line.amount_exact for line in lines]),
                subtotal=total([line.amount for line in lines]),
            )
        )
    return tuple(sections), groups


def _line(number: int, one: _Draft, amount: Decimal) -> Line:
    return Line(
        id=str(number),
        component=one.component,
        sheet=one.sheet,
        label=one.label,
        flow=one.flow,
        slot=one.slot,
        quantity=one.quantity,
        unit=one.unit,
        price=one.price,
        amount_exact=one.amount_exact,
        amount=amount,
        vat_category=one.supply.category,
        vat_rate=one.supply.percent,
        vat_reason=one.supply.reason,
        is_internal=one.is_internal,
        from_date=one.from_date,
        to_date=one.to_date,
        quantity_wh=one.quantity_wh,
    )


def _title(rated: Rated, solution: str, language: str) -> str:
    for line in rated.lines:
        if line.component.solution == solution:
            return line.sheet.title_of(solution, language)
    raise AssertionError("a section has a line")
