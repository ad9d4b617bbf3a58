"""``quartier allocate``: the letter of its tables, every refusal, and a real community."""

import csv
import gzip
import io
import random
import subprocess
import sys
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.cli import main
from quartier.cli.allocate.cells import BadCell, mwh_of_cell


@pytest.fixture
def allocate(tmp_path, capsys):
    """Run the command on texts: (exit code, result or None, stdout + stderr)."""

    def run(table, rule="proportional", params=None):
        source, target = tmp_path / "in.csv", tmp_path / "out.csv"
        target.unlink(missing_ok=True)
        source.write_bytes(table if isinstance(table, bytes) else table.encode())
        argv = ["allocate", str(source), "--rule", rule, "--out", str(target)]
        if params is not None:
            (tmp_path / "params.toml").write_text(params)
            argv += ["--params", str(tmp_path / "params.toml")]
        code = main(argv)
        said = capsys.readouterr()
        result = target.read_bytes().decode(errors="surrogateescape") if target.exists() else None
        assert not list(tmp_path.glob(".out.csv*"))  # nothing half written is left
        return code, result, said.out + said.err

    return run


def test_columns_in_any_order_and_others_left_alone(allocate):
    table = (
        "when,note,P2_production,C2_consumption,P1_production,C1_consumption,C1_share\n"
        "2026-03-29 02:30,x,4,2,6,3,y\n"
        "not a date,,1,,0,3,\n"
    )
    code, result, said = allocate(table)
    assert (code, said) == (0, "")
    assert result == (
        "when,C2_solar,C2_grid,C1_solar,C1_grid,P2_surplus,P1_surplus\n"
        "2026-03-29 02:30,2.000000,0.000000,3.000000,0.000000,2.000000,3.000000\n"
        "not a date,,,1.000000,2.000000,0.000000,0.000000\n"
    )


def test_a_label_is_copied_unread(allocate):
    labels = ['a,"b"', "  spaced ", "", "=1+1", "\u00fc\udce9\udcff", "two\nlines", "2023-01-01"]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["the, label", "C1_consumption", "P1_production"])
    writer.writerows([label, "1", "2"] for label in labels)
    code, result, _ = allocate(stream.getvalue().encode("utf-8", "surrogateescape"))
    assert code == 0
    rows = list(csv.reader(io.StringIO(result, newline="")))
    assert [row[0] for row in rows] == ["the, label", *labels]
    assert all(row[1:] == ["1.000000", "0.000000", "1.000000"] for row in rows[1:])


def test_what_spreadsheets_do_to_a_file(allocate):
    """A byte order mark, CRLF, spaces around a number, empty lines at the end."""
    code, result, _ = allocate(
        b"\xef\xbb\xbfwhen,C1_consumption, P1_production\r\na, 1.5 ,+.5\r\nb, ,1e-3\r\n\r\n\r\n"
    )
    assert code == 0
    assert (
        result == "when,C1_solar,C1_grid,P1_surplus\na,0.500000,1.000000,0.000000\nb,,,0.001000\n"
    )


def test_an_absent_plant(allocate):
    code, result, _ = allocate("w,C1_consumption,P1_production,P2_production\na,1,,3\n")
    assert (code, result.splitlines()[1]) == (0, "a,1.000000,0.000000,,2.000000")


def test_values_finer_than_a_mwh_are_rounded_half_to_even(allocate):
    rows = [
        "0.0000005",
        "0.0000015",
        "0.00000150000000000000000000000000000001",
        "1.3745560000000001",
    ]
    table = "w,C1_consumption,P1_production\n" + "".join(f"x,{row},0\n" for row in rows)
    _, result, _ = allocate(table)
    grid = [line.split(",")[2] for line in result.splitlines()[1:]]
    assert grid == ["0.000000", "0.000002", "0.000002", "1.374556"]


@given(st.decimals(0, 10**12, allow_nan=False) | st.floats(0, 10**12).map(repr).map(Decimal))
def test_a_cell_is_its_exact_value_rounded_once(number):
    with localcontext(prec=2000):
        exact = (number * 10**6).to_integral_value(ROUND_HALF_EVEN)
    if number < 0 or (number.is_zero() and number.is_signed()):
        number = abs(number)
    assert mwh_of_cell(str(number)) == int(exact)


@given(st.text(max_size=12))
def test_a_cell_is_an_energy_or_refused(text):
    """Any text: either a plain number, or BadCell; nothing else escapes."""
    try:
        energy = mwh_of_cell(text)
    except BadCell:
        return
    assert energy >= 0 or (energy == -1 and not text.strip(" \t"))


