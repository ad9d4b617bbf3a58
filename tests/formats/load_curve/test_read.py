"""Load curves by profile: every option, clock changes, and every refusal with its line."""

import io
import re
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from time import process_time
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.period import Dates, slot_at, slot_starts_at
from quartier.core.kernel.quality import Quality
from quartier.formats.load_curve import (
    BadCurves,
    BadProfile,
    fitting_profiles,
    profile_of,
    read_curves,
    shipped_profiles,
)

ZURICH = ZoneInfo("Europe/Zurich")
LONG = """
{extra}
[columns]
meter = "meter"
timestamp = "when"
value = "kwh"
"""


def long_profile(extra="", columns=""):
    return profile_of(LONG.format(extra=extra) + columns, "test")


def read(text, profile, meter=""):
    data = text if isinstance(text, bytes) else text.encode()
    return read_curves(data, profile, ZURICH, meter).curves


def energies(curve):
    return [point.energy_kwh for point in curve.points]


def utc_texts(curve):
    return [f"{slot_starts_at(point.slot):%m-%d %H:%M}" for point in curve.points]


def test_long_local_starts():
    (curve,) = read(
        "meter,when,kwh\nA,2026-01-01 00:00,1.5\nA,2026-01-01 00:15,2\n", long_profile()
    )
    assert (curve.meter, curve.direction) == ("A", "import")
    assert utc_texts(curve) == ["12-31 23:00", "12-31 23:15"]
    assert energies(curve) == [Decimal("1.5"), 2]
    preview = curve.preview()
    assert (preview.intervals, preview.gaps, preview.energy_kwh) == (2, 0, Decimal("3.5"))


@pytest.mark.parametrize(
    ("extra", "row", "at", "energy"),
    [
        ('stamp = "end"', "2026-01-01 00:15,1", "12-31 23:00", "1"),
        ('timezone = "utc"', "2026-01-01 00:15,1", "01-01 00:15", "1"),
        ('timezone = "America/New_York"', "2026-01-01 00:00,1", "01-01 05:00", "1"),
        ("", "2026-01-01T00:00:00+02:00,1", "12-31 22:00", "1"),
        ("", "2026-01-01 24:00,1", "01-01 23:00", "1"),
        ('unit = "Wh"', "2026-01-01 00:00,1500", "12-31 23:00", "1.5"),
        ('unit = "kW"', "2026-01-01 00:00,6", "12-31 23:00", "1.5"),
        ('unit = "MWh"', "2026-01-01 00:00,0.002", "12-31 23:00", "2"),
        ('thousands = "\'"', "2026-01-01 00:00,1'234.5", "12-31 23:00", "1234.5"),
        ('timestamp_format = "%d.%m.%Y %H:%M"', "01.01.2026 24:00,1", "01-01 23:00", "1"),
        ('empty = "zero"', "2026-01-01 00:00,", "12-31 23:00", "0"),
    ],
)
def test_options(extra, row, at, energy):
    (curve,) = read(f"meter,when,kwh\nA,{row}\n", long_profile(extra))
    assert utc_texts(curve)[0] == at
    assert energies(curve)[0] == Decimal(energy)


def test_decimal_comma_semicolon_bom_and_windows_1252():
    profile = profile_of(
        'delimiter = ";"\ndecimal = ","\nencoding = "windows-1252"\nskip_rows = 1\n'
        '[columns]\nmeter = "Zähler"\ntimestamp = 2\nvalue = 3\n',
        "test",
    )
    (curve,) = read("Titel\nZähler;Zeit;Wert\nA;2026-01-01 00:00;1,25\n".encode("cp1252"), profile)
    assert energies(curve) == [Decimal("1.25")]
    (curve,) = read(b"\xef\xbb\xbfmeter,when,kwh\nA,2026-01-01 00:00,1\n", long_profile())
    assert energies(curve) == [1]


def test_empty_is_a_gap_by_default():
    (curve,) = read("meter,when,kwh\nA,2026-01-01 00:00,\nA,2026-01-01 00:15,1\n", long_profile())
    assert curve.points[0].quality is Quality.MISSING
    assert curve.preview().gaps == 1


