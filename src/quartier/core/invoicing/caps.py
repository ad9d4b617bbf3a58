"""What tenants may be billed for internal costs: EnV Art. 16 (rules.md a.2, [S1][S2]).

The test runs per participant, tariff segment and period, on unrounded values, VAT included. It
binds toward tenants; co-owners, the owner and common areas are exempt and the proof says which.
The law's values are passed in (``CapLaw``); markets hold them.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from quartier.core.invoicing.cap_law import CapLaw, NoCapMethod
from quartier.core.invoicing.document import CapProof, CapSegment, CapStatus
from quartier.core.invoicing.frozen import sha256_of
from quartier.core.invoicing.rounding import net_limit
from quartier.core.invoicing.tax import Supply, VatTable, with_vat
from quartier.core.kernel.energy import kwh_of_wh
from quartier.core.kernel.findings import Finding, error
from quartier.core.kernel.money import EXACT, ZERO, product, total
from quartier.core.rating.rated import Rated, RatedLine, RatedSegment
from quartier.core.rating.sheet import SOLAR, CapMethod, PriceSheet, Reference, Slot

_HUNDRED = Decimal(100)
_Range = tuple[date, date]


@dataclass(frozen=True, slots=True)
class Limit:
    """A limiting line: ``net`` (>= 0) comes off under the VAT treatment of line ``like``."""

    sheet: PriceSheet
    from_date: date
    to_date: date
    like: int
    net: Decimal
    gross: Decimal


def cap_price(law: CapLaw, sheet: PriceSheet, reference_price: Decimal) -> Decimal:
    """The highest internal price per kWh against ``reference_price``, both VAT included.

    Never below 0 and never above the reference. Raises :class:`NoCapMethod` where the law has no
    flat method on its dates.
    """
    if sheet.cap_method is CapMethod.FLAT:
        if law.flat_percent is None:
            raise NoCapMethod(f"the flat method does not exist in {law.valid}")
        return EXACT.divide(EXACT.multiply(law.flat_percent, reference_price), _HUNDRED)
    effective = sheet.effective_price_per_kwh
    assert effective is not None, "a sheet is validated before it is used"
    return effective_cap_price(effective, reference_price, law.owner_percent)


def effective_cap_price(
    effective_price: Decimal, reference_price: Decimal, owner_percent: Decimal
) -> Decimal:
    """``p_eff + 0.5 x (ref - p_eff)`` below the reference, the reference above it (Art. 16(2),
    (3)); never below 0."""
    if effective_price >= reference_price:
        return reference_price
    saving = EXACT.subtract(reference_price, effective_price)
    kept = EXACT.divide(EXACT.multiply(saving, owner_percent), _HUNDRED)
    return max(EXACT.add(effective_price, kept), ZERO)


def check_caps(
    rated: Rated,
    supplies: Sequence[Supply],
    amounts: Sequence[Decimal],
    *,
    status: CapStatus,
    law: CapLaw,
    vat: VatTable,
) -> tuple[tuple[CapProof, ...], tuple[Limit, ...], tuple[Finding, ...]]:
    """The proofs of a participant, a sheet each; the limiting lines; what stops the invoice.

    ``supplies`` and ``amounts`` (exact, net) are those of ``rated.lines``. A tenant above the cap
    gets a limiting line if the sheet allows it, else the finding ``cap.exceeded`` with household
    and amount. Internal fees that are not solar energy are shared out over the sheet's segments
    in proportion to their caps (docs/algorithms/caps.md).
    """
    gross = {
        n: supplies[n].gross(amounts[n])
        for n, line in enumerate(rated.lines)
        if line.component.is_internal
    }
    proofs: list[CapProof] = []
    limits: list[Limit] = []
    findings: list[Finding] = []
    binding = status is CapStatus.TENANT
    for sheet in {id(line.sheet): line.sheet for line in rated.lines}.values():
        internal = [n for n in gross if rated.lines[n].sheet is sheet]
        if not internal:
            continue
        if sheet.reference is None:
            if binding and any(gross[n] for n in internal):
                findings.append(_no_reference(rated, sheet))
            continue
        proof, found = _prove(rated, supplies, gross, sheet, internal, status, law, vat)
        excess = total([one.gross for one in found])
        if binding and found and not sheet.limits_to_cap:
            findings.append(_exceeded(rated, sheet, proof, excess))
        elif binding:
            limits.extend(found)
            proof = _limited(proof, excess)
        proofs.append(proof)
    return tuple(proofs), tuple(limits), tuple(findings)


def _prove(
    rated: Rated,
    supplies: Sequence[Supply],
    gross: Mapping[int, Decimal],
    sheet: PriceSheet,
    internal: Sequence[int],
    status: CapStatus,
    law: CapLaw,
    vat: VatTable,
) -> tuple[CapProof, list[Limit]]:
    assert sheet.reference is not None
    ranges: dict[_Range, list[RatedSegment]] = defaultdict(list)
    for one in rated.segments:
        if one.sheet is sheet:
            ranges[one.from_date, one.to_date].append(one)
    fees = total([gross[n] for n in internal if not _is_solar_energy(rated.lines[n])])
    if fees and not ranges:
        without = _without_energy(rated, sheet, internal)
        ranges[without.from_date, without.to_date] = [without]
    segments = [one for group in ranges.values() for one in group]
    solar_only = [
        _segment(one, rated, supplies, sheet, law, vat, long=len(ranges) > 1) for one in segments
    ]
    proved = _with_fees(solar_only, fees)
    limits: list[Limit] = []
    for dates in ranges:
        over = total(
            [
                max(ZERO, EXACT.subtract(shown.billed_exact, shown.cap_exact))
                for shown, one in zip(proved, segments, strict=True)
                if (one.from_date, one.to_date) == dates
            ]
        )
        if over > 0:
            charged = [n for n in internal if gross[n] > 0]
            inside = [
                n for n in charged if (rated.lines[n].from_date, rated.lines[n].to_date) == dates
            ]
            limits.extend(_limits(sheet, dates, over, inside or charged, supplies, gross))
    flat = sheet.cap_method is CapMethod.FLAT
    proof = CapProof(
        method=sheet.cap_method.value,
        status=status,
        article=law.flat_article if flat else law.effective_article,
        tariff_snapshot=snapshot_of(sheet.reference),
        segments=tuple(proved),
        cap_exact=total([one.cap_exact for one in proved]),
        billed_exact=total([one.billed_exact for one in proved]),
        limited_by_exact=ZERO,
    )
    return proof, limits


def _limits(
    sheet: PriceSheet,
    dates: _Range,
    over: Decimal,
    charged: Sequence[int],
    supplies: Sequence[Supply],
    gross: Mapping[int, Decimal],
) -> list[Limit]:
    """``over`` taken off in proportion to what was charged under each VAT treatment, so that an
    exempt fee above the cap does not lessen the VAT of the energy."""
    treated: dict[tuple[str, Decimal], list[int]] = defaultdict(list)
    for n in charged:
        treated[supplies[n].category.value, supplies[n].percent].append(n)
    whole = total([gross[n] for n in charged])
    out: list[Limit] = []
    left = over
    for number, lines in enumerate(treated.values(), 1):
        share = left
        if number < len(treated):
            part = total([gross[n] for n in lines])
            share = EXACT.divide(EXACT.multiply(over, part), whole)
        left = EXACT.subtract(left, share)
        percent = supplies[lines[0]].percent
        net = net_limit(share, percent)
        out.append(Limit(sheet, *dates, lines[0], net, with_vat(net, percent)))
    return out


def _without_energy(rated: Rated, sheet: PriceSheet, internal: Sequence[int]) -> RatedSegment:
    """The segment of somebody whom the sheet bills internal fees and no energy at all, e.g. for a
    place without a meter: nothing was saved, so its cap is 0."""
    assert sheet.reference is not None
    lines = [rated.lines[n] for n in internal]
    one = sheet.reference.prices[0]
    return RatedSegment(
        sheet,
        lines[0].component.solution,
        one.slot,
        min(line.from_date for line in lines),
        max(line.to_date for line in lines),
        0,
        one.price_per_kwh,
        (),
    )


def _segment(
    one: RatedSegment,
    rated: Rated,
    supplies: Sequence[Supply],
    sheet: PriceSheet,
    law: CapLaw,
    vat: VatTable,
    *,
    long: bool,
) -> CapSegment:
    assert sheet.reference is not None
    price = one.reference_price
    if not sheet.reference.includes_vat:
        price = with_vat(price, vat.rate(sheet.reference.vat_code, one.from_date).percent)
    billed = total(
        [
            supplies[n].gross(product(kwh_of_wh(energy_wh), supplies[n].price))
            for n, energy_wh in one.charged
        ]
    )
    words = [one.slot.value if one.slot is not Slot.ALL else "all"]
    if len({other.solution for other in rated.segments}) > 1:
        words.insert(0, one.solution)
    if long:
        words.append(f"{one.from_date}/{one.to_date}")
    return CapSegment(
        segment=" ".join(words),
        solar_wh=one.solar_wh,
        reference_price=price,
        cap_exact=product(kwh_of_wh(one.solar_wh), cap_price(law, sheet, price)),
        billed_exact=billed,
    )


def _with_fees(segments: Sequence[CapSegment], fees: Decimal) -> list[CapSegment]:
    """``fees`` shared out in proportion to the caps; the last share takes the exact rest."""
    if not fees or not segments:
        return list(segments)
    caps = total([one.cap_exact for one in segments])
    out: list[CapSegment] = []
    left = fees
    for number, one in enumerate(segments, 1):
        if number == len(segments):
            share = left
        elif caps:
            share = EXACT.divide(EXACT.multiply(fees, one.cap_exact), caps)
        else:
            share = ZERO
        left = EXACT.subtract(left, share)
        out.append(
            CapSegment(
                one.segment,
                one.solar_wh,
                one.reference_price,
                one.cap_exact,
                EXACT.add(one.billed_exact, share),
            )
        )
    return out


def _is_solar_energy(line: RatedLine) -> bool:
    return line.component.flow == SOLAR and line.quantity_wh is not None


def _limited(proof: CapProof, excess: Decimal) -> CapProof:
    return CapProof(
        proof.method,
        proof.status,
        proof.article,
        proof.tariff_snapshot,
        proof.segments,
        proof.cap_exact,
        proof.billed_exact,
        excess,
    )


def _exceeded(rated: Rated, sheet: PriceSheet, proof: CapProof, excess: Decimal) -> Finding:
    billed, cap = proof.billed_exact, proof.cap_exact
    return error(
        "cap.exceeded",
        f"Internal costs of {sheet.currency} {billed:.4f} are {excess:.4f} above the cap of "
        f"{cap:.4f} (EnV Art. 16, {proof.article}) in the price sheet {sheet.ref!r}.",
        where=rated.participant.ref,
        remedy="Lower the internal prices, or let the sheet add the line that limits them.",
    )


def _no_reference(rated: Rated, sheet: PriceSheet) -> Finding:
    return error(
        "cap.no_reference",
        f"The price sheet {sheet.ref!r} bills internal costs to a tenant and has no standard "
        f"product to check them against (EnV Art. 16).",
        where=rated.participant.ref,
        remedy="Add the DSO's standard product to the price sheet.",
    )


@lru_cache(maxsize=256)
def snapshot_of(reference: Reference) -> str:
    """Ref and hash of the reference tariff, as printed on every invoice (rules.md a.2)."""
    return f"{reference.ref} sha256:{sha256_of(reference)}"
