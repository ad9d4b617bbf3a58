"""What is wrong with the meters, plants and batteries of a site file."""

import re
from datetime import UTC, date, datetime
from itertools import pairwise

from quartier.core.kernel.period import UnknownTimezone, local_midnight, timezone_of
from quartier.formats.site_toml import tree
from quartier.formats.site_toml.faults import Faults, Path

_POINT = re.compile(r"CH[0-9A-Z]{31}", re.ASCII)
_RULE = re.compile(r"[A-Za-z0-9._-]+(?: [+-] [A-Za-z0-9._-]+)*", re.ASCII)


def check_meters(file: tree.SiteFile, faults: Faults) -> None:
    """Adds to ``faults`` what is wrong with meters and what stands behind them."""
    zone = file.site.timezone if file.site else None
    points: dict[str, Path] = {}
    for meter in file.meters:
        _source(meter, file, faults)
        _devices(meter, zone, faults)
        _assignments(meter, faults)
        for name in ("metering_point", "export_metering_point"):
            _metering_point(meter, name, points, faults)
    _circles(file, faults)
    modes = {one.ref: one for one in file.meters}
    used: dict[str, Path] = {}
    for mode, items in (("production", file.plants), ("battery", file.batteries)):
        for item in items:
            meter_of = modes.get(item.meter)
            if meter_of is not None and meter_of.mode not in (mode, None):
                faults.add(
                    (*item.path, "meter"),
                    f"the meter {item.meter!r} has mode {meter_of.mode!r}.",
                    f'It needs mode = "{mode}".',
                )
            if item.meter in used:
                line = faults.line_of(used[item.meter])
                faults.add(
                    (*item.path, "meter"),
                    f"the meter {item.meter!r} is taken in line {line}.",
                    "A plant or battery has a meter of its own.",
                )
            elif item.meter is not None:
                used[item.meter] = item.path


def plain_point(text: str) -> str:
    """A metering point without blanks and dots (rules.md b.3)."""
    return text.replace(" ", "").replace(".", "")


def instant_of(value: date | datetime, timezone: str) -> datetime:
    """The instant: a date is its local midnight."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return local_midnight(value, timezone_of(timezone))


def terms_of(rule: str) -> list[str]:
    """The refs in the rule of a virtual meter."""
    return rule.split(" ")[::2]


def _source(meter: tree.Meter, file: tree.SiteFile, faults: Faults) -> None:
    if meter.source is None or meter.rule is None:
        return
    here = (*meter.path, "rule")
    if meter.source != "virtual":
        if meter.rule:
            faults.add(here, "only a virtual meter has a rule.", 'Set source = "virtual".')
        return
    if not meter.rule:
        faults.add(meter.path, "a virtual meter needs a rule.", 'Write e.g. rule = "entry - pv".')
        return
    if _RULE.fullmatch(meter.rule) is None:
        faults.add(
            here,
            f"cannot be {meter.rule!r}.",
            "Join refs by + and - with one blank on either side.",
        )
        return
    known = {one.ref: one for one in file.meters}
    for ref in terms_of(meter.rule):
        one = known.get(ref)
        if one is None:
            faults.add(here, f"there is no meter {ref!r}.", "Add it or correct the rule.")
        elif one.isolated:
            faults.add(here, f"the meter {ref!r} is isolated.", "It may not stand in a rule.")
        elif one.medium != meter.medium:
            faults.add(here, f"the meter {ref!r} measures {one.medium}, not {meter.medium}.")
    if meter.devices:
        faults.add((*meter.path, "devices"), "a virtual meter has no devices.", "Remove them.")


def _circles(file: tree.SiteFile, faults: Faults) -> None:
    needs = {
        one.ref: terms_of(one.rule) for one in file.meters if one.source == "virtual" and one.rule
    }
    for meter in file.meters:
        seen: set[str] = set()
        todo = list(needs.get(meter.ref, ()))
        while todo:
            ref = todo.pop()
            if ref == meter.ref:
                faults.add((*meter.path, "rule"), "leads back to the meter itself.")
                break
            if ref not in seen:
                seen.add(ref)
                todo += needs.get(ref, ())


def _devices(meter: tree.Meter, zone: str | None, faults: Faults) -> None:
    try:
        timezone_of(zone or "")
    except UnknownTimezone:
        return  # a fault of the site already
    assert zone is not None
    dated = []
    for one in meter.devices:
        if one.factor is not None and one.factor == 0:
            faults.add((*one.path, "factor"), "must be above 0.")
        if one.installed is None:
            continue
        begin = instant_of(one.installed, zone)
        end = instant_of(one.removed, zone) if one.removed is not None else None
        if end is not None and end <= begin:
            faults.add((*one.path, "removed"), f"must be after {one.installed}.")
        dated.append((begin, end, one))
    serials = [one.serial for one in meter.devices if one.serial]
    for one in meter.devices:
        if one.serial and serials.count(one.serial) > 1:
            faults.add((*one.path, "serial"), f"{one.serial!r} is here more than once.")
    dated.sort(key=lambda entry: entry[0])
    for (_, end, earlier), (begin, _, later) in pairwise(dated):
        if end is None or end > begin:
            line = faults.line_of(earlier.path)
            faults.add(
                (*later.path, "installed"),
                f"the device {earlier.serial!r} in line {line} is still installed then.",
                "Write when it was removed.",
            )


def _assignments(meter: tree.Meter, faults: Faults) -> None:
    if meter.assignments and meter.mode not in ("consumption", None):
        faults.add(
            (*meter.path, "assignments"),
            f"a meter of mode {meter.mode!r} counts for no billing point.",
            'Remove them, or set mode = "consumption".',
        )
    dated = [one for one in meter.assignments if one.from_date is not None]
    for earlier, later in pairwise(sorted(dated, key=lambda one: one.from_date)):
        if earlier.from_date == later.from_date:
            line = faults.line_of(earlier.path)
            faults.add((*later.path, "from"), f"line {line} begins on the same day.")


def _metering_point(meter: tree.Meter, name: str, points: dict[str, Path], faults: Faults) -> None:
    text = getattr(meter, name)
    if not text:
        return
    point = plain_point(text)
    here = (*meter.path, name)
    if _POINT.fullmatch(point) is None:
        faults.add(
            here,
            f"has {len(point)} characters and is not of the form CH + 31 capitals or digits.",
            "Check it against the grid operator's letter.",
            is_warning=True,
        )
    if point in points and points[point] != meter.path:
        line = faults.line_of(points[point])
        faults.add(here, f"is also that of the meter in line {line}.", "A point has one meter.")
    points.setdefault(point, meter.path)