def test_net_values_are_split_by_sign():
    text = "meter,when,kwh\nA,2026-01-01 00:00,-2\nA,2026-01-01 00:15,3\n"
    export, imported = read(text, long_profile('sign = "net"'))
    assert (energies(export), energies(imported)) == ([2, 0], [0, 3])


def test_directions_and_qualities():
    profile = long_profile(
        columns='direction = "obis"\nquality = "q"\n[directions]\n"1.29" = "import"\n"2.29" = '
        '"export"\n[qualities]\nW = "measured"\nE = "estimated"\n'
    )
    export, imported = read(
        "meter,when,kwh,obis,q\nA,2026-01-01 00:00,1,1.29,W\nA,2026-01-01 00:00,2,2.29,E\n", profile
    )
    assert export.points[0].quality is Quality.ESTIMATED
    assert imported.points[0].quality is Quality.MEASURED


# -- clock changes ------------------------------------------------------------------------------


def local_rows(day, step=timedelta(minutes=15)):
    slots = Dates(day, day + timedelta(days=1)).period(ZURICH).slots
    return [
        f"A,{slot_starts_at(slot).astimezone(ZURICH):%Y-%m-%d %H:%M},{number}"
        for number, slot in enumerate(slots, 1)
    ]


@pytest.mark.parametrize(
    ("day", "count"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100), (date(2026, 1, 1), 96)]
)
def test_long_days_of_a_clock_change(day, count):
    text = "meter,when,kwh\n" + "\n".join(local_rows(day))
    (curve,) = read(text, long_profile('repeated_hour = "in-order"'))
    assert len(curve.points) == count
    assert energies(curve) == list(range(1, count + 1))
    assert curve.preview().gaps == 0


def test_the_repeated_hour_is_not_guessed():
    text = "meter,when,kwh\n" + "\n".join(local_rows(date(2026, 10, 25)))
    with pytest.raises(BadCurves, match="repeated_hour"):
        read(text, long_profile())
    once = "\n".join(dict.fromkeys(row.rpartition(",")[0] + ",1" for row in text.splitlines()[1:]))
    with pytest.raises(BadCurves, match="once, but comes twice"):
        read("meter,when,kwh\n" + once, long_profile('repeated_hour = "in-order"'))


def test_a_time_that_the_clock_skips_is_refused():
    with pytest.raises(BadCurves, match="line 2: 2026-03-29 02:15:00 does not exist"):
        read("meter,when,kwh\nA,2026-03-29 02:15,1\n", long_profile('repeated_hour = "in-order"'))


def wide_profile(dst):
    line = f'dst = "{dst}"\n' if dst else ""
    return profile_of(f'layout = "wide"\n{line}[columns]\nmeter = 1\ndate = 2\nfirst = 3\n', "wide")


def wide_text(day, cells):
    return "meter,date\n" + f"A,{day}," + ",".join(str(cell) for cell in cells) + "\n"


def test_wide_normal_day_and_the_days_of_a_clock_change():
    for day, count in ((date(2026, 1, 1), 96), (date(2026, 3, 29), 92), (date(2026, 10, 25), 100)):
        cells = [*range(1, count + 1), *[""] * (100 - count)]
        (curve,) = read(wide_text(day, cells), wide_profile("actual"))
        assert energies(curve) == list(range(1, count + 1))
        assert curve.points[0].slot == slot_at(
            datetime(day.year, day.month, day.day, tzinfo=ZURICH)
        )


def test_wide_spring_with_the_skipped_hour_empty():
    cells = [*[1] * 8, *[""] * 4, *[2] * 84]
    (curve,) = read(wide_text(date(2026, 3, 29), cells), wide_profile("empty"))
    assert energies(curve) == [1] * 8 + [2] * 84
    cells[9] = 5
    with pytest.raises(BadCurves, match="skipped by the clock"):
        read(wide_text(date(2026, 3, 29), cells), wide_profile("empty"))