HEAD = "when,C1_consumption,P1_production\n"


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "file is empty"),
        (HEAD, "no row below the header"),
        (HEAD + "\n\n", "no row below the header"),
        ("when;C1_consumption;P1_production\na;1;2\n", "separated by semicolons"),
        ("when\tC1_consumption\tP1_production\na\t1\t2\n", "separated by tabs"),
        ("when,C1_cons,P1_production\na,1,2\n", "no column C*_consumption"),
        ("when,C1_consumption,PV\na,1,2\n", "no column P*_production"),
        ("C1_consumption,P1_production\n1,2\n", "no column C*_consumption"),
        ("when,C1_consumption,C1_consumption,P1_production\n", "second column 'C1_consumption'"),
        (HEAD + "a,1,2\nb,-0.5,2\n", "line 3, column 2: -0.5 kWh is negative"),
        (HEAD + "a,1,2\nb,1,nan\n", "line 3, column 3: 'nan' is not a number"),
        (HEAD + "a,inf,2\n", "line 2, column 2: 'inf' is not a number"),
        (HEAD + 'a,"0,5",2\n', "line 2, column 2: '0,5' is not a number of kWh; write a decimal"),
        (HEAD + "a,1_000,2\n", "'1_000' is not a number"),
        (HEAD + "a,0x10,2\n", "'0x10' is not a number"),
        (HEAD + "a,\u0661,2\n", "is not a number"),
        (HEAD + "a,1e999999,2\n", "too large"),
        (
            HEAD + "a,9000000000000,1\n" * 2 + "b,9000000000000.1,1\n",
            "line 4, column 2: 9000000000000.1 kWh",
        ),
        (HEAD + "a,1\n", "line 2: 2 cells under 3 headers"),
        (HEAD + "a,1,2,3\n", "line 2: 4 cells under 3 headers"),
        (HEAD + "a,1,2\n\nb,1,2\n", "line 3: the line is empty"),
        (HEAD + 'a,1,2\n"b,1,2\nc,1,2\n', "line 3: unexpected end of data"),
        (HEAD + 'a,"1"x,2\n', "line 2: "),
        (HEAD.encode("utf-16"), "line 1"),
        (b"\x00" * 1000, "line 1"),
        (b"PK\x03\x04" + bytes(range(200, 250)) + b"\n", "line 1"),
        (HEAD + "a," + "9" * 200_000 + ",1\n", "line 2: field larger"),
    ],
)
def test_a_bad_table_is_refused_with_its_place(allocate, table, words):
    code, result, said = allocate(table)
    assert code == 2
    assert result is None
    assert said.count("\n") == 1
    assert words in said
    assert "in.csv" in said


def test_the_line_of_a_fault_after_a_label_of_two_lines(allocate):
    code, _, said = allocate(HEAD + '"two\nlines",1,2\nb,x,1\n')
    assert code == 2
    assert "line 4, column 2" in said


def test_a_fault_far_down_leaves_the_old_result(tmp_path, capsys):
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(HEAD + "a,1,2\n" * 30_000 + "b,bad,1\n")
    target.write_text("before")
    assert main(["allocate", str(source), "--rule", "equal", "--out", str(target)]) == 2
    assert "line 30002, column 2" in capsys.readouterr().err
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


TWO = "w,C1_consumption,C2_consumption,P1_production\na,2,8,4\n"


@pytest.mark.parametrize(
    ("rule", "params", "solar"),
    [
        ("equal", "", "2.000000 2.000000"),
        ("quota", 'rest = "export"\nshares = {C1 = 0.75, C2 = "1/4"}', "2.000000 1.000000"),
        ("quota", 'rest = "proportional"\n[shares]\nC1 = 0.75\nC2 = 0.25', "2.000000 2.000000"),
        ("priority", "[levels]\nC1 = 0\nC2 = 1", "0.000000 4.000000"),
        ("priority", "[levels]\nC1 = 1\nC2 = 0", "2.000000 2.000000"),
        ("priority", "[levels]\nC1 = 7\nC2 = 7", "0.800000 3.200000"),
    ],
)
def test_rules_and_parameters(allocate, rule, params, solar):
    code, result, _ = allocate(TWO, rule, params)
    assert code == 0
    cells = result.splitlines()[1].split(",")
    assert f"{cells[1]} {cells[3]}" == solar


