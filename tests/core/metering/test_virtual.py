"""Rules of virtual meters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.kernel.quality import Quality
from quartier.core.metering.intervals import MISSING_WH
from quartier.core.metering.virtual import (
    BadRule,
    Term,
    combine,
    evaluation_order,
    parse_rule,
    worst,
)


def test_a_rule_is_terms_with_signs():
    assert parse_rule("entry - flat-1+pv:export") == (
        Term(1, "entry"),
        Term(-1, "flat-1"),
        Term(1, "pv", "export"),
    )
    assert parse_rule("- a + b") == (Term(-1, "a"), Term(1, "b"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("a b", "'b' follows a meter"),
        ("a -", "end of the rule"),
        ("a + + b", r"not '\+'"),
        ("a * b", r"'\*' follows"),
        ("a + b:both", "'b:both'"),
        ("__import__('os')", "is expected"),
        ("a + " * 100_000, "more than"),
    ],
)
def test_what_is_no_rule_is_quoted(text, says):
    with pytest.raises(BadRule, match=says):
        parse_rule(text)


@given(st.text(max_size=40))
def test_any_text_is_a_rule_or_an_error(text):
    try:
        terms = parse_rule(text)
    except BadRule:
        return
    assert all(term.sign in (1, -1) and term.ref in text for term in terms)


def order(rules, known="abc", isolated=""):
    return evaluation_order({ref: parse_rule(text) for ref, text in rules.items()}, known, isolated)


def test_a_virtual_meter_comes_after_those_it_needs():
    assert order({"x": "y - a", "y": "z + b", "z": "a + b"}) == ["z", "y", "x"]
    assert order({"x": "z", "y": "z", "z": "a"}) == ["z", "x", "y"]


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ({"x": "a + q"}, "rule of x names q, which is no meter"),
        ({"x": "a - c"}, "rule of x uses c, which is isolated"),
        ({"x": "x"}, "needs itself: x > x"),
        ({"x": "a + y", "y": "z", "z": "y"}, "needs itself: y > z > y"),
    ],
)
def test_a_rule_that_cannot_be_computed_says_why(rules, says):
    with pytest.raises(BadRule, match=says):
        order(rules, isolated="c")


def test_a_long_chain_of_rules_is_no_recursion():
    rules = {f"m{i}": f"m{i + 1}" for i in range(5_000)} | {"m5000": "a"}
    assert len(order(rules)) == 5_001


M, E, T, X = Quality.MEASURED, Quality.ESTIMATED, Quality.TEMPORARY, Quality.MISSING


def term(sign, energies, qualities):
    return sign, np.array(energies, np.int64), np.array(qualities, np.uint8)


def test_a_gap_propagates_and_is_never_zero():
    total, quality, findings = combine(
        [
            term(1, [50, 50, MISSING_WH, MISSING_WH], [M, E, X, X]),
            term(-1, [20, MISSING_WH, 20, MISSING_WH], [T, X, M, X]),
        ],
        0,
        "x",
    )
    assert total.tolist() == [30, MISSING_WH, MISSING_WH, MISSING_WH]
    assert quality.tolist() == [T, X, X, X]
    assert findings == []


def test_a_result_below_zero_is_a_finding():
    total, _, findings = combine(
        [term(1, [5, 5, 5], [M] * 3), term(-1, [5, 9, 6], [M] * 3)], 0, "x"
    )
    assert total.tolist() == [0, -4, -1]
    assert [finding.code for finding in findings] == ["metering.virtual_negative"]
    assert "2 quarter-hours" in findings[0].message
    assert "-5 Wh" in findings[0].message


def test_the_worse_quality_wins():
    every = np.array(list(Quality), np.uint8)
    assert worst(every, np.full(len(every), M, np.uint8)).tolist() == every.tolist()
    assert worst(every, every[::-1]).tolist() == worst(every[::-1], every).tolist()
