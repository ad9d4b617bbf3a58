"""What holds under every rule, and what one rule promises."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.core.allocation import BadParameters, MissingMeter, UnknownRule, allocate, rules

RULES = ("balance", "equal", "priority", "proportional", "quota")


@st.composite
def sites(draw, rule=None):
    """A site with consumers and plants, and all that ``allocate`` takes."""
    count, plants, length = (draw(st.integers(0, most)) for most in (6, 3, 4))
    top = draw(st.sampled_from([5, 10**6, 10**9, 10**12, 10**17]))
    energy = st.integers(0, top) | st.integers(0, 3) | st.just(top)

    def matrix(rows):
        cells = draw(st.lists(energy, min_size=rows * length, max_size=rows * length))
        return np.array(cells, dtype=np.int64).reshape(rows, length)

    rule = rule or draw(st.sampled_from(RULES))
    given = {"slots": draw(st.integers(0, 3 * 10**6))}
    parameters = {}
    key = rule
    if rule == "balance":
        key = draw(st.sampled_from(RULES[1:]))
        parameters["key"] = key
        given["grid_in_mwh"] = matrix(1)[0]
    if key == "quota":
        parts = [draw(st.integers(0, 5)) for _ in range(count)]
        whole = max(sum(parts) + draw(st.integers(0, 2)), 1)
        parameters["shares"] = {str(i): f"{part}/{whole}" for i, part in enumerate(parts)}
        rest = ["proportional"] if rule == "balance" else ["proportional", "export"]
        parameters["rest"] = draw(st.sampled_from(rest))
    if key == "priority":
        parameters["levels"] = {str(i): draw(st.integers(-1, 2)) for i in range(count)}
    if draw(st.booleans()):
        given["charge_mwh"], given["discharge_mwh"] = matrix(2)
    given["parameters"] = parameters
    return matrix(count), matrix(plants), rule, given


def total(matrix):
    """Sums of columns in Python's integers."""
    return [sum(int(value) for value in column) for column in matrix.T]


def test_the_rules_are_the_files():
    assert rules() == RULES
    with pytest.raises(UnknownRule, match="balance, equal, priority"):
        allocate(np.zeros((1, 1), np.int64), np.zeros((1, 1), np.int64), "nonsense", slots=0)


@given(sites())
def test_everything_sums(site):
    """Conservation and caps, in each interval, to the mWh."""
    consumption, production, rule, given = site
    result = allocate(consumption, production, rule, **given)
    assert np.array_equal(result.solar_mwh + result.grid_mwh, consumption)
    parts = result.used_mwh + result.charged_mwh + result.surplus_mwh
    assert np.array_equal(parts, production)
    for matrix in (
        *(result.solar_mwh, result.grid_mwh, result.used_mwh),
        *(result.surplus_mwh, result.charged_mwh, result.other_mwh),
    ):
        assert (matrix >= 0).all()
    solar, used = total(result.solar_mwh), total(result.used_mwh)
    stored = [0] * len(solar)
    available = total(production)
    if result.battery is not None:
        battery = result.battery
        common = np.minimum(given["charge_mwh"], given["discharge_mwh"])
        net_charge, net_discharge = given["charge_mwh"] - common, given["discharge_mwh"] - common
        assert np.array_equal(battery.charged_solar_mwh + battery.charged_grid_mwh, net_charge)
        assert np.array_equal(battery.used_mwh + battery.surplus_mwh, net_discharge)
        assert total(result.charged_mwh) == battery.charged_solar_mwh.tolist()
        left = [a - u for a, u in zip(available, used, strict=True)]
        assert battery.charged_solar_mwh.tolist() == [
            min(int(c), rest) for c, rest in zip(net_charge, left, strict=True)
        ]
        stored = battery.used_mwh.tolist()
        available = [a + int(e) for a, e in zip(available, net_discharge, strict=True)]
    other = result.other_mwh.tolist()
    assert solar == [u + s + o for u, s, o in zip(used, stored, other, strict=True)]
    if rule == "balance":
        wanted = zip(total(consumption), given["grid_in_mwh"], strict=True)
        assert solar == [max(0, c - int(g)) for c, g in wanted]
    elif given["parameters"].get("rest") == "export":
        assert all(s <= a for s, a in zip(solar, available, strict=True))
    else:
        assert solar == [min(a, c) for a, c in zip(available, total(consumption), strict=True)]