@pytest.mark.parametrize(
    ("rule", "params", "words"),
    [
        ("nonsense", None, "no rule 'nonsense'; one of: balance, equal, priority, proportional"),
        ("quota", None, "needs rest"),
        ("quota", 'rest = "export"\n[shares]\nC1 = 1', "no value for C2"),
        ("quota", 'rest = "export"\n[shares]\nC1 = 0.6\nC2 = 0.6', "sums to 1.2"),
        ("quota", 'rest = "export"\n[shares]\nC1 = nan\nC2 = 0.6', "shares.C1"),
        ("priority", "[levels]\nC1 = 1.5\nC2 = 1", "levels.C1"),
        ("equal", "x = 1", "has no parameter 'x'"),
        ("equal", "x = ", "params.toml: "),
        ("equal", 'grid = "G"', "does not use a grid column"),
        ("balance", 'key = "equal"', "needs grid"),
        ("balance", 'key = "equal"\ngrid = "G"', "no column 'G'"),
        ("equal", 'battery = "B"', "[battery] needs charge and discharge"),
        ("equal", '[battery]\ncharge = "B"\ndischarge = "D"', "no column 'B'"),
    ],
)
def test_bad_parameters_are_refused(allocate, rule, params, words):
    code, result, said = allocate(TWO, rule, params)
    assert (code, result, said.count("\n")) == (2, None, 1)
    assert words in said


def test_balance_needs_no_production(allocate):
    table = "w,C1_consumption,C2_consumption,G\na,2,8,4\nb,2,8,11\n"
    code, result, said = allocate(table, "balance", 'grid = "G"\nkey = "proportional"')
    assert code == 1
    assert "in 1 of 2 rows the grid meter counted more" in said
    assert "lines 3" in said
    assert result == (
        "w,C1_solar,C1_grid,C2_solar,C2_grid\n"
        "a,1.200000,0.800000,4.800000,3.200000\n"
        "b,0.000000,2.000000,0.000000,8.000000\n"
    )


def test_a_gap_in_a_meter_of_the_site_is_refused(allocate):
    table = "w,C1_consumption,G\na,2,1\nb,2,\n"
    code, _, said = allocate(table, "balance", 'grid = "G"\nkey = "equal"')
    assert code == 2
    assert "line 3, column 3: the cell is empty" in said


def test_battery(allocate):
    table = "w,C1_consumption,P1_production,in,out\na,6,10,5,0\nb,6,0,0,4\n"
    params = '[battery]\ncharge = "in"\ndischarge = "out"'
    code, result, _ = allocate(table, "proportional", params)
    assert code == 0
    assert result == (
        "w,C1_solar,C1_grid,P1_surplus,"
        "battery_solar_charge,battery_grid_charge,battery_used,battery_surplus\n"
        "a,6.000000,0.000000,0.000000,4.000000,1.000000,0.000000,0.000000\n"
        "b,4.000000,2.000000,0.000000,0.000000,0.000000,4.000000,0.000000\n"
    )


def random_table(rows, seed=7):
    generator = random.Random(seed)
    lines = []
    for row in range(rows):
        same = f"{generator.randrange(2000) / 1000}"
        other = "" if generator.random() < 0.1 else f"{generator.randrange(10**6) / 10**6:.6f}"
        lines.append(f"r{row},{same},{other},{same},{generator.randrange(3000) / 1000}")
    return "w,C1_consumption,C2_consumption,C3_consumption,P1_production\n", lines


def test_rows_are_independent_and_in_order(allocate):
    """Reversed, in parts, with other labels, with the columns turned: the same numbers."""
    head, lines = random_table(400)
    body = allocate(head + "\n".join(lines))[1].splitlines()[1:]
    assert [line.split(",")[0] for line in body] == [f"r{row}" for row in range(400)]
    assert allocate(head + "\n".join(reversed(lines)))[1].splitlines()[:0:-1] == body
    assert allocate(head + "\n".join(lines[150:]))[1].splitlines()[1:] == body[150:]
    relabeled = "\n".join("same" + line[line.index(",") :] for line in lines)
    other = allocate(head + relabeled)[1].splitlines()[1:]
    assert [line.split(",")[1:] for line in other] == [line.split(",")[1:] for line in body]
    turned = ["{0},{4},{3},{2},{1}".format(*line.split(",")) for line in (head.strip(), *lines)]
    for line, again in zip(body, allocate("\n".join(turned))[1].splitlines()[1:], strict=True):
        label, a, b, c, d, e, f, surplus = again.split(",")
        assert ",".join([label, e, f, c, d, a, b, surplus]) == line


def test_every_row_sums_and_twins_stay_close(allocate):
    head, lines = random_table(8_832)
    result = list(csv.DictReader(io.StringIO(allocate(head + "\n".join(lines))[1])))
    source = list(csv.DictReader(io.StringIO(head + "\n".join(lines))))
    difference = Decimal(0)
    for given_row, row in zip(source, result, strict=True):
        solar = Decimal(0)
        for name in ("C1", "C2", "C3"):
            if given_row[f"{name}_consumption"]:
                parts = Decimal(row[f"{name}_solar"]) + Decimal(row[f"{name}_grid"])
                assert parts == Decimal(given_row[f"{name}_consumption"])
                solar += Decimal(row[f"{name}_solar"])
            else:
                assert row[f"{name}_solar"] == row[f"{name}_grid"] == ""
        assert solar + Decimal(row["P1_surplus"]) == Decimal(given_row["P1_production"])
        difference += Decimal(row["C1_solar"]) - Decimal(row["C3_solar"])
    assert abs(difference) < Decimal("0.001")  # 1 Wh


