"""Each fault of a site file: its line, its words; and all of them at once."""

from pathlib import Path

import pytest

from quartier.formats.site_toml.check import check
from quartier.formats.site_toml.read import LARGEST_BYTES, parse

EXAMPLES = Path(__file__).parents[3] / "examples"
ROSENWEG = (EXAMPLES / "zev-rosenweg.toml").read_text(encoding="utf-8")
RULES = ("balance", "equal", "priority", "proportional", "quota")


GRID_METER = (
    'mode = "grid"\ndevices = [{ serial = "LGZ-40017731", installed = 2025-01-01, digits = 6 }]'
)


def faults_of(text):
    parsed = parse(text if isinstance(text, bytes) else text.encode())
    if parsed.tree is not None:
        check(parsed.tree, parsed.faults, RULES)
    return parsed.faults.found


def changed(old, new, count=1):
    """The example with ``old`` (which must be there) replaced, and the line of the change."""
    assert old in ROSENWEG, old
    text = ROSENWEG.replace(old, new, count)
    return text, ROSENWEG[: ROSENWEG.index(old)].count("\n") + 1


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.toml")))
def test_the_examples_have_no_fault(name):
    assert faults_of((EXAMPLES / name).read_bytes()) == ()


# (what is written, what is written instead, line of the fault after the change, words)
ONE_FAULT = [
    ('name = "ZEV', 'nam = "ZEV', 0, "there is no key 'nam' here. Did you mean 'name'?"),
    ("from = 2025-01-01\ncanton", 'from = "2025-01-01"\ncanton', 0, "must be a date, not a text"),
    ("from = 2025-01-01\ncanton", "from = 0001-01-01\ncanton", 0, "out of reach"),
    ('canton = "BE"', 'canton = "XX"', 0, "'XX' is not a canton"),
    (
        'canton = "BE"',
        'timezone = "Europe/Bern"',
        0,
        "'Europe/Bern' is not a time zone",
    ),
    ('postcode = "3007"', 'postcode = "30071"', 0, "not a Swiss postcode"),
    ('postcode = "3007"', "postcode = 3007", 0, "must be a text, not a whole number"),
    ('name = "Ursula Gerber"', f'name = "{"G" * 71}"', 0, "has 71 characters; 70 are possible"),
    ('name = "Ursula Gerber"', 'name = ""', 0, "must not be empty"),
    ('email = "ursula', 'email = "ursula gerber', 0, "Write an e-mail address"),
    ('party = "gerber"\nrole', 'party = "gerbr"\nrole', 0, "Did you mean 'gerber'?"),
    ('role = "owner"', 'role = "boss"', 0, "cannot be 'boss'. One of: owner"),
    ("CH44 3199 9123 0008 8901 2", "CH44 3199 9123 0008 8901 3", 0, "check digits are wrong"),
    ("CH44 3199 9123 0008 8901 2", "DE44319991230008890120", 0, "not a Swiss"),
    (
        'CH44 3199 9123 0008 8901 2" # a QR-IBAN, as QRR needs',
        'CH93 0076 2011 6238 5295 7"',
        1,
        "QRR needs a QR-IBAN, and this is a normal IBAN",
    ),
    ('reference_type = "QRR"', 'reference_type = "SCOR"', 0, "SCOR needs a normal IBAN"),
    ('reference_type = "QRR"', 'reference_type = "NON"', 0, "NON needs a normal IBAN"),
    ('number_prefix = "RW"', "vat_liable = true", 0, "'gerber' has no uid"),
    ('number_prefix = "RW"', 'vat_liable = "no"', 0, "must be true or false, not a text"),
    ('building = "haus"\nposition = 1', 'building = "hau"\nposition = 1', 0, "Did you mean 'haus'"),
    ('ref = "1og"', 'ref = "eg"', 0, "a billing point 'eg' is already in line"),
    ('from = 2025-05-01, party = "fontana"', 'from = 2025-05-01, party = "x"', 0, "no party 'x'"),
    ('from = 2025-05-01, party = "fontana"', "from = 2025-05-01", 0, "names no party"),
    ("from = 2025-05-01, party", "from = 2024-05-01, party", 0, "before the site (2025-01-01)"),
    (
        'from = 2025-05-01, party = "fontana" }',
        'from = 2025-05-01, to = 2025-05-01, party = "fontana" }',
        0,
        "must be after 2025-05-01",
    ),
    (
        '{ from = 2025-05-01, party = "fontana" }',
        '{ from = 2025-05-01, party = "fontana" }, { from = 2025-05-01, party = "aebi" }',
        0,
        "overlaps the occupancy from 2025-05-01",
    ),
    (
        '{ from = 2025-05-01, party = "fontana" }',
        '{ from = 2025-05-01, to = 2025-09-01, party = "fontana" },\n'
        '{ from = 2025-08-01, party = "aebi" }',
        1,
        "overlaps the occupancy",
    ),
    (
        'from = 2025-05-01, party = "fontana"',
        'from = 2025-05-01, vacant = true, party = "aebi"',
        0,
        "falls to the owner, and 'aebi' is none",
    ),
    ("from = 2025-05-01, party", "from = 2025-05-01, part", 0, "Did you mean 'party'?"),
    ("removed = 2025-03-18T10:30:00+01:00", "removed = 2025-04-18", 1, "is still installed then"),
    ("removed = 2025-03-18T10:30:00+01:00", "removed = 2024-12-31", 0, "must be after"),
    ("2025-03-18T10:30:00+01:00, digits", "2025-03-18T10:30:00, digits", 0, "no offset from UTC"),
    ('billing_point = "2og"', 'billing_point = "3og"', 0, "no billing point '3og'"),
    ('mode = "grid"', 'mode = "grids"', 0, "cannot be 'grids'"),
    ('mode = "grid"', 'mode = "grid"\nsource = "virtual"', -1, "a virtual meter needs a rule"),
    (
        GRID_METER,
        'source = "virtual"\nrule = "pv-z-eg"',
        1,
        "there is no meter 'pv-z-eg'",
    ),
    (
        GRID_METER,
        'source = "virtual"\nrule = "pv - netz"',
        1,
        "leads back to the meter itself",
    ),
    ('meter = "pv"', 'meter = "netz"', 0, "has mode 'grid'"),
    ('power_kwp = "11.4"', 'power_kwp = "eleven"', 0, "'eleven' is not a number"),
    ('power_kwp = "11.4"', "power_kwp = nan", 0, "is not a number"),
    ('power_kwp = "11.4"', "power_kwp = -1", 0, "must be from 0"),
    ('power_kwp = "11.4"', 'power_kwp = "1.00001"', 0, "more than 3 decimals"),
    ('rule = "proportional"', 'rule = "proportionall"', 0, "Did you mean 'proportional'?"),
    ('rule = "proportional"', 'rule = "quota"', 0, "no billing point has a quota"),
    ('reference = "standard-2025"', 'reference = "x"', 0, "no reference tariff 'x'"),
    ('price = "0.2935"', 'price = "0,2935"', 0, "Write it with a point"),
    ('price = "0.2935"', "price = true", 0, "must be a number, not true or false"),
    ('price = "0.2935"\n', "", -5, "either 'price' or 'percent_of_standard'"),
    ('flow = "grid"', 'flow = "solar"\npart = "x"', None, "not its flow grid"),
    ('flow = "grid"', 'flow = "grid"\nslot = "reduced"', None, "needs windows"),
]


