"""Findings and refusals on pages: ``{{ finding.message|said }}``, ``{{ finding.where|place }}``."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template

from quartier.portals.shared.sentences.reader import read, read_place

register = template.Library()
register.filter("said", read)
register.filter("place", read_place)


@register.filter
def grouped(findings: Iterable[Any]) -> list[dict[str, Any]]:
    """Findings that say the same of several places as one, which names the ``others`` too: thirty
    meters without values are one thing to do."""
    groups: dict[tuple[Any, ...], dict[str, Any]] = {}
    for finding in findings:
        one = {name: _of(finding, name) for name in _FIELDS}
        key = tuple(value for name, value in one.items() if name != "where")
        first = groups.setdefault(key, {**one, "others": []})
        if one["where"] != first["where"] and one["where"] not in first["others"]:
            first["others"].append(one["where"])
    return list(groups.values())


_FIELDS = ("severity", "code", "message", "where", "remedy", "since", "link", "action")


def _of(finding: Any, name: str) -> Any:
    if isinstance(finding, Mapping):
        return finding.get(name, "")
    return getattr(finding, name, "")
