"""Whether a payload is as the official schema of its action has it, in and out.

The schemas are the Open Charge Alliance's, as the package ``ocpp`` ships them; of that package
nothing else is used. Each is compiled when it is first needed.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import jsonschema_rs

from quartier.ocpp.problems import BadPayload, Problem
from quartier.ocpp.versions import Version

_FOLDERS = {Version.V16: "v16", Version.V201: "v201", Version.V21: "v21"}
_ASKED = {Version.V16: "{}.json", Version.V201: "{}Request.json", Version.V21: "{}Request.json"}
_KINDS: Mapping[str, Problem] = MappingProxyType(
    {
        "Required": Problem.OCCURRENCE,
        "MinItems": Problem.OCCURRENCE,
        "MaxItems": Problem.OCCURRENCE,
        "Type": Problem.TYPE,
        "AdditionalProperties": Problem.SYNTAX,
    }
)
"""What a broken rule of a schema is; all others are about a value."""
_LONGEST = 200


@cache
def actions(version: Version) -> frozenset[str]:
    """The actions of ``version``, in either direction."""
    found = set()
    for path in files("ocpp").joinpath(_FOLDERS[version], "schemas").iterdir():
        name = path.name.removesuffix(".json")
        if path.name.endswith(".json") and not name.endswith("Response"):
            found.add(name.removesuffix("Request"))
    return frozenset(found)


def check_asked(version: Version, action: str, payload: Any) -> None:
    """Whether ``payload`` asks for ``action``; raises :class:`BadPayload`."""
    if action not in actions(version):
        raise BadPayload(Problem.UNKNOWN_ACTION, f"{version} has no action {action!r:.80}")
    _check(_validator(version, _ASKED[version].format(action)), payload)


def check_answer(version: Version, action: str, payload: Any) -> None:
    """Whether ``payload`` answers ``action``; raises :class:`BadPayload`."""
    _check(_validator(version, f"{action}Response.json"), payload)


def _check(validator: Any, payload: Any) -> None:
    try:
        if validator.is_valid(payload):
            return
        first = next(iter(validator.iter_errors(payload)))
    except ValueError as deep:  # some hundred levels, which no message has
        raise BadPayload(Problem.SYNTAX, f"the payload cannot be read: {deep}") from None
    kind = type(first.kind).__name__.rsplit(".", 1)[-1]
    place = ".".join(str(step) for step in first.instance_path) or "the payload"
    problem = _KINDS.get(kind, Problem.VALUE)
    if problem is Problem.TYPE and not first.instance_path:
        problem = Problem.SYNTAX  # the payload is no object at all
    raise BadPayload(problem, f"{place}: {first.message[:_LONGEST]}")


@cache
def _validator(version: Version, name: str) -> Any:
    path = files("ocpp").joinpath(_FOLDERS[version], "schemas", name)
    schema = json.loads(path.read_text(encoding="utf-8-sig"))
    return jsonschema_rs.validator_for(schema, validate_formats=True)
