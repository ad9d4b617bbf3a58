"""The one order of qualities."""

from quartier.core.kernel.quality import FROM_BEST, Quality


def test_every_quality_has_one_place_in_the_order():
    assert sorted(FROM_BEST) == sorted(Quality)


def test_what_may_not_be_billed_comes_last_and_missing_is_the_worst():
    assert [quality.is_billable for quality in FROM_BEST] == [True] * 5 + [False] * 2
    assert FROM_BEST[0] is Quality.MEASURED
    assert FROM_BEST[-1] is Quality.MISSING
