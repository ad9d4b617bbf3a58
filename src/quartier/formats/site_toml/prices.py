"""Price sheets and reference tariffs of a site file, to the values of ``core.rating`` and back."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from quartier.core.invoicing.effective import (
    BadCosts,
    CapitalForm,
    EffectiveCosts,
    effective_price,
)
from quartier.core.kernel.period import BadPeriod, Dates
from quartier.core.rating import sheet as rating
from quartier.core.rating import windows as times
from quartier.formats.site_toml import tree
from quartier.formats.site_toml.faults import Faults


@dataclass(frozen=True, slots=True)
class Standard:
    """A reference tariff: the standard product and the windows of its slots."""

    reference: rating.Reference
    windows: tuple[times.Windows, ...]


def dates_of(item: Any, faults: Faults | None = None) -> Dates | None:
    """``from`` and ``to`` of a table as a range; a fault where the end is not after the start."""
    if item.from_date is None:
        return None
    try:
        return Dates(item.from_date, item.to_date)
    except BadPeriod:
        if faults is not None:
            faults.add(
                (*item.path, "to"),
                f"must be after {item.from_date}, not {item.to_date}.",
                "'to' is exclusive: the first day that no longer counts.",
            )
        return None


def windows_of(one: tree.Windows, faults: Faults) -> times.Windows | None:
    """The windows, or None with a fault."""
    standard = []
    for window in one.standard:
        try:
            standard.append(
                times.Window.of(
                    window.days,
                    window.from_time,
                    window.to_time,
                    season_of(window.season),
                )
            )
        except times.BadWindow as reason:
            faults.add(window.path, f"{reason}.")
        except (AttributeError, TypeError):
            return None  # a value is missing, which is a fault already
    if one.ref is None or one.holidays is None or len(standard) < len(one.standard):
        return None
    try:
        return times.Windows(one.ref, tuple(standard), one.holidays)
    except times.BadWindow as reason:
        faults.add(one.path, f"{reason}.", "Add standard = [ ... ].")
        return None


def season_of(one: tree.Season | None) -> times.Season | None:
    """The season; raises BadWindow."""
    return times.Season.of(one.from_day, one.to_day) if one is not None else None


def standard_of(one: tree.ReferenceTariff, faults: Faults) -> Standard | None:
    """The reference tariff as a value, or None with a fault."""
    windows = [windows_of(own, faults) for own in one.windows]
    found = tuple(own for own in windows if own is not None)
    if one.prices is None or len(found) < len(windows):
        return None
    if any(value is None for value in (one.ref, one.title, one.includes_vat, one.vat_code)):
        return None
    prices = tuple(
        rating.SlotPrice(slot, dict(one.prices)[slot.value])
        for slot in rating.Slot
        if slot.value in dict(one.prices)
    )
    name = one.prices_windows or (found[0].ref if len(found) == 1 else "")
    reference = rating.Reference(one.ref, one.title, prices, one.includes_vat, name, one.vat_code)
    return Standard(reference, found)


def component_of(one: tree.Component, faults: Faults) -> rating.Component | None:
    """The component, or None with a fault."""
    prices = ("price", "percent_of_standard")
    if any(faults.has_one_at((*one.path, name)) for name in prices):
        return None
    if (one.price is None) == (one.percent_of_standard is None):
        faults.add(
            one.path,
            "needs either 'price' or 'percent_of_standard'.",
            'A price of nothing is price = "0".',
        )
        return None
    price: Decimal | rating.Share
    price = one.price if one.price is not None else rating.Share(one.percent_of_standard)  # type: ignore[arg-type]
    try:
        season = season_of(one.season)
    except times.BadWindow as reason:
        faults.add((*one.path, "season"), f"{reason}.")
        return None
    except (AttributeError, TypeError):
        return None
    needed = (one.ref, one.label, one.unit, one.flow, one.slot, one.windows, one.vat)
    if any(value is None for value in (*needed, one.solution, one.pro_rata, one.peak_per)):
        return None
    return rating.Component(
        ref=one.ref,
        label=one.label,
        unit=rating.Unit(one.unit),
        price=price,
        vat=rating.Vat(one.vat),
        price_includes_vat=one.includes_vat,
        is_internal=one.is_internal,
        solution=one.solution,
        flow=one.flow,
        part=one.part,
        slot=rating.Slot(one.slot),
        windows=one.windows,
        season=season,
        pro_rata=rating.ProRata(one.pro_rata) if one.pro_rata else None,
        peak_per=rating.PeakPer(one.peak_per) if one.peak_per else None,
        vat_code=one.vat_code,
        vat_reason=one.vat_reason,
        per_meter=one.per_meter,
    )


def sheet_of(
    one: tree.PriceSheet,
    site: tree.Site,
    standard: Standard | None,
    community: tree.Community | None,
    faults: Faults,
) -> rating.PriceSheet | None:
    """The sheet as a value, or None with a fault.

    The standard product and its windows are copied into it, so that what a bill was computed
    from is in one place; the method of the cap is the community's.
    """
    valid = dates_of(one, faults)
    components = [component_of(own, faults) for own in one.components]
    windows = [windows_of(own, faults) for own in one.windows]
    whole = [own for own in components if own is not None]
    own_windows = [own for own in windows if own is not None]
    if len(whole) < len(components) or len(own_windows) < len(windows) or valid is None:
        return None
    if any(value is None for value in (one.ref, one.title, one.titles, site.timezone)):
        return None
    for extra in standard.windows if standard else ():
        twin = next((own for own in own_windows if own.ref == extra.ref), None)
        if twin is None:
            own_windows.append(extra)
        elif twin != extra:
            faults.add(
                one.path,
                f"its windows {extra.ref!r} differ from those of the reference tariff.",
                "Give them another ref.",
            )
            return None
    method = community.cap_method if community else "flat"
    return rating.PriceSheet(
        ref=one.ref,
        title=one.title,
        currency=site.currency,
        valid=valid,
        timezone=site.timezone,
        components=tuple(whole),
        windows=tuple(own_windows),
        reference=standard.reference if standard else None,
        titles=one.titles,
        cap_method=rating.CapMethod(method or "flat"),
        effective_price_per_kwh=_effective(one, community, faults),
        limits_to_cap=one.limits_to_cap,
    )


def _effective(
    one: tree.PriceSheet, community: tree.Community | None, faults: Faults
) -> Decimal | None:
    if one.effective_price_per_kwh is not None or community is None or community.costs is None:
        return one.effective_price_per_kwh
    costs = costs_of(community.costs)
    if costs is None:
        return None
    try:
        return effective_price(costs)
    except BadCosts as reason:
        faults.add(community.costs.path, f"{reason}.")
        return None


def costs_of(one: tree.Costs) -> EffectiveCosts | None:
    """The year's costs as a value; None where one is missing, which is a fault already."""
    values = {name: getattr(one, name) for name in tree.keys_of(tree.Costs)}
    if any(value is None for value in values.values()):
        return None
    values["capital_form"] = CapitalForm(values["capital_form"])
    return EffectiveCosts(**values)


