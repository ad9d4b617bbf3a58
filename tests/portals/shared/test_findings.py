"""Findings on a page: what is the same of several places is said once."""

from dataclasses import asdict

from quartier.core.kernel.findings import error, warning
from quartier.portals.shared.templatetags.sentences import grouped

GAP = ("metering.gap", "96 quarter-hours of its import are missing, on 01.11.2026.")


def test_what_is_the_same_of_many_places_is_said_once_and_names_them_all():
    findings = [
        error(*GAP, where="demo, meter a"),
        warning(*GAP, where="demo, meter b"),
        error(*GAP, where="demo, meter c"),
        error(*GAP, where="demo, meter a"),
        error(*GAP, where="demo, meter c"),
        error(*GAP, where="demo, meter d", remedy="Import it."),
    ]
    groups = grouped(findings)
    assert [(one["where"], one["others"]) for one in groups] == [
        ("demo, meter a", ["demo, meter c"]),
        ("demo, meter b", []),
        ("demo, meter d", []),
    ]
    assert grouped([asdict(one) for one in findings]) == groups, "stored ones too"
