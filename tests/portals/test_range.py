"""Two days that a person picks: both included, kept with the billing point, refused in words."""

import tracemalloc
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.portals.shared.picked import day_of, span_in_query
from quartier.portals.shared.span import BadSpan

ZURICH = ZoneInfo("Europe/Zurich")
TODAY = date(2026, 10, 3)
URL = "/sites/linde/energy/"


def span(**query):
    return span_in_query(query, ZURICH, TODAY, "month", TODAY)


def test_both_days_are_included():
    found, fault = span(first="2026-08-03", last="2026-08-05")
    assert (found.from_date, found.to_date, fault) == (date(2026, 8, 3), date(2026, 8, 6), "")
    one, _fault = span(first="2026-08-03", last="2026-08-03")
    assert one.step == "quarter"


def test_five_years_are_the_most():
    assert span(first="2020-02-29", last="2025-02-28")[1] == ""
    assert "more than 5 years" in span(first="2020-02-29", last="2025-03-01")[1]
    assert span(first="2021-10-04", last="2026-10-03")[1] == ""
    assert "more than 5 years" in span(first="2021-10-03", last="2026-10-03")[1]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"first": "2026-08-05", "last": "2026-08-03"}, "swap them"),
        ({"first": "2026-08-05", "last": "2026-10-04"}, "in the future"),
        ({"first": "2026-08-05"}, "Give both days"),
        ({"last": "2026-08-05"}, "Give both days"),
        ({"first": "0001-01-01", "last": "2026-08-03"}, "mend the year"),
        ({"first": "2026-08-01", "last": "9999-12-31"}, "mend the year"),
        ({"first": "2026-02-30", "last": "2026-08-03"}, "is no day"),
        ({"first": "<script>" * 900, "last": "2026-08-03"}, "is no day"),
        ({"from": "2026-08-05", "to": "2026-08-05"}, "swap them"),
        ({"from": "2026-08-05", "to": "x"}, "is no day"),
        ({"from": "2026-08-05"}, "Give both days"),
        ({"range": "month", "at": "\x00"}, "is no day"),
        ({"range": "decade"}, "is no range"),
    ],
)
def test_what_cannot_be_shown_says_why(query, says):
    found, fault = span(**query)
    assert says in fault
    assert len(fault) < 200
    assert found.kind == "month"


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_breaks_the_range(first, last):
    found, fault = span(first=first, last=last)
    assert fault or (first, last) == ("", "") or found.kind == "custom"


@given(st.text(max_size=20))
def test_a_day_or_words(text):
    try:
        assert isinstance(day_of(text), date)
    except BadSpan as problem:
        assert str(problem).endswith(".")  # noqa: PT017  (either way is right)


@pytest.mark.django_db
@pytest.mark.db
@pytest.mark.parametrize("role", ["operator", "resident"])
def test_a_range_too_large_for_the_memory_is_refused(world, role, monkeypatch):
    """The values that are held at once are counted: 3 households, their house and 40 days."""
    from quartier.portals.shared import energy
    from quartier.portals.shared.energy import shared_energy

    held = []

    def counted(site, dates, **more):
        shared, findings = shared_energy(site, dates, **more)
        held.append(shared.consumption_mwh.size)
        return shared, findings

    monkeypatch.setattr(energy, "shared_energy", counted)
    places = max(world.site.billing_points.count(), world.site.meters.count())
    monkeypatch.setattr(energy, "MOST_VALUES", 40 * 96 * places)
    url = URL if role == "operator" else "/me/energy/"
    client = world.as_(role)
    for query in ("first=2026-07-01&last=2026-08-09", "range=month&at=2026-08-01"):
        page = client.get(f"{url}?{query}")
        assert page.context["chart"].pick.fault == ""
    for query in ("first=2026-07-01&last=2026-08-10", "range=year&at=2026-08-01"):
        page = client.get(f"{url}?{query}")
        assert "choose at most 40 days" in page.content.decode()
    assert len(held) == 4
    assert max(held) <= energy.MOST_VALUES


@pytest.mark.django_db
@pytest.mark.db
def test_the_memory_of_a_range_is_what_its_limit_rests_on(world):
    from quartier.portals.shared.energy import MOST_VALUES, energy_in
    from quartier.portals.shared.span import span_of

    tracemalloc.start()
    shared, _findings = energy_in(world.site, span_of("quarter", date(2026, 8, 1), ZURICH))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak / shared.consumption_mwh.size < 150, "a few places carry the rows of the site too"
    assert MOST_VALUES * 50 < 700_000_000


@pytest.mark.django_db
@pytest.mark.db
def test_the_page_keeps_the_billing_point_and_gives_the_same_range_as_csv(world):
    client = world.as_("operator")
    page = client.get(f"{URL}?first=2026-08-03&last=2026-08-05&point=w002")
    assert page.context["chart"].title == "03.08.2026 – 05.08.2026"
    html = page.content.decode()
    assert '<input type="hidden" name="point" value="w002">' in html
    assert 'value="2026-08-03"' in html
    assert 'value="2026-08-05"' in html
    answer = client.get(page.context["chart"].csv)
    assert 'filename="linde-w002-2026-08-03-2026-08-05.csv"' in answer["Content-Disposition"]
    assert answer.content.decode("utf-8-sig").count("\n") == 1 + 3 * 24


@pytest.mark.django_db
@pytest.mark.db
def test_the_page_says_what_is_wrong_and_runs_nothing(world):
    bad = "%3Cscript%3Ealert(1)%3C/script%3E"
    page = world.as_("operator").get(f"{URL}?first={bad}&last=2026-08-03").content.decode()
    assert "is no day" in page
    assert "<script>alert" not in page
