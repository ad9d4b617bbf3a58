"""The M-Bus part of docs/drivers.md."""

from quartier.drivers.head import Model
from quartier.drivers.mbus.part import MBusPart, Register
from quartier.protocols.mbus.addresses import medium_name
from quartier.protocols.mbus.meter import RULES, Rule


def tables(part: MBusPart, _models: tuple[Model, ...]) -> list[str]:
    """Lines of Markdown: the line settings, and the registers."""
    set_so = f"{part.serial} baud when new" if part.serial else "not known"
    pause = f", {part.pause_s:g} s between requests" if part.pause_s else ""
    lines = [f"Serial line: {set_so}; time-out {part.timeout_s:g} s{pause}.", ""]
    if part.by_medium:
        lines += ["| medium | OBIS code | quantity | qualifier | billed |", "|---|---|---|---|---|"]
        lines += [_rule(medium, rule) for medium, rules in RULES.items() for rule in rules]
        lines.append("")
    if part.registers:
        lines += ["| OBIS code | record | billed | models |", "|---|---|---|---|"]
        lines += [_register(register) for register in part.registers]
    return lines


def _rule(medium: int, rule: Rule) -> str:
    words = " or ".join(word or "none" for word in rule.words)
    tariffs = ", each tariff" if rule.has_tariffs else ""
    billed = "yes" if rule.is_billing else ""
    return (
        f"| {medium_name(medium)} | {rule.obis} | {rule.quantity}{tariffs} | {words} | {billed} |"
    )


def _register(register: Register) -> str:
    only = ", ".join(register.models) or "all"
    billed = "yes" if register.is_billing else ""
    return f"| {register.obis} | {register.pick} | {billed} | {only} |"
