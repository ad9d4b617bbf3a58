"""Read a table of load curves by a profile."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from quartier.core.kernel.period import (
    QUARTER,
    Period,
    UnknownTimezone,
    on_grid,
    slot_at,
    slot_starts_at,
)
from quartier.core.kernel.quality import Quality
from quartier.formats.load_curve.cells import (
    Cell,
    Row,
    csv_rows,
    decoded,
    moment_of,
    text_of,
    xlsx_rows,
)
from quartier.formats.load_curve.clock import Clock
from quartier.formats.load_curve.curves import BadCurves, Curve, LoadCurves, Point
from quartier.formats.load_curve.flows import Flow, flows_of_pair, flows_of_value
from quartier.formats.load_curve.profile import BadProfile, Profile, shipped_profiles
from quartier.formats.load_curve.wide import wide_values

FIRST_YEAR, LAST_YEAR = 1990, 2100


def read_curves(data: bytes, profile: Profile, tz: ZoneInfo, meter: str = "") -> LoadCurves:
    """The curves in ``data``; ``tz`` is the site's, ``meter`` whose a file without meter is.

    Raises :class:`BadCurves`, which names every bad row: then nothing of the file may be used.
    Raises :class:`BadProfile` if the profile names an unknown time zone.
    """
    try:
        clock = Clock(profile, tz)
    except UnknownTimezone as error:
        raise BadProfile(f"profile {profile.name}: {error}") from None
    rows = _rows(data, profile)
    places, first_rows = _places(rows, profile)
    if "meter" not in places and not (meter or profile.meter):
        raise BadCurves(["the file does not say which meter it is of; name it with --meter"])
    reader = _Reader(profile, clock, places, meter or profile.meter)
    if profile.layout == "dates":
        reader.read_dates([*first_rows, *rows])
    else:
        read = reader.read_wide if profile.layout == "wide" else reader.read_long
        for row in first_rows:
            reader.guarded(read, row)
        for row in rows:
            reader.guarded(read, row)
    return reader.finish()


def fitting_profiles(data: bytes) -> list[Profile]:
    """The shipped profiles whose columns are all in the file."""
    fitting = []
    is_xlsx = data[:2] == b"PK"
    for profile in shipped_profiles().values():
        if (profile.format == "xlsx") != is_xlsx:
            continue
        head = data if is_xlsx else data[: 64 * 1024].rpartition(b"\n")[0] or data
        if not is_xlsx:  # a wrong encoding is said by name when the file is read
            head = head.decode(profile.encoding, "replace").encode(profile.encoding, "replace")
        try:
            _places(_rows(head, profile), profile)
        except BadCurves:
            continue
        fitting.append(profile)
    return fitting


def refuse_no_table(data: bytes) -> None:
    """Raise :class:`BadCurves` that says what ``data`` is, if it is no table at all."""
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        raise BadCurves(
            [
                "the file is XML, not a table; import it with quartier import sdat, or "
                "quartier import readings for ESLBillingData"
            ]
        )
    is_xlsx = data[:2] == b"PK"
    rows = xlsx_rows(data, "") if is_xlsx else csv_rows(decoded(data, "utf-8"), ",")
    if next(rows, None) is None:
        raise BadCurves(["the file has no rows"])


def _rows(data: bytes, profile: Profile) -> Iterator[Row]:
    if profile.format == "xlsx":
        rows = xlsx_rows(data, profile.sheet)
    else:
        if data[:2] == b"PK":
            raise BadCurves(["the file is a spreadsheet or an archive; the profile reads CSV"])
        rows = csv_rows(decoded(data, profile.encoding), profile.delimiter)
    return (row for row in rows if row[0] > profile.skip_rows)


def _places(rows: Iterator[Row], profile: Profile) -> tuple[dict[str, int], list[Row]]:
    """Where each column is, from 0, and the rows read in vain to find that out."""
    first = next(iter(islice(rows, 1)), None)
    if first is None:
        raise BadCurves(["the file has no rows"])
    line, cells = first
    titles = [text_of(cell).casefold() for cell in cells]
    places: dict[str, int] = {}
    for name, place in profile.columns.items():
        if isinstance(place, int):
            places[name] = place - 1
            continue
        pattern = place.casefold()
        found = [i for i, title in enumerate(titles) if _fits(title, pattern)]
        if len(found) != 1:
            there = ", ".join(text_of(cell) for cell in cells if text_of(cell))[:200]
            what = "no column" if not found else f"{len(found)} columns"
            raise BadCurves([f"line {line}: {what} {place!r}; the header has: {there}"])
        places[name] = found[0]
    return places, [] if profile.header else [first]


def _fits(title: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return title.startswith(pattern[:-1])
    return title == pattern


class _Reader:
    """Collects the points of every series, and every bad row."""

    def __init__(self, profile: Profile, clock: Clock, places: dict[str, int], meter: str) -> None:
        self.profile = profile
        self.clock = clock
        self.places = places
        self.meter = meter
        self.errors: list[str] = []
        self._points: dict[tuple[str, str], dict[int, Point]] = {}
        self._lines: dict[tuple[str, str], dict[int, int]] = {}

    def guarded(self, read: Callable[[Row], None], row: Row) -> None:
        """Read a row; what is wrong with it is noted with its line."""
        try:
            read(row)
        except ValueError as error:
            self.errors.append(f"line {row[0]}: {error}")

    def read_long(self, row: Row) -> None:
        line, cells = row
        meter, direction = self._meter(cells), self._direction(cells)
        if "timestamp" in self.places:
            moment = moment_of(self._cell(cells, "timestamp"), self.profile.timestamp_format)
        else:
            text = f"{text_of(self._cell(cells, 'date'))} {text_of(self._cell(cells, 'time'))}"
            moment = moment_of(text, self.profile.timestamp_format)
        instant = self.clock.instant(moment, (meter, direction), line)
        if not on_grid(instant):
            raise ValueError(f"{moment} is not on a quarter-hour")
        if self.profile.stamp == "end":
            instant -= QUARTER
        if not FIRST_YEAR <= instant.year <= LAST_YEAR:
            raise ValueError(f"{moment} is not between {FIRST_YEAR} and {LAST_YEAR}")
        flows = self._flows(cells, direction)
        self._add(line, meter, slot_at(instant), flows, self._quality(cells))

    def read_wide(self, row: Row) -> None:
        line, cells = row
        meter, direction = self._meter(cells), self._direction(cells)
        day = self._day(cells)
        values = cells[self.places["first"] :]
        quality = self._quality(cells)
        for slot, cell, share, is_derived in wide_values(self.profile, day, self.clock.tz, values):
            flows = [
                (name, None if energy is None else energy * share)
                for name, energy in flows_of_value(self.profile, cell, direction)
            ]
            self._add(line, meter, slot, flows, Quality.ESTIMATED if is_derived else quality)

    def read_dates(self, rows: Sequence[Row]) -> None:
        """Rows with a date but no time: their order alone says when. A date in the middle must
        have all its rows; of the first date the last ones are taken to be there, of the last
        date the first ones."""
        by_series: dict[tuple[str, str], dict[date, list[Row]]] = {}
        for row in rows:
            self.guarded(lambda row: self._sort_in(by_series, row), row)
        for series, days in by_series.items():
            for number, (day, there) in enumerate(days.items()):
                slots = self._slots_of_date(day)
                is_first, is_last = number == 0, number == len(days) - 1
                if len(there) > len(slots) or (
                    len(there) < len(slots) and (not (is_first or is_last) or len(days) == 1)
                ):
                    self.errors.append(
                        f"line {there[0][0]}: {day} has {len(there)} rows, not {len(slots)}; "
                        "without times it cannot be known which are missing"
                    )
                    continue
                chosen = slots[-len(there) :] if is_first and not is_last else slots[: len(there)]
                for slot, row in zip(chosen, there, strict=True):
                    self.guarded(partial(self._add_dated, series, slot), row)

    def _sort_in(self, by_series: dict[tuple[str, str], dict[date, list[Row]]], row: Row) -> None:
        key = (self._meter(row[1]), self._direction(row[1]))
        days = by_series.setdefault(key, {})
        day = self._day(row[1])
        if days and day < (last := next(reversed(days))):
            raise ValueError(f"{day} comes after {last}: the rows are out of order")
        days.setdefault(day, []).append(row)

    def _add_dated(self, series: tuple[str, str], slot: int, row: Row) -> None:
        line, cells = row
        self._add(line, series[0], slot, self._flows(cells, series[1]), self._quality(cells))

    def finish(self) -> LoadCurves:
        """The curves, if every row was good."""
        errors = self.errors + self.clock.lone_times()
        if errors:
            raise BadCurves(errors)
        if not self._points:
            raise BadCurves(["the file has a header and no row with a value: nothing was read"])
        curves = []
        for (meter, direction), points in sorted(self._points.items()):
            ordered = tuple(points[slot] for slot in sorted(points))
            _refuse_coarse(meter, ordered)
            at = self._lines[meter, direction]
            curves.append(Curve(meter, direction, ordered, tuple(at[p.slot] for p in ordered)))
        if all(point.energy_kwh is None for curve in curves for point in curve.points):
            raise BadCurves(["every value of the file is empty: nothing was read"])
        return LoadCurves(tuple(curves), ())

    # -- cells ----------------------------------------------------------------------------------

    def _cell(self, cells: Sequence[Cell], name: str) -> Cell:
        place = self.places[name]
        return cells[place] if place < len(cells) else None

    def _meter(self, cells: Sequence[Cell]) -> str:
        if "meter" not in self.places:
            return self.meter
        meter = text_of(self._cell(cells, "meter"))
        if not meter:
            raise ValueError("the meter is empty")
        return meter[:120]

    def _direction(self, cells: Sequence[Cell]) -> str:
        if "direction" not in self.places:
            return self.profile.direction
        word = text_of(self._cell(cells, "direction"))
        if word not in self.profile.directions:
            words = ", ".join(self.profile.directions)
            raise ValueError(f"{word[:30]!r} is not a direction of the profile ({words})")
        return self.profile.directions[word]

    def _quality(self, cells: Sequence[Cell]) -> Quality:
        if "quality" not in self.places:
            return Quality.MEASURED
        word = text_of(self._cell(cells, "quality"))
        if word not in self.profile.qualities:
            words = ", ".join(self.profile.qualities)
            raise ValueError(f"{word[:30]!r} is not a quality of the profile ({words})")
        return self.profile.qualities[word]

    def _day(self, cells: Sequence[Cell]) -> date:
        moment = moment_of(self._cell(cells, "date"), self.profile.timestamp_format)
        if not FIRST_YEAR <= moment.year < LAST_YEAR:
            raise ValueError(f"{moment.date()} is not between {FIRST_YEAR} and {LAST_YEAR}")
        return moment.date()

    def _slots_of_date(self, day: date) -> range:
        slots = Period.of_local_dates(day, day + timedelta(days=1), self.clock.tz).slots
        if self.profile.stamp == "end":
            return range(slots.start - 1, slots.stop - 1)
        return slots

    def _flows(self, cells: Sequence[Cell], direction: str) -> list[Flow]:
        if "value" in self.places:
            return flows_of_value(self.profile, self._cell(cells, "value"), direction)
        pair: dict[str, Cell] = {
            name: self._cell(cells, name) for name in ("import", "export") if name in self.places
        }
        return flows_of_pair(self.profile, pair)

    def _add(
        self, line: int, meter: str, slot: int, flows: Sequence[Flow], quality: Quality
    ) -> None:
        for direction, energy_kwh in flows:
            if quality is Quality.MISSING and energy_kwh is not None:
                raise ValueError("it is marked as missing and has a value")
            series = (meter, direction)
            points = self._points.setdefault(series, {})
            lines = self._lines.setdefault(series, {})
            if slot in points:
                raise ValueError(
                    f"{slot_starts_at(slot):%Y-%m-%dT%H:%MZ} ({direction}) stands already in line "
                    f"{lines[slot]}"
                )
            points[slot] = Point(
                slot, energy_kwh, Quality.MISSING if energy_kwh is None else quality
            )
            lines[slot] = line


def _refuse_coarse(meter: str, points: Sequence[Point]) -> None:
    """A value an hour is not spread over quarter-hours."""
    if len(points) < 4:
        return
    steps = Counter(b.slot - a.slot for a, b in pairwise(points))
    if 1 not in steps:
        minutes = 15 * steps.most_common(1)[0][0]
        raise BadCurves(
            [f"meter {meter}: there is a value every {minutes} minutes; only 15 can be imported"]
        )