@pytest.mark.parametrize(("old", "new", "offset", "words"), ONE_FAULT)
def test_a_fault_names_its_line_and_its_remedy(old, new, offset, words):
    text, line = changed(old, new)
    found = [fault for fault in faults_of(text) if not fault.is_warning]
    match = [fault for fault in found if words in fault.in_file("f")]
    assert match, [fault.in_file("f") for fault in found]
    if offset is not None and offset >= 0:
        assert match[0].line == line + offset, match[0]


ZONE = """
[[distribution_zone]]
ref = "a"
name = "A"
max_current_a = 63
"""
NETWORK_FAULTS = [
    (f'{ZONE}parent = "b"\n', "there is no distribution zone 'b'"),
    (f'{ZONE}parent = "a"\n', "leads back to the zone itself"),
    (f"{ZONE}phases = 2\n", "1 or 3 phases"),
    (f'{ZONE}dlm_meters = ["m9"]\n', "there is no meter 'm9'"),
    (f'{ZONE}dlm_meters = ["z-eg"]\n', "has no fuse"),
    (f'{ZONE}consumption_meter = "z-eg"\ndlm_meters = ["z-eg"]\n', "measures the zone itself"),
    (
        '\n[[communication_device]]\nref = "s"\nname = "S"\nkind = "switch"\nsim = "8941"\n',
        "only a 4G router has one",
    ),
    (
        '\n[[communication_device]]\nref = "s"\nname = "S"\nkind = "switch"\nmac = "00:1e"\n',
        "Write twelve digits in capitals",
    ),
]