@given(sites(), st.data())
def test_a_period_in_parts_gives_the_same(site, data):
    consumption, production, rule, given = site
    whole = allocate(consumption, production, rule, **given)
    cut = data.draw(st.integers(0, consumption.shape[1]))
    for part in (slice(0, cut), slice(cut, None)):
        own = {name: v[part] if isinstance(v, np.ndarray) else v for name, v in given.items()}
        own["slots"] = given["slots"] + part.start
        result = allocate(consumption[:, part], production[:, part], rule, **own)
        for name in ("solar_mwh", "grid_mwh", "used_mwh", "surplus_mwh", "charged_mwh"):
            assert np.array_equal(getattr(result, name), getattr(whole, name)[:, part])


@given(sites())
def test_slots_may_be_given_one_by_one(site):
    consumption, production, rule, given = site
    whole = allocate(consumption, production, rule, **given)
    first = given.pop("slots")
    slots = np.arange(first, first + consumption.shape[1])
    again = allocate(consumption, production, rule, slots=slots, **given)
    assert np.array_equal(whole.solar_mwh, again.solar_mwh)


@given(sites(), st.randoms(use_true_random=False))
def test_the_order_of_consumers_moves_at_most_a_mwh(site, random):
    consumption, production, rule, given = site
    count = consumption.shape[0]
    order = list(range(count))
    random.shuffle(order)
    names = [str(i) for i in order]
    before = allocate(consumption, production, rule, **given).solar_mwh
    after = allocate(consumption[order], production, rule, consumers=names, **given).solar_mwh
    # A quota's second round starts from parts that may already differ by one.
    allowed = 2 if given["parameters"].get("rest") == "proportional" else 1
    assert not count or np.abs(after - before[order]).max(initial=0) <= allowed


@given(sites(), st.integers(1, 7))
def test_the_same_consumers_get_the_same_but_one(site, count):
    consumption, production, rule, given = site
    same = (
        np.broadcast_to(consumption[:1], (count, consumption.shape[1]))
        if len(consumption)
        else (np.ones((count, consumption.shape[1]), dtype=np.int64))
    )
    parameters = given["parameters"]
    if "shares" in parameters:
        parameters["shares"] = {str(i): Fraction(1, count + 1) for i in range(count)}
    if "levels" in parameters:
        parameters["levels"] = {str(i): 3 for i in range(count)}
    solar = allocate(np.array(same), production, rule, **given).solar_mwh
    assert (solar.max(axis=0) - solar.min(axis=0) <= 1).all()


@given(sites(), st.data())
def test_who_uses_more_gets_no_less(site, data):
    """And within a level or with equal shares nobody is overtaken (but for one mWh)."""
    consumption, production, rule, given = site
    if "shares" in given["parameters"] or "levels" in given["parameters"]:
        return
    solar = allocate(consumption, production, rule, **given).solar_mwh
    for at in range(consumption.shape[1]):
        order = np.argsort(consumption[:, at])
        assert (np.diff(solar[order, at]) >= -1).all()


@given(sites("proportional"))
def test_more_sun_takes_nothing_away_but_a_mwh(site):
    consumption, production, rule, given = site
    before = allocate(consumption, production, rule, **given).solar_mwh
    more = np.vstack([production, np.full((1, production.shape[1]), 12_345)])
    after = allocate(consumption, more, rule, **given).solar_mwh
    assert (after >= before - 1).all()


@given(sites("equal"))
def test_equal_leaves_nobody_behind(site):
    """Who does not get all they use gets as much as anybody, but for one mWh."""
    consumption, production, rule, given = site
    solar = allocate(consumption, production, rule, **given).solar_mwh
    for at in range(consumption.shape[1]):
        wants = solar[:, at] < consumption[:, at]
        if wants.any():
            assert solar[:, at].max() - solar[wants, at].min() <= 1


@given(sites("priority"))
def test_a_lower_level_gets_only_what_the_higher_leave(site):
    consumption, production, rule, given = site
    result = allocate(consumption, production, rule, **given)
    levels = given["parameters"]["levels"]
    for a, high in levels.items():
        for b, low in levels.items():
            if high > low:
                served = result.solar_mwh[int(b)] > 0
                assert (result.grid_mwh[int(a)][served] == 0).all()


def test_the_last_and_the_spring_day_are_days_like_others():
    """92, 96 or 100 quarter-hours: only slots count. 2026-03-29 and 2026-10-25, Zurich."""
    for first, length in ((1_972_028, 92), (1_992_180, 100)):
        consumption = np.full((3, length), 1_000)
        production = np.full((1, length), 1_000)
        solar = allocate(consumption, production, "equal", slots=first).solar_mwh
        assert (solar.sum(axis=0) == 1_000).all()
        assert len(np.unique(solar, axis=1).T) == 3  # each gets the odd one at some time


