"""The shares of a community against each other and against its E31; unproven, and said to be."""

from datetime import UTC, datetime

import pytest

from quartier.apps.intake.balance import UNPROVEN
from quartier.apps.intake.check import check
from tests.apps.intake.letters import import_letters
from tests.formats.sdat.messages import COMMUNITY, Block, Letter

pytestmark = pytest.mark.django_db
START = datetime(2026, 1, 5, 23, tzinfo=UTC)
POINTS = [f"CH10123450123000000000000000{n:06}" for n in range(9)]


def shares(values, number=0, direction="Consumption"):
    block = Block(START, values, point=POINTS[number], product=COMMUNITY, direction=direction)
    return Letter([block], reason="C40")


def e31(values, flow="E17", created_at=datetime(2026, 2, 1, tzinfo=UTC)):
    letter = Letter(
        [Block(START, values, product=COMMUNITY)],
        reason="C40",
        kind="AggregatedMeteredData",
        document_type="E31",
        version="13",
        created_at=created_at,
    )
    return (
        letter.xml()
        .replace(b"<rsm:ConsumptionMeteringPoint>", b"<rsm:AggregationCriteria>")
        .replace(b"</rsm:ConsumptionMeteringPoint>", b"</rsm:AggregationCriteria>")
        .replace(
            b"<rsm:VSENationalID>",
            b"<rsm:FlowCharacteristic><rsm:ebIXCode>" + flow.encode() + b"<!--",
        )
        .replace(b"</rsm:VSENationalID>", b"--></rsm:ebIXCode></rsm:FlowCharacteristic>")
    )


def found(findings):
    return {f.code: f for f in findings if f.code.startswith(("intake.e31", "intake.comm"))}


def test_an_e31_that_is_the_sum_of_the_shares_is_said_to_agree(site):
    letters = [shares(["0.100", "0.200"]), shares(["0.300", "0.050"], 1), e31(["0.401", "0.250"])]
    report = import_letters(site, *letters)
    ((code, finding),) = found(report.findings).items()
    assert code == "intake.e31_agrees"
    assert finding.severity == "info"
    assert "2 meters in 2 quarter-hours" in finding.message
    assert UNPROVEN in finding.message
    assert set(found(check(site))) == {"intake.e31_agrees"}


def test_an_e31_that_differs_is_a_warning_with_the_worst_quarter_hour(site):
    import_letters(site, shares(["0.100", "0.200"]))
    report = import_letters(site, e31(["0.100", "0.900"]))
    (finding,) = found(report.findings).values()
    assert finding.code == "intake.e31_differs"
    assert "in 1 quarter-hours, by up to 0.700 kWh at 2026-01-05T23:15Z" in finding.message
    assert UNPROVEN in finding.message
    assert report.needs_attention
    assert set(found(check(site))) == {"intake.e31_differs"}


def test_an_e31_that_came_before_the_shares_is_compared_by_check(site):
    report = import_letters(site, e31(["0.100", "0.200"]))
    assert set(found(report.findings)) == {"intake.e31_uncompared"}
    import_letters(site, shares(["0.100", "0.300"]))
    assert set(found(check(site))) == {"intake.e31_differs"}


def test_the_newest_e31_counts(site):
    newer = e31(["0.100", "0.200"], created_at=datetime(2026, 2, 2, tzinfo=UTC))
    report = import_letters(site, newer, shares(["0.100", "0.200"]), e31(["0.100", "9.000"]))
    assert set(found(report.findings)) == {"intake.e31_agrees"}


def test_where_a_share_is_missing_nothing_is_compared(site):
    report = import_letters(
        site, shares(["0.100", ""]), shares(["0.100", "0.100"], 1), e31(["0.200", "0.900"])
    )
    codes = found(report.findings)
    assert set(codes) == {"intake.e31_agrees", "intake.e31_uncompared"}
    assert codes["intake.e31_uncompared"].message.startswith("1 quarter-hours")


def test_what_consumers_got_is_what_producers_gave(site):
    import_letters(site, shares(["0.100", "0.200"]), shares(["0.300", "0.100"], 1))
    report = import_letters(site, shares(["0.401", "0.300"], 2, "Production"))
    assert found(report.findings) == {}
    assert found(check(site)) == {}
    worse = shares(["0.400", "0.200"], 2, "Production").but(
        created_at=datetime(2026, 2, 2, tzinfo=UTC)
    )
    report = import_letters(site, worse)
    assert set(found(report.findings)) == {"intake.community_unbalanced"}
    assert "by up to 0.100 kWh" in found(report.findings)["intake.community_unbalanced"].message
    assert set(found(check(site))) == {"intake.community_unbalanced"}