@pytest.mark.parametrize(("more", "words"), NETWORK_FAULTS)
def test_a_device_or_zone_that_cannot_be_is_a_fault(more, words):
    found = faults_of(ROSENWEG + more)
    assert any(words in f"{one.message} {one.remedy}" for one in found), found


def test_a_price_sheet_with_a_hole_is_refused():
    text, _ = changed(
        'to = 2026-01-01\nreference = "standard-2025"',
        'to = 2025-07-01\nreference = "standard-2025"',
    )
    second = text[text.index("[[price_sheet]]") :].replace('ref = "2025"', 'ref = "2025b"', 1)
    second = second.replace(
        "from = 2025-01-01\nto = 2025-07-01", "from = 2025-08-01\nto = 2026-01-01"
    )
    messages = [fault.message for fault in faults_of(text + "\n" + second)]
    assert messages == ["No price sheet covers 2025-07-01 to 2025-08-01 (exclusive)."]


def test_two_price_sheets_on_one_day_are_refused():
    second = ROSENWEG[ROSENWEG.index("[[price_sheet]]") :].replace('ref = "2025"', 'ref = "b"', 1)
    assert any("both price electricity" in f.message for f in faults_of(ROSENWEG + second))


def test_quotas_above_one_are_refused():
    text = ROSENWEG.replace('rule = "proportional"', 'rule = "quota"\nparams = { rest = "export" }')
    text = text.replace("position = ", 'quota = "0.34"\nposition = ')
    assert [fault.message for fault in faults_of(text)] == [
        "the quotas sum to 1.02, which is more than 1."
    ]


def test_a_short_metering_point_is_a_warning():
    text, line = changed('mode = "grid"', 'mode = "grid"\nmetering_point = "CH102030123450000"')
    (fault,) = faults_of(text)
    assert fault.is_warning
    assert fault.line == line + 1
    assert "has 17 characters" in fault.message


def test_a_metering_point_has_one_meter():
    point = "CH1020301234500000000000000041001"
    text = ROSENWEG.replace('mode = "grid"', f'mode = "grid"\nmetering_point = "{point}"')
    text = text.replace('ref = "z-eg"', f'ref = "z-eg"\nmetering_point = "CH 1020301 {point[9:]}"')
    assert any("is also that of the meter in line" in f.message for f in faults_of(text))


def test_ten_faults_are_reported_at_once():
    text = ROSENWEG
    ten = [
        ('name = "ZEV', 'nam = "ZEV'),
        ('canton = "BE"', 'timezone = "Mars/Phobos"'),
        ('name = "Lukas Aebi"', f'name = "{"A" * 99}"'),
        ('role = "owner"', 'role = "king"'),
        ('reference_type = "QRR"', 'reference_type = "SCOR"'),
        ('building = "haus"\nposition = 2', 'building = "hous"\nposition = 2'),
        ('from = 2025-05-01, party = "fontana"', 'from = 2025-05-01, party = "nobody"'),
        ('power_kwp = "11.4"', "power_kwp = true"),
        ('rule = "proportional"', 'rule = "fair"'),
        ('price = "0.2935"', 'price = "cheap"'),
    ]
    for old, new in ten:
        assert old in text
        text = text.replace(old, new, 1)
    found = [fault.in_file("f") for fault in faults_of(text)]
    for words in (
        "'nam'",
        "Mars/Phobos",
        "99 characters",
        "'king'",
        "SCOR needs",
        "'hous'",
        "'nobody'",
        "power_kwp",
        "'fair'",
        "'cheap'",
    ):
        assert any(words in line for line in found), (words, found)


@pytest.mark.parametrize(
    ("data", "line", "column", "words"),
    [
        (b"a = 1\nb = \n", 2, 5, "not TOML"),
        (b"a = 1\nb = 'x", 2, 7, "not TOML"),
        (b"a = 1\na = 2\n", 2, 6, "not TOML"),
        (b'a = 1\nb = "\xff"\n', 2, 6, "not UTF-8"),
        (b"a = 2025-02-30\n", 1, 5, "not TOML"),
        (b"a = " + b"9" * 5000, 1, 1, "not TOML"),
        (b"a = " + b"[" * 100_000, 1, 1, "nested too deeply"),
        (b"#" * (LARGEST_BYTES + 1), 1, 1, "larger than 8 MiB"),
        (b"\x00", 1, 1, "not TOML"),
        (b"b = 1\n" + b"a." * 4_000_000 + b"a = 1", 2, 1, "more than 500 dots"),
    ],
)
def test_what_is_not_toml_is_one_fault_with_line_and_column(data, line, column, words):
    (fault,) = faults_of(data)
    assert (fault.line, fault.column) == (line, column)
    assert words in fault.in_file("f")