def test_wide_autumn_with_96_cells():
    cells = [*[1] * 8, *[6] * 4, *[2] * 84]
    (curve,) = read(wide_text(date(2026, 10, 25), cells), wide_profile("empty"))
    assert energies(curve) == [1] * 8 + [6] * 4 + [None] * 4 + [2] * 84
    (curve,) = read(wide_text(date(2026, 10, 25), cells), wide_profile("doubled"))
    assert energies(curve) == [1] * 8 + [3] * 8 + [2] * 84
    assert [point.quality for point in curve.points[8:16]] == [Quality.ESTIMATED] * 8


@pytest.mark.parametrize(
    ("day", "dst", "count", "says"),
    [
        (date(2026, 3, 29), "", 92, "dst must say"),
        (date(2026, 3, 29), "actual", 96, "the row has more"),
        (date(2026, 10, 25), "actual", 96, "the row 96 values"),
        (date(2026, 10, 25), "empty", 100, "more than 96"),
        (date(2026, 1, 1), "actual", 95, "the row 95 values"),
        (date(2026, 1, 1), "actual", 97, "the row has more"),
    ],
)
def test_wide_rows_that_do_not_fit_are_refused(day, dst, count, says):
    with pytest.raises(BadCurves, match=says):
        read(wide_text(day, range(count)), wide_profile(dst))


DATES = (
    'layout = "dates"\nstamp = "end"\nsign = "export-negative"\nempty_pair = "zero"\n'
    '[columns]\ndate = "d"\nimport = "in"\nexport = "out"\n'
)


def test_dates_without_time_are_placed_by_their_order():
    rows = ["2026-01-01,1,"] * 95 + ["2026-01-02,,-2"] * 96 + ["2026-01-03,,"]
    export, imported = read("d,in,out\n" + "\n".join(rows), profile_of(DATES, "test"), "M")
    assert utc_texts(imported)[0] == "12-31 23:00"
    assert utc_texts(imported)[-1] == "01-02 22:45"
    assert energies(imported) == [1] * 95 + [0] * 96 + [None]
    assert energies(export) == [0] * 95 + [2] * 96 + [None]


def test_dates_with_a_row_missing_in_the_middle_are_refused():
    rows = ["2026-01-01,1,"] * 95 + ["2026-01-02,1,"] * 95 + ["2026-01-03,1,"]
    with pytest.raises(BadCurves, match="line 97: 2026-01-02 has 95 rows, not 96"):
        read("d,in,out\n" + "\n".join(rows), profile_of(DATES, "test"), "M")


# -- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("meter,when,kwh\n", "nothing was read"),
        ("meter,when,kwh\nA,2026-01-01 00:00,\n", "nothing was read"),
        ("a,b,c\nA,2026-01-01 00:00,1\n", "no column 'meter'"),
        ("meter,when,kwh\nA,2026-01-01 00:00,1;5\n", "line 2: '1;5' is not a number"),
        ("meter,when,kwh\nA,2026-01-01 00:00,NaN\n", "not a number"),
        ("meter,when,kwh\nA,2026-01-01 00:00,-1\n", "negative"),
        ("meter,when,kwh\nA,2026-01-01 00:00,9e9\n", "not a number"),
        ("meter,when,kwh\nA,2026-01-01 00:00,99999999\n", "too much"),
        ("meter,when,kwh\nA,2026-01-01 00:07,1\n", "not on a quarter-hour"),
        ("meter,when,kwh\nA,yesterday,1\n", "not an ISO 8601 time"),
        ("meter,when,kwh\nA,0001-01-01 00:00,1\n", "line 2"),
        ("meter,when,kwh\n,2026-01-01 00:00,1\n", "the meter is empty"),
        ("meter,when,kwh\nA,2026-01-01 00:00,1\nA,2026-01-01 00:00,2\n", "already in line 2"),
        (
            "meter,when,kwh\n" + "\n".join(f"A,2026-01-01 {h:02}:00,1" for h in range(24)),
            "every 60 minutes",
        ),
        (b"meter,when,kwh\nA,2026-01-01 00:00,\xff\n", "line 2: the file is not encoded as utf-8"),
        (b"PK\x03\x04rest", "spreadsheet"),
        ("meter,when,kwh\nA,2026\0,1\n", "binary"),
    ],
)
def test_refusals_say_why(text, says):
    with pytest.raises(BadCurves) as problem:
        read(text, long_profile())
    assert says in problem.value.errors[0]