def test_above_what_int64_products_hold(allocate):
    code, result, _ = allocate(
        "w,C1_consumption,C2_consumption,P1_production\na,7000000000,1,5000000000\n"
    )
    assert code == 0
    exact = Decimal(5_000_000_000) * 7_000_000_000 / 7_000_000_001
    assert abs(Decimal(result.splitlines()[1].split(",")[1]) - exact) < Decimal("0.000001")


def test_a_sum_that_does_not_fit_is_named_by_line(allocate):
    cell = "8999999999999"
    code, _, said = allocate(
        "w,C1_consumption,C2_consumption,P1_production\na,1,1,1\n" + f"b,{cell},{cell},1\n"
    )
    assert code == 2
    assert "line 3" in said


def test_files_that_cannot_be(tmp_path, capsys):
    source = tmp_path / "in.csv"
    source.write_text(HEAD + "a,1,2\n")
    good = ["allocate", str(source), "--rule", "equal", "--out"]
    link = tmp_path / "link.csv"
    link.symlink_to(source)
    for argv, words in (
        ([*good, str(source)], "same file"),
        ([*good, str(link)], "same file"),
        ([*good, str(tmp_path)], "is a folder"),
        ([*good, str(tmp_path / "no" / "out.csv")], "cannot write"),
        ([*good, str(tmp_path / "o.csv"), "--params", str(tmp_path / "p.toml")], "no such file"),
        (["allocate", str(tmp_path / "x.csv"), *good[2:], str(tmp_path / "o.csv")], "no such file"),
        (["allocate", str(tmp_path), *good[2:], str(tmp_path / "o.csv")], "cannot be read"),
    ):
        assert main(argv) == 2
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1
    assert source.read_text() == HEAD + "a,1,2\n"


def test_without_django(tmp_path):
    """In a Python that cannot import Django."""
    (tmp_path / "in.csv").write_text(HEAD + "a,1,2\n")
    code = (
        "import sys\n"
        "sys.modules['django'] = None\n"
        "from quartier.cli import main\n"
        "sys.exit(main(['allocate', 'in.csv', '--rule', 'equal', '--out', 'out.csv']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "out.csv").exists()


@given(st.data())
def test_any_bytes_are_shared_or_refused(tmp_path_factory, data):
    """Never an internal error, never half a file."""
    head = data.draw(st.sampled_from([b"", HEAD.encode(), TWO.encode()]))
    body = data.draw(
        st.binary(max_size=60) | st.text('0123456789.,-e\n"', max_size=60).map(str.encode)
    )
    folder = tmp_path_factory.mktemp("any")
    (folder / "in.csv").write_bytes(head + body)
    argv = ["allocate", str(folder / "in.csv"), "--rule", "equal", "--out", str(folder / "o.csv")]
    code = main(argv)
    assert code in (0, 2)
    assert (folder / "o.csv").exists() is (code == 0)


COMMUNITY = Path("community") / "community_2023-01_2023-08.csv.gz"


def test_a_real_community_equals_the_operators_split(real_data, tmp_path):
    """Consumption, and the sum of the shares as production: the operator's ``covered``.

    Data folder's README: in every cell ``covered = min(consumption, share)``; what the members
    get in total is the sum of the shares, not the producers' total.
    """
    with gzip.open(real_data / COMMUNITY, "rt", newline="") as stream:
        rows = list(csv.DictReader(stream))
    label = next(iter(rows[0]))
    members = [name.removesuffix("_covered") for name in rows[0] if name.endswith("_covered")]
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    with source.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([label, *(f"{m}_consumption" for m in members), "P_production"])
        for row in rows:
            shares = sum((Decimal(row[f"{m}_share"] or 0) for m in members), Decimal(0))
            writer.writerow([row[label], *(row[f"{m}_consumption"] for m in members), shares])
    argv = ["allocate", str(source), "--rule", "proportional", "--out", str(target)]
    assert main(argv) == 0
    cells = 0
    with target.open(newline="") as stream:
        for row, shared in zip(rows, csv.DictReader(stream), strict=True):
            assert shared[label] == row[label]
            for member in members:
                covered, solar = row[f"{member}_covered"], shared[f"{member}_solar"]
                if not covered:
                    assert solar == ""
                    continue
                assert abs(Decimal(covered) - Decimal(solar)) <= Decimal("0.000003")
                cells += 1
    assert cells == 99_996
