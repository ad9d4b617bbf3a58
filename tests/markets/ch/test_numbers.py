"""UID and IBAN, with hostile input."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.markets.ch.iban import Iban, NotIban, iban_of
from quartier.markets.ch.uid import NotUid, uid_of, vat_number


@pytest.mark.parametrize(
    "text", ["CHE-123.456.788", "CHE123456788", "che-123.456.788 mwst", " CHE-123.456.788 TVA "]
)
def test_spellings_of_a_uid(text):
    assert uid_of(text) == "CHE-123.456.788"


@pytest.mark.parametrize(
    "text",
    ["", "CHE-123.456.789", "CHE-123.456.78", "ATU12345678", "CHE-１２３.456.788", "x" * 10_000],
)
def test_what_is_no_uid(text):
    with pytest.raises(NotUid):
        uid_of(text)


@given(st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_of_a_uid_is_noticed(place, shift):
    digits = [int(c) for c in "123456788"]
    digits[place] = (digits[place] + shift) % 10
    with pytest.raises(NotUid):
        uid_of("CHE" + "".join(map(str, digits)))


def test_a_vat_number_in_the_language_of_the_document():
    assert vat_number("CHE123456788", "de") == "CHE-123.456.788 MWST"
    assert vat_number("CHE123456788", "fr") == "CHE-123.456.788 TVA"


def test_an_iban_prints_in_groups():
    assert str(iban_of("CH9300762011623852957")) == "CH93 0076 2011 6238 5295 7"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CH93 0076 2011 6238 5295 8",
        "DE89370400440532013000",
        "CH930076201162385295",
        "CH93O0762011623852957",
        "CH９300762011623852957",
        "A" * 5000,
    ],
)
def test_what_is_no_iban(text):
    with pytest.raises(NotIban):
        iban_of(text)


@given(st.text(max_size=40))
def test_any_text_is_an_iban_or_refused(text):
    with contextlib.suppress(NotIban):
        assert isinstance(iban_of(text), Iban)


@given(st.integers(0, 20), st.integers(1, 9))
def test_one_wrong_digit_of_an_iban_is_noticed(place, shift):
    text = "CH4431999123000889012"
    if text[place].isdecimal():
        wrong = text[:place] + str((int(text[place]) + shift) % 10) + text[place + 1 :]
        with pytest.raises(NotIban):
            iban_of(wrong)