# -- back --------------------------------------------------------------------------------------


def tree_of_windows(one: times.Windows) -> tree.Windows:
    """The windows as they stand in a file."""
    return tree.Windows(
        ref=one.ref,
        standard=tuple(
            tree.Window(
                days=times.weekdays_text(window.weekdays),
                from_time=times.time_of(window.from_minute),
                to_time=times.time_of(window.to_minute),
                season=_tree_of_season(window.season),
            )
            for window in one.standard
        ),
        holidays=one.holidays,
    )


def _tree_of_season(one: times.Season | None) -> tree.Season | None:
    if one is None:
        return None
    return tree.Season(
        from_day=f"{one.from_month:02}-{one.from_day:02}",
        to_day=f"{one.to_month:02}-{one.to_day:02}",
    )


def tree_of_standard(one: Standard, valid: Dates) -> tree.ReferenceTariff:
    """The reference tariff as it stands in a file."""
    assert valid.to_date is not None, "a reference tariff has an end"
    reference = one.reference
    implied = one.windows[0].ref if len(one.windows) == 1 else ""
    return tree.ReferenceTariff(
        ref=reference.ref,
        title=reference.title,
        from_date=valid.from_date,
        to_date=valid.to_date,
        includes_vat=reference.includes_vat,
        vat_code=reference.vat_code,
        prices=tuple(sorted((own.slot.value, own.price_per_kwh) for own in reference.prices)),
        prices_windows="" if reference.windows == implied else reference.windows,
        windows=tuple(tree_of_windows(own) for own in one.windows),
    )


def tree_of_sheet(
    one: rating.PriceSheet, billing_points: tuple[str, ...], standard: Standard | None
) -> tree.PriceSheet:
    """The sheet as it stands in a file; windows of its reference tariff are not repeated."""
    assert one.valid.to_date is not None, "a price sheet has an end"
    shared = standard.windows if standard else ()
    return tree.PriceSheet(
        ref=one.ref,
        title=one.title,
        from_date=one.valid.from_date,
        to_date=one.valid.to_date,
        billing_points=billing_points,
        reference=one.reference.ref if one.reference else "",
        limits_to_cap=one.limits_to_cap,
        effective_price_per_kwh=one.effective_price_per_kwh,
        titles=one.titles,
        windows=tuple(tree_of_windows(own) for own in one.windows if own not in shared),
        components=tuple(_tree_of_component(own) for own in one.components),
    )


def _tree_of_component(one: rating.Component) -> tree.Component:
    is_share = isinstance(one.price, rating.Share)
    found = tree.Component(
        ref=one.ref,
        label=one.label,
        unit=one.unit.value,
        flow=one.flow,
        part=one.part,
        slot=one.slot.value,
        windows=one.windows,
        season=_tree_of_season(one.season),
        price=None if is_share else one.price,  # type: ignore[arg-type]
        percent_of_standard=one.price.percent if isinstance(one.price, rating.Share) else None,
        vat=one.vat.value,
        includes_vat=one.price_includes_vat,
        vat_code=one.vat_code,
        vat_reason=one.vat_reason,
        solution=one.solution,
        pro_rata=one.pro_rata.value if one.pro_rata else "",
        peak_per=one.peak_per.value if one.peak_per else "",
        per_meter=one.per_meter,
    )
    return (
        found if found.is_internal == one.is_internal else replace(found, internal=one.is_internal)
    )