def test_a_broken_text_and_its_remedy_are_two_sentences():
    (fault,) = faults_of(b'b = "\xff"')
    assert fault.in_file("f").endswith("the text is not UTF-8. Save the file as UTF-8.")


@pytest.mark.parametrize(
    ("others", "remedy"),
    [
        (
            'to = 2025-09-01, party = "fontana" },\n{ from = 2025-08-01, party = "aebi" }',
            "Begin on 2025-09-01, the next free day",
        ),
        (
            'to = 2025-09-01, party = "fontana" },\n'
            '{ from = 2025-08-01, to = 2025-12-01, party = "aebi" },\n'
            '{ from = 2025-09-01, to = 2025-10-01, party = "fontana" }',
            "Leave one of them out",
        ),
        (
            'party = "fontana" },\n{ from = 2025-05-01, party = "aebi" }',
            "give the earlier one a 'to'",
        ),
    ],
)
def test_an_overlap_says_when_the_next_day_is_free(others, remedy):
    text, _ = changed('{ from = 2025-05-01, party = "fontana" }', f"{{ from = 2025-05-01, {others}")
    assert any(remedy in fault.remedy for fault in faults_of(text))


@pytest.mark.parametrize(
    "number", ["1e9999999999999999999", "1e-9999999999999999999", "inf", "-nan", '"1e999999999"']
)
def test_a_hostile_number_is_a_fault(number):
    text, line = changed('power_kwp = "11.4"', f"power_kwp = {number}")
    assert [fault.line for fault in faults_of(text)] == [line]
    text, line = changed('rule = "proportional"', f"rule = 'quota'\nparams = {{ rest = {number} }}")
    if not number.startswith('"'):
        assert any("out of reach" in fault.message for fault in faults_of(text))


def test_a_hostile_key_cannot_write_to_the_terminal():
    text = ROSENWEG + f'"\\u001b[2J\\n{"x" * 100_000}" = 1\n'
    (fault,) = faults_of(text)
    line = fault.in_file("f")
    assert "\x1b" not in line
    assert "\n" not in line
    assert len(line) < 1000


@pytest.mark.parametrize("escape", ["\\u0007", "\\u2028", "\\ufffe", "\\uffff"])
def test_a_name_that_xml_cannot_hold_is_a_fault(escape):
    text, line = changed('name = "Netzanschluss"', f'name = "Netz{escape}x"')
    assert [(fault.line, "control characters" in fault.message) for fault in faults_of(text)] == [
        (line, True)
    ]


def test_a_name_that_a_qr_bill_cannot_hold_is_a_fault():
    text, line = changed('name = "Lukas Aebi"', 'name = "Lukas 😀 Aebi"')
    (fault,) = faults_of(text)
    assert (fault.line, fault.path) == (line, "party[2].name")
    assert "a QR-bill cannot hold" in fault.message


def test_an_empty_file_says_what_is_missing():
    messages = " ".join(fault.message for fault in faults_of(b""))
    for name in ("'format'", "'organisation'", "'site'"):
        assert f"{name} is missing" in messages


@pytest.mark.parametrize(
    "text",
    [
        "party = 1\nsite = 2\norganisation = []\nformat = 1",
        "format = 1\nparty = [1, 2]\nmeter = {}\n[site]\nref = []\n[organisation]\nref = {}",
        "format = 1\n[[price_sheet]]\n[[price_sheet.component]]\n[[reference_tariff]]\n"
        "[[reference_tariff.windows]]\n[[billing_point]]\n[[meter]]\ndevices = [{}]\n"
        "assignments = [{}]\n[[community]]\n[community.costs]\n[issuer]\n[[plant]]\n[[battery]]\n"
        "[[solution]]\n[[stakeholder]]\n[[party]]\n[[party.contact]]\n[site]\n[organisation]",
    ],
)
def test_tables_that_are_empty_or_of_a_wrong_type_are_faults_not_crashes(text):
    assert any(not fault.is_warning for fault in faults_of(text))
