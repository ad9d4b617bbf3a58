"""Entries balance; corrections only add."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.ledger.entry import (
    Entry,
    NotReversible,
    Posting,
    Unbalanced,
    balances,
    check,
    reversal,
)

DAY = date(2026, 4, 2)


def entry(ref: str, *amounts: str) -> Entry:
    postings = tuple(Posting(str(1000 + n), Decimal(a), "P") for n, a in enumerate(amounts))
    return Entry(ref, DAY, "CHF", "text", "2026-1", postings)


def test_an_entry_balances_or_does_not_exist():
    assert entry("e", "10.00", "-7.50", "-2.50")
    with pytest.raises(Unbalanced, match=r"off by 0\.01 CHF"):
        entry("e", "10.00", "-9.99")
    with pytest.raises(Unbalanced, match="finer than a cent"):
        entry("e", "10.005", "-10.005")


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8))
def test_an_entry_and_its_reversal_leave_nothing(cents):
    amounts = [Decimal(c).scaleb(-2) for c in [*cents, -sum(cents)]]
    one = entry("e1", *map(str, amounts))
    back = reversal(one, ref="e2", booked_date=DAY)
    assert not any(balances([one, back]).values())
    assert check([one, back]) == ()
    with pytest.raises(NotReversible):
        reversal(back, ref="e3", booked_date=DAY)


def test_balances_by_party():
    got = balances([entry("1", "10.00", "-10.00"), entry("2", "2.50", "-2.50")])
    assert got == {("1000", "P", "CHF"): Decimal("12.50"), ("1001", "P", "CHF"): Decimal("-12.50")}


def test_the_check_lists_everything():
    one = entry("e1", "10.00", "-10.00")
    back = reversal(one, ref="e2", booked_date=DAY)
    inexact = replace(entry("e5", "1.00", "-1.00"), reverses="e1")
    ledger = [
        one,
        back,
        replace(back, ref="e3"),
        replace(back, ref="e4", reverses="e9"),
        inexact,
        one,
        Entry("e6", DAY, "CHF", "", "", ()),
    ]
    messages = [str(finding) for finding in check(ledger)]
    assert len(messages) == 6
    for part in (
        "entry e3: It reverses e1, which e2 already reversed",
        "entry e4: It reverses e9, which is not before it",
        "entry e5: It is not the exact opposite of e1",
        "Two entries are called e1",
        "entry e6: The entry has no posting",
    ):
        assert any(part in message for message in messages)
