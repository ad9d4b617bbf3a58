"""Virtual meters: sums and differences of other meters (system.md 11; rules.md a.3, [S32]).

A rule is text such as ``entry + pv - entry:export``: refs of meters joined by ``+`` and ``-``.
As refs may hold a dash, a minus stands between spaces. ``:import`` or ``:export`` picks a
direction; without it the meter's own counts. A virtual meter has a value only where every one of
its sources has one: a gap propagates, it is never 0.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from quartier.core.kernel.findings import Finding, Severity
from quartier.core.kernel.period import slot_starts_at
from quartier.core.kernel.quality import FROM_BEST, Quality
from quartier.core.metering.intervals import MISSING_WH, Energies, Qualities

_TERM = re.compile(r"(?P<ref>[A-Za-z0-9][A-Za-z0-9._-]*)(?::(?P<direction>import|export))?")
_MOST_TERMS = 200

_BY_RANK = np.array(FROM_BEST, np.uint8)
_RANK = np.argsort(_BY_RANK).astype(np.uint8)


class BadRule(ValueError):
    """The rule of a virtual meter cannot be read or computed."""


@dataclass(frozen=True, slots=True)
class Term:
    """One meter of a rule: added (``sign`` 1) or subtracted (-1); ``direction`` "" is its own."""

    sign: int
    ref: str
    direction: str = ""


def parse_rule(text: str) -> tuple[Term, ...]:
    """The terms of a rule; raises :class:`BadRule` that quotes what cannot be read."""
    words = re.sub(r"\+", " + ", text).split()
    if not words:
        raise BadRule("the rule is empty; example: entry - flat-1 - flat-2")
    if len(words) > 2 * _MOST_TERMS:
        raise BadRule(f"the rule has more than {_MOST_TERMS} meters")
    if words[0] not in ("+", "-"):
        words.insert(0, "+")
    terms = []
    for sign, word in zip(words[::2], [*words[1::2], ""], strict=False):
        if sign not in ("+", "-"):
            raise BadRule(f"{sign!r} follows a meter; join meters by ' + ' or ' - '")
        match = _TERM.fullmatch(word)
        if match is None:
            what = repr(word) if word else "the end of the rule"
            raise BadRule(f"after {sign!r} a meter is expected, not {what}")
        terms.append(Term(1 if sign == "+" else -1, match["ref"], match["direction"] or ""))
    return tuple(terms)


def evaluation_order(
    rules: Mapping[str, Sequence[Term]], known: Collection[str], isolated: Collection[str] = ()
) -> list[str]:
    """The refs of the virtual meters, each after those it needs.

    ``rules`` by ref of the virtual meter; ``known`` are the refs of all meters that may be read;
    ``isolated`` those that may stand in no rule. Raises :class:`BadRule` for an unknown or
    isolated meter and for a rule that needs itself.
    """
    order: list[str] = []
    done: set[str] = set()
    for start in rules:
        path: list[str] = []
        stack = [(start, iter(rules[start]))] if start not in done else []
        path += [start] if stack else []
        while stack:
            ref, terms = stack[-1]
            term = next(terms, None)
            if term is None:
                stack.pop()
                path.pop()
                done.add(ref)
                order.append(ref)
                continue
            if term.ref in isolated:
                raise BadRule(f"the rule of {ref} uses {term.ref}, which is isolated")
            if term.ref not in known and term.ref not in rules:
                raise BadRule(f"the rule of {ref} names {term.ref}, which is no meter of this site")
            if term.ref in path:
                circle = " > ".join([*path[path.index(term.ref) :], term.ref])
                raise BadRule(f"the rule of {term.ref} needs itself: {circle}")
            if term.ref in rules and term.ref not in done:
                stack.append((term.ref, iter(rules[term.ref])))
                path.append(term.ref)
    return order


def worst(first: Qualities, second: Qualities) -> Qualities:
    """The worse quality of each pair; MISSING is the worst."""
    return _BY_RANK[np.maximum(_RANK[first], _RANK[second])]


def combine(
    terms: Sequence[tuple[int, Energies, Qualities]], first_slot: int, where: str
) -> tuple[Energies, Qualities, list[Finding]]:
    """The sum of ``terms`` (sign, energies int64[t] in Wh, qualities uint8[t]) slot by slot.

    A slot is missing if any source misses it. A result below 0 stays as it is and is a finding:
    a meter is wired, assigned or read wrongly (rules.md a.3, losses).
    """
    assert terms
    quality = terms[0][2]
    energy_wh = np.zeros(len(quality), np.int64)
    for sign, source_wh, source_quality in terms:
        energy_wh += sign * source_wh
        quality = worst(quality, source_quality)
    energy_wh[quality == Quality.MISSING] = MISSING_WH
    is_negative = (energy_wh < 0) & (quality != Quality.MISSING)
    findings = []
    if is_negative.any():
        slots = np.flatnonzero(is_negative)
        total_wh = int(energy_wh[is_negative].sum())
        findings.append(
            Finding(
                "metering.virtual_negative",
                Severity.ERROR,
                f"{len(slots)} quarter-hours of the rule are below 0, {total_wh} Wh in all.",
                where,
                slot_starts_at(first_slot + int(slots[0])),
                slot_starts_at(first_slot + int(slots[-1]) + 1),
                "Check the wiring and the rule: more was subtracted than was measured.",
            )
        )
    return energy_wh, quality, findings