def test_every_bad_row_is_named_up_to_fifty():
    rows = "\n".join(f"A,2026-01-01 00:00,x{n}" for n in range(70))
    with pytest.raises(BadCurves) as problem:
        read("meter,when,kwh\n" + rows, long_profile())
    assert len(problem.value.errors) == 50
    assert problem.value.error_count == 70
    assert problem.value.errors[1].startswith("line 3: 'x1'")


def test_a_file_without_meter_needs_one():
    profile = profile_of('[columns]\ntimestamp = "when"\nvalue = "kwh"\n', "test")
    with pytest.raises(BadCurves, match="--meter"):
        read("when,kwh\n2026-01-01 00:00,1\n", profile)
    assert read("when,kwh\n2026-01-01 00:00,1\n", profile, "M")[0].meter == "M"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1", "no key 'x'"),
        ("decimal = ';'", "decimal"),
        ("skip_rows = 'a'", "skip_rows must be of type int"),
        ("delimiter = ',,'\n[columns]\ntimestamp='a'\nvalue='b'", "one character"),
        ("[columns]\nvalue = 'a'", "timestamp"),
        ("[columns]\ntimestamp = 'a'", "value, import or export"),
        ("[columns]\ntimestamp = 0\nvalue='a'", "number from 1"),
        ("layout = 'wide'\n[columns]\ndate = 1", "first"),
        ("[columns]\ntimestamp='a'\nvalue='b'\ndirection='c'", "directions"),
        ("= 3", "Invalid"),
        ("a = " + "[" * 20_000, "nested too deeply"),
        (".".join("a" * 20_000) + " = 1", "dots"),
        ("title = '" + "x" * 70_000 + "'", "longer than 64 KiB"),
        ("skip_rows = " + "9" * 5_000, "digits"),
    ],
)
def test_a_bad_profile_says_why(text, says):
    with pytest.raises(BadProfile, match=says):
        profile_of(text, "test")


def test_an_unknown_time_zone_is_refused():
    with pytest.raises(BadProfile, match="Nowhere"):
        read("meter,when,kwh\nA,2026-01-01,1\n", long_profile('timezone = "Nowhere/Land"'))


# -- spreadsheets -------------------------------------------------------------------------------


def workbook(rows):
    book = openpyxl.Workbook()
    book.active.title = "Messdaten"
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_spreadsheet_with_real_times_and_numbers():
    rows = [
        ["Messpunkt", "Datum", "Strombezug [kWh]", "Stromeinspeisung [kWh]"],
        ["CH1", datetime(2026, 1, 1), 0.1, None],
        ["CH1", datetime(2026, 1, 1, 0, 15), 0.2, 3],
    ]
    profile = shipped_profiles()["vzev-template"]
    export, imported = read(workbook(rows), profile)
    assert energies(imported) == [Decimal("0.1"), Decimal("0.2")]
    assert energies(export) == [None, 3]


def test_a_formula_without_its_result_does_not_pass_for_an_empty_cell():
    rows = [
        ["Messpunkt", "Datum", "Strombezug [kWh]", "Stromeinspeisung [kWh]"],
        ["CH1", datetime(2026, 1, 1), 0.1, 0],
        ["CH1", datetime(2026, 1, 1, 0, 15), "=C2*2", 0],
    ]
    with pytest.raises(BadCurves, match="formulas whose results are not stored"):
        read(workbook(rows), shipped_profiles()["vzev-template"])


@pytest.mark.parametrize("before", [10, 2**20 - 2500, 2**20 - 100])
def test_a_long_formula_is_found_wherever_it_lies(before):
    formula = f"<c><f>{'1+' * 2000}1</f><v/></c>"
    with pytest.raises(BadCurves, match="formulas whose results are not stored"):
        read(sheet_of(" " * before + formula), shipped_profiles()["vzev-template"])