def test_above_the_limit_of_int64_products():
    """20 GWh an interval: as exact as any other."""
    consumption = np.array([[10**13], [2 * 10**13 + 1]])
    production = np.array([[10**13 + 7]])
    solar = allocate(consumption, production, "proportional", slots=0).solar_mwh[:, 0]
    exact = Fraction((10**13 + 7) * 10**13, 3 * 10**13 + 1)
    assert abs(int(solar[0]) - exact) < 1
    assert solar.sum() == 10**13 + 7


def test_who_is_not_a_member_gets_and_draws_nothing():
    consumption = np.array([[100, 100], [100, 100]])
    is_member = np.array([[True, False], [True, True]])
    production = np.array([[100, 100]])
    result = allocate(consumption, production, "equal", slots=0, is_member=is_member)
    assert result.solar_mwh.tolist() == [[50, 0], [50, 100]]
    assert result.grid_mwh.tolist() == [[50, 0], [50, 0]]
    quota = {"rest": "export", "shares": {"0": "1/2", "1": "1/2"}}
    result = allocate(
        consumption, production, "quota", slots=0, is_member=is_member, parameters=quota
    )
    assert result.solar_mwh.tolist() == [[50, 0], [50, 50]]
    assert result.surplus_mwh.tolist() == [[0, 50]]


ONE = np.ones((2, 1), np.int64)


@pytest.mark.parametrize(
    ("rule", "parameters", "words"),
    [
        ("proportional", {"x": 1}, "has no parameter 'x'; it has none"),
        ("equal", {"shares": {}}, "has no parameter 'shares'"),
        ("quota", {}, "needs rest"),
        ("quota", {"rest": "drop"}, "not 'drop'"),
        ("quota", {"rest": ["export"]}, "needs rest"),
        ("quota", {"rest": "export"}, r"needs a table \[shares\]"),
        ("quota", {"rest": "export", "shares": {"a": 1}}, "no value for b"),
        ("quota", {"rest": "export", "shares": {"a": 0, "b": 0, "c": 0}}, "names 'c'"),
        ("quota", {"rest": "export", "shares": {"a": 1, "b": Decimal("0.1")}}, "sums to 1.1"),
        ("quota", {"rest": "export", "shares": {"a": -1, "b": 0}}, "shares.a = -1"),
        ("quota", {"rest": "export", "shares": {"a": 0.5, "b": 0}}, "shares.a = 0.5"),
        ("quota", {"rest": "export", "shares": {"a": True, "b": 0}}, "is not a share"),
        ("quota", {"rest": "export", "shares": {"a": "1/0", "b": 0}}, "is not a share"),
        ("quota", {"rest": "export", "shares": {"a": "x", "b": 0}}, "is not a share"),
        ("quota", {"rest": "export", "shares": {"a": Decimal("nan"), "b": 0}}, "is not a share"),
        ("quota", {"rest": "export", "shares": {"a": Decimal("inf"), "b": 0}}, "is not a share"),
        ("quota", {"rest": "export", "shares": {"a": "1e-30", "b": 0}}, "common denominator"),
        ("priority", {}, r"needs a table \[levels\]"),
        ("priority", {"levels": {"a": 1, "b": "high"}}, "levels.b = 'high'"),
        ("priority", {"levels": {"a": 1, "b": True}}, "levels.b = True"),
        ("balance", {}, "needs key"),
        ("balance", {"key": "balance"}, "needs key"),
        ("balance", {"key": ["equal"]}, "needs key"),
        ("balance", {"key": "quota", "rest": "export"}, 'needs rest = "proportional"'),
        ("balance", {"key": "equal", "x": 1}, "the rule equal has no parameter 'x'"),
    ],
)
def test_bad_parameters(rule, parameters, words):
    with pytest.raises(BadParameters, match=words):
        allocate(
            ONE,
            ONE,
            rule,
            slots=0,
            parameters=parameters,
            consumers=["a", "b"],
            grid_in_mwh=ONE[0] if rule == "balance" else None,
        )


def test_a_meter_that_is_missing_or_not_used():
    with pytest.raises(MissingMeter, match="balance needs"):
        allocate(ONE, ONE, "balance", slots=0, parameters={"key": "equal"})
    with pytest.raises(MissingMeter, match="equal does not use"):
        allocate(ONE, ONE, "equal", slots=0, grid_in_mwh=ONE[0])
    with pytest.raises(MissingMeter, match="both series"):
        allocate(ONE, ONE, "equal", slots=0, charge_mwh=ONE[0])
