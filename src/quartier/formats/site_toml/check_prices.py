"""What is wrong with the price sheets and reference tariffs of a site file."""

from quartier.core.kernel.findings import Severity
from quartier.core.kernel.period import Dates
from quartier.core.rating import sheet as rating
from quartier.core.rating.check import coverage, validate
from quartier.formats.site_toml import tree
from quartier.formats.site_toml.faults import Faults
from quartier.formats.site_toml.prices import Standard, dates_of, sheet_of, standard_of


def check_prices(file: tree.SiteFile, faults: Faults) -> dict[str, rating.PriceSheet]:
    """The sheets by ref as values; adds to ``faults`` all that is wrong with them."""
    standards = standards_of(file, faults)
    found: dict[str, rating.PriceSheet] = {}
    if file.site is None:
        return found
    for one in file.price_sheets:
        _standard_covers(one, file, faults)
        sheet = sheet_of(
            one, file.site, standards.get(one.reference), _community(file, one), faults
        )
        _same_method(one, file, faults)
        if sheet is None:
            continue
        found[one.ref] = sheet
        for finding in validate(
            sheet, flows_of(file, one), grid_elsewhere=_is_leg(_community(file, one))
        ):
            faults.add(one.path, finding.message, finding.remedy)
        start = file.site.from_date
        if start is not None and one.to_date <= start:
            faults.add((*one.path, "to"), f"ends before the site begins ({start}).")
    _coverage(file, found, faults)
    return found


def standards_of(file: tree.SiteFile, faults: Faults) -> dict[str, Standard]:
    """The reference tariffs by ref as values."""
    found = {}
    for one in file.reference_tariffs:
        dates_of(one, faults)
        standard = standard_of(one, faults)
        if standard is not None:
            found[one.ref] = standard
    return found


def flows_of(file: tree.SiteFile, one: tree.PriceSheet) -> tuple[str, ...]:
    """The flows that a sheet for households must price: solar and grid where electricity runs.

    A local community's members buy their grid energy from the grid operator (rules.md a.4), so
    a sheet there prices the sun alone; a sheet without any price for electricity is of another
    solution.
    """
    community = _community(file, one)
    has_electricity = any(part.solution == "electricity" for part in one.components)
    if not has_electricity or community is None:
        return ()
    if _is_leg(community):
        return (rating.SOLAR,) if file.plants else ()
    return (rating.SOLAR, rating.GRID) if file.plants else (rating.GRID,)


def _is_leg(community: tree.Community | None) -> bool:
    return community is not None and community.kind == "leg"


def _community(file: tree.SiteFile, one: tree.PriceSheet) -> tree.Community | None:
    if one.from_date is None:
        return None
    before = [
        own
        for own in file.communities
        if own.from_date is not None and own.from_date <= one.from_date
    ]
    rest = [own for own in file.communities if own.from_date is not None and own not in before]
    if before:
        return max(before, key=lambda own: own.from_date)
    return min(rest, key=lambda own: own.from_date) if rest else None


def _same_method(one: tree.PriceSheet, file: tree.SiteFile, faults: Faults) -> None:
    first = _community(file, one)
    if first is None or one.to_date is None:
        return
    for own in file.communities:
        if own.from_date is None or not one.from_date < own.from_date < one.to_date:
            continue
        if own.cap_method != first.cap_method:
            faults.add(
                (*one.path, "to"),
                f"the method of the cap changes on {own.from_date}, inside this sheet.",
                "End the sheet on that day.",
            )


def _standard_covers(one: tree.PriceSheet, file: tree.SiteFile, faults: Faults) -> None:
    tariff = next((own for own in file.reference_tariffs if own.ref == one.reference), None)
    if tariff is None or one.from_date is None or one.to_date is None:
        return
    if tariff.from_date is None or tariff.to_date is None:
        return
    if one.from_date < tariff.from_date or one.to_date > tariff.to_date:
        faults.add(
            (*one.path, "reference"),
            f"the reference tariff {tariff.ref!r} holds from {tariff.from_date} to "
            f"{tariff.to_date}, not for all of the sheet.",
            "Use one sheet a reference tariff.",
        )


def _coverage(file: tree.SiteFile, sheets: dict[str, rating.PriceSheet], faults: Faults) -> None:
    """Between the first and the last sheet of a place, every day has one sheet."""
    if len(sheets) < len(file.price_sheets):
        return  # a sheet that could not be read would be missing here
    groups: dict[str, list[tree.PriceSheet]] = {"": []}
    for one in file.price_sheets:
        for ref in one.billing_points or ("",):
            groups.setdefault(ref, []).append(one)
    said: set[str] = set()
    for ref, group in groups.items():
        if not group:
            continue
        ordered = sorted(group, key=lambda one: one.from_date)
        last = max(one.to_date for one in group)
        whole = Dates(ordered[0].from_date, last)
        own = [sheets[one.ref] for one in ordered]
        for finding in coverage(own, whole, ref or "the site"):
            is_covered_by_site = ref and finding.code == "rating.uncovered" and groups[""]
            if finding.severity is not Severity.ERROR or is_covered_by_site:
                continue
            if finding.message not in said:
                said.add(finding.message)
                faults.add(ordered[-1].path, finding.message, finding.remedy)