def test_a_formula_and_a_megabyte_of_spaces_take_no_time():
    began = process_time()
    with pytest.raises(BadCurves):
        read(sheet_of(f"<c><f>1</f>{' ' * 60_000}x"), shipped_profiles()["vzev-template"])
    assert process_time() - began < 2


def sheet_of(text):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", text)
    return out.getvalue()


def test_a_formula_with_its_result_is_its_result():
    rows = [
        ["Messpunkt", "Datum", "Strombezug [kWh]", "Stromeinspeisung [kWh]"],
        ["CH1", datetime(2026, 1, 1), "=1/4", 0],
    ]
    done = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook(rows))) as old,
        zipfile.ZipFile(done, "w") as new,
    ):
        for name in old.namelist():
            text = old.read(name)
            if "worksheets" in name:
                assert b"<f>1/4</f>" in text
                text = re.sub(
                    rb"<f>1/4</f><v ?/>|<f>1/4</f><v></v>", b"<f>1/4</f><v>0.25</v>", text
                )
            new.writestr(name, text)
    _, imported = read(done.getvalue(), shipped_profiles()["vzev-template"])
    assert energies(imported) == [Decimal("0.25")]


@pytest.mark.parametrize("damage", [slice(0, 900), slice(0, 2)])
def test_a_damaged_spreadsheet_is_refused(damage):
    with pytest.raises(BadCurves, match="XLSX"):
        read(workbook([["a"]])[damage], shipped_profiles()["vzev-template"])


def test_a_missing_sheet_is_named():
    book = openpyxl.Workbook()
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(BadCurves, match="Messdaten"):
        read(out.getvalue(), shipped_profiles()["vzev-template"])


# -- shipped profiles, fuzz, real files ---------------------------------------------------------


def test_a_shipped_profile_is_found_by_its_columns():
    (profile,) = fitting_profiles(b"meter;timestamp;import_kwh;export_kwh\n")
    assert profile.name == "long-import-export"
    assert fitting_profiles(b"a;b\n") == []
    assert len(fitting_profiles(b"meter,timestamp,value_kwh\n\xe9,1,2\n")) == 1


SEED = ("meter,when,kwh\n" + "\n".join(local_rows(date(2026, 10, 25))[:20])).encode()


@given(
    cuts=st.lists(
        st.tuples(st.integers(0, len(SEED)), st.integers(0, 9), st.binary(max_size=8)),
        min_size=1,
        max_size=4,
    )
)
def test_a_damaged_file_gives_a_named_error_or_curves(cuts):
    data = SEED
    for start, length, patch in cuts:
        data = data[:start] + patch + data[start + length :]
    try:
        curves = read(data, long_profile('repeated_hour = "in-order"'))
    except BadCurves as problem:
        assert problem.errors  # noqa: PT017  (either outcome is right)
    else:
        for curve in curves:
            slots = [point.slot for point in curve.points]
            assert slots == sorted(set(slots))


def test_the_real_balance(real_data):
    data = (real_data / "dso_csv" / "2026-06-Bilanz.csv").read_bytes()
    (profile,) = fitting_profiles(data)
    curves = read_curves(data, profile, ZURICH, "grid")
    export, imported = curves.previews()
    assert round(imported.energy_kwh, 2) == Decimal("315.54")
    assert round(export.energy_kwh, 2) == Decimal("454.06")
    assert imported.starts_at == datetime(2026, 6, 1, tzinfo=ZURICH)
    assert imported.ends_at == datetime(2026, 7, 1, tzinfo=ZURICH)
    assert (imported.intervals, imported.gaps) == (2880, 0)


def test_the_real_template(real_data):
    data = (real_data / "dso_csv" / "vZEV_Import_Template.xlsx").read_bytes()
    (profile,) = fitting_profiles(data)
    previews = read_curves(data, profile, ZURICH).previews()
    sums = {(p.meter[-6:], p.direction): p.energy_kwh for p in previews if p.energy_kwh}
    assert sums == {
        ("092766", "import"): Decimal("1095.7427"),
        ("524698", "import"): Decimal("1398.8495"),
        ("524699", "export"): Decimal("562.1240"),
    }
    assert {(p.intervals, p.gaps) for p in previews} == {(2976, 0)}
