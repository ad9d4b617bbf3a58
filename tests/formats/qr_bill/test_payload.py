"""The payload: the sample of rules.md W15, bills that are in circulation, and bad bills."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from quartier.core.kernel.findings import Severity
from quartier.formats.qr_bill import (
    BadQrBill,
    Party,
    QrBill,
    findings_of,
    make_scor,
    matrix_of,
    parse,
    payload_of,
    svg_of,
)
from quartier.formats.qr_bill.swico import parse_s1, s1

DATA = Path(__file__).parent / "data"
W15 = (
    "SPC|0200|1|CH4431999123000889012|S|Robert Schneider AG|Rue du Lac|1268|2501|Biel|CH"
    "||||||||1949.75|CHF|S|Pia-Maria Rutschmann-Schnyder|Grosse Marktgasse|28|9400|Rorschach|CH"
    "|QRR|210000000003139471430009017|Instruction of 15.09.2019|EPD"
).replace("|", "\n")
BILL = QrBill(
    iban="CH4431999123000889012",
    creditor=Party("Robert Schneider AG", "Rue du Lac", "1268", "2501", "Biel", "CH"),
    amount=Decimal("1949.75"),
    currency="CHF",
    debtor=Party(
        "Pia-Maria Rutschmann-Schnyder", "Grosse Marktgasse", "28", "9400", "Rorschach", "CH"
    ),
    reference_type="QRR",
    reference="210000000003139471430009017",
    message="Instruction of 15.09.2019",
)
NORMAL = "CH5800791123000889012"


def decode(payload: str) -> str:
    rows = matrix_of(payload)
    side = len(rows)
    image = Image.new("L", (side + 8, side + 8), 255)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            image.putpixel((x + 4, y + 4), 0 if dark else 255)
    codes = zxingcpp.read_barcodes(image.resize((image.width * 4, image.height * 4), 0))
    assert len(codes) == 1
    return codes[0].bytes.decode("utf-8")


def test_the_sample_of_w15_is_written_and_read():
    assert payload_of(BILL) == W15
    assert W15.count("\n") == 30
    assert parse(W15) == (BILL, [])


@pytest.mark.parametrize("path", sorted(DATA.glob("*.txt")), ids=lambda path: path.stem)
def test_bills_in_circulation(path):
    bill, findings = parse(path.read_bytes().decode("utf-8"))
    assert bill is not None
    codes = {finding.code for finding in findings}
    if path.stem == "qr-additional-information":  # free text where coded information belongs
        assert codes == {"qr_bill.bill_information"}
    elif path.stem == "sample-0008-sage200.pdf":
        assert codes == {"qr_bill.old_address"}
        assert all(finding.severity is Severity.WARNING for finding in findings)
        with pytest.raises(BadQrBill, match="structured addresses"):
            payload_of(bill)
    else:
        assert not findings
        text = payload_of(bill)
        again = path.read_text("utf-8").rstrip("\n")
        assert text == again.rstrip("\n") or path.stem.endswith("0014-sap-de.pdf")
        assert decode(text) == text


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"iban": NORMAL}, "qr_bill.not_qr_iban"),
        ({"reference_type": "SCOR", "reference": make_scor("1")}, "qr_bill.qr_iban"),
        ({"reference_type": "NON", "reference": ""}, "qr_bill.qr_iban"),
        ({"iban": NORMAL, "reference_type": "NON"}, "qr_bill.reference"),
        ({"iban": NORMAL, "reference_type": "SCOR", "reference": "RF00"}, "qr_bill.reference"),
        ({"iban": "CH00"}, "qr_bill.iban"),
        ({"reference_type": "ESR"}, "qr_bill.reference_type"),
        ({"reference": "210000000003139471430009018"}, "qr_bill.reference"),
        ({"amount": Decimal("0")}, "qr_bill.amount"),
        ({"amount": Decimal("-1")}, "qr_bill.amount"),
        ({"amount": Decimal("0.001")}, "qr_bill.amount"),
        ({"amount": Decimal("1000000000")}, "qr_bill.amount"),
        ({"amount": Decimal("NaN")}, "qr_bill.amount"),
        ({"currency": "USD"}, "qr_bill.currency"),
        ({"creditor": replace(BILL.creditor, name="")}, "qr_bill.empty"),
        ({"creditor": replace(BILL.creditor, name="n" * 71)}, "qr_bill.too_long"),
        ({"creditor": replace(BILL.creditor, country="CHE")}, "qr_bill.country"),
        ({"debtor": replace(BILL.debtor, town="")}, "qr_bill.empty"),
        ({"debtor": replace(BILL.debtor, house_number="1" * 17)}, "qr_bill.too_long"),
        ({"debtor": replace(BILL.debtor, name="Иван")}, "qr_bill.character"),
        ({"debtor": replace(BILL.debtor, name="two\nlines")}, "qr_bill.character"),
        ({"debtor": replace(BILL.debtor, kind="X")}, "qr_bill.address_kind"),
        ({"message": "m" * 100, "bill_information": "//S1/" + "1" * 40}, "qr_bill.too_long"),
        ({"message": "m" * 141}, "qr_bill.too_long"),
        ({"bill_information": "free text"}, "qr_bill.bill_information"),
        ({"alternative_schemes": ("a", "b", "c")}, "qr_bill.schemes"),
    ],
)
def test_a_bad_bill_is_refused_with_its_field(change, code):
    bad = replace(BILL, **change)
    findings = findings_of(bad)
    assert code in {finding.code for finding in findings}
    assert all(finding.where for finding in findings)
    with pytest.raises(BadQrBill):
        payload_of(bad)


def test_all_faults_are_listed_at_once():
    bad = replace(BILL, currency="USD", amount=Decimal(-1), iban="CH00")
    with pytest.raises(BadQrBill) as raised:
        payload_of(bad)
    assert len(raised.value.findings) == 3


@pytest.mark.parametrize("amount", ["0.01", "999999999.99", None])
def test_the_bounds_of_the_amount(amount):
    bill = replace(BILL, amount=None if amount is None else Decimal(amount))
    assert payload_of(bill).split("\n")[18] == (amount or "")


def test_zero_stands_with_its_notice_only():
    text = payload_of(replace(BILL, amount=Decimal("0"), message="DO NOT USE FOR PAYMENT"))
    assert text.split("\n")[18] == "0.00"


@pytest.mark.parametrize(
    "text",
    ["", "SPC", "x" * 998, W15.replace("SPC", "BCD"), W15.replace("EPD", "END"), W15 + "\n1" * 5],
)
def test_what_is_no_bill_is_said_so(text):
    bill, findings = parse(text)
    assert bill is None
    assert [finding.code for finding in findings] == ["qr_bill.not_a_bill"]


@pytest.mark.parametrize("amount", ["1'949.75", "1949,75", "1e3", "-1", "1.999", "NaN", "١"])
def test_a_malformed_amount_is_a_finding(amount):
    _, findings = parse(W15.replace("1949.75", amount))
    assert "amount" in {finding.where for finding in findings}


@given(st.text(max_size=400))
def test_any_text_is_read_without_an_exception(text):
    bill, findings = parse(text)
    assert bill is not None or findings


@given(st.integers(0, 30), st.text(max_size=30))
def test_any_line_may_be_broken_without_an_exception(at, text):
    lines = W15.split("\n")
    lines[at] = text
    parse("\n".join(lines))


LATIN = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x17F, exclude_categories=("Cc",)),
    min_size=1,
    max_size=35,
)


@given(LATIN, LATIN, st.decimals("0.01", "999999999.99", places=2))
def test_what_is_written_is_read_again(name, message, amount):
    bill = replace(
        BILL,
        debtor=replace(BILL.debtor, name=name),
        message=message,
        amount=amount,
        bill_information="//S1/10/1",
    )
    assert parse(payload_of(bill)) == (bill, [])


def test_the_largest_bill_fits_and_one_byte_too_many_is_refused():
    assert len(matrix_of("a" * 997)) == 25 * 4 + 17
    with pytest.raises(BadQrBill, match="version 25"):
        matrix_of("a" * 998)
    with pytest.raises(BadQrBill, match="version 25"):
        matrix_of("ä" * 997)
    with pytest.raises(BadQrBill, match="version 25"):
        matrix_of("a" * 5000)


def test_the_drawing_is_46_mm_and_always_the_same():
    assert 'width="46mm" height="46mm"' in svg_of(W15)
    assert svg_of(W15) == svg_of(W15)


def test_s1_is_written_read_and_shortened_to_its_room():
    known = {
        "number": "2026-17/3",
        "issued_date": date(2026, 10, 5),
        "from_date": date(2026, 7, 1),
        "last_date": date(2026, 9, 30),
        "due_days": 30,
        "customer_ref": "A-7",
        "uid": "CHE-107.978.798",
        "vat": [(Decimal("8.1"), Decimal("100.00")), (Decimal("0"), Decimal("12.50"))],
    }
    text = s1(**known)
    assert text == (
        "//S1/10/2026-17\\/3/11/261005/20/A-7/30/107978798/31/260701260930"
        "/32/8.1:100;0:12.5/40/0:30"
    )
    assert parse_s1(text)["10"] == "2026-17/3"
    assert "20" not in parse_s1(s1(**known, room=len(text) - 1))
    assert set(parse_s1(s1(**known, room=70))) == {"10", "11", "30", "31", "40"}
    assert s1(**known, room=10) == ""


def test_s1_of_a_bill_in_circulation():
    text = (DATA / "sample-0002-swico-synthetic.png.txt").read_text().split("\n")[31]
    tags = parse_s1(text)
    assert tags["10"] == "X.66711\\/8824"  # its vendor escaped the slash twice
    assert tags["40"] == "3:5;1.5:20;0:60"
    assert parse_s1("//XY/10/1") == {}
