"""References: the vectors of rules.md W15, and what they must refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.formats.qr_bill import (
    BadReference,
    check_qrr,
    check_scor,
    grouped_reference,
    invoice_qrr,
    make_qrr,
    make_scor,
    mod10_recursive,
)

DIGITS = st.text("0123456789", min_size=1, max_size=26).filter(lambda text: text.strip("0"))


@pytest.mark.parametrize(
    ("digits", "check"),
    [
        ("21000000000313947143000901", 7),
        ("0" * 26, 0),
        ("31399100000000000000000042", 7),
    ],
)
def test_mod10_recursive_vectors(digits, check):
    assert mod10_recursive(digits) == check


def test_scor_vector():
    assert make_scor("539007547034") == "RF18539007547034"
    assert check_scor("RF18 5390 0754 7034") == "RF18539007547034"


@given(DIGITS)
def test_a_made_qrr_checks_and_keeps_its_digits(digits):
    reference = make_qrr(digits)
    assert len(reference) == 27
    assert check_qrr(grouped_reference(reference)) == reference
    assert reference[:-1].lstrip("0") == digits.lstrip("0")


@given(DIGITS, st.integers(0, 26), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(digits, place, shift):
    reference = make_qrr(digits)
    wrong = reference[:place] + str((int(reference[place]) + shift) % 10) + reference[place + 1 :]
    with pytest.raises(BadReference):
        check_qrr(wrong)


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=21))
def test_a_made_scor_checks(body):
    assert check_scor(make_scor(body)).endswith(body)


@pytest.mark.parametrize("text", ["", "0", "1" * 27, "12a", "١٢٣", "-1"])
def test_bad_qrr_bases_are_refused(text):
    with pytest.raises(BadReference):
        make_qrr(text)


@pytest.mark.parametrize(
    "text", ["", "RF", "RF19539007547034", "RF18" + "1" * 22, "XX18539007547034"]
)
def test_bad_scors_are_refused(text):
    with pytest.raises(BadReference):
        check_scor(text)


@pytest.mark.parametrize("body", ["", "ä", "1" * 22, "a_b"])
def test_bad_scor_bodies_are_refused(body):
    with pytest.raises(BadReference):
        make_scor(body)


def test_the_reference_of_an_invoice_holds_prefix_tenant_and_number():
    assert invoice_qrr(42, 20260123, bank_prefix="313991")[:-1] == "31399100000000420020260123"
    assert invoice_qrr(42, 7) != invoice_qrr(42, 8) != invoice_qrr(43, 8)


@pytest.mark.parametrize(
    ("tenant", "invoice", "prefix"),
    [(1, 0, ""), (-1, 1, ""), (10**16, 1, ""), (1, 10**10, ""), (1, 1, "123456789"), (1, 1, "x")],
)
def test_an_invoice_reference_without_room_is_refused(tenant, invoice, prefix):
    with pytest.raises(BadReference):
        invoice_qrr(tenant, invoice, bank_prefix=prefix)


def test_groups_as_printed():
    assert grouped_reference("210000000003139471430009017") == "21 00000 00003 13947 14300 09017"
    assert grouped_reference("RF18539007547034") == "RF18 5390 0754 7034"
