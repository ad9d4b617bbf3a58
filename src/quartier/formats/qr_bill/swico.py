"""Coded bill information in the Swico syntax S1, version 1 (rules.md d.1, [GK])."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal


def s1(
    *,
    number: str,
    issued_date: date,
    from_date: date,
    last_date: date,
    due_days: int,
    customer_ref: str = "",
    uid: str = "",
    vat: Sequence[tuple[Decimal, Decimal]] = (),
    room: int = 140,
) -> str:
    """``//S1/10/<number>/11/<date>/20/<ref>/30/<uid>/31/<period>/32/<vat>/40/0:<days>``.

    ``last_date`` is the last day of the supply; ``vat`` holds (rate in percent, net amount).
    Every tag is optional in S1: where ``room`` characters are too few, the customer's reference
    is left out first, then the VAT, then the period. Returns "" if the rest has no room either.
    """
    tags = {
        "10": _escaped(number),
        "11": f"{issued_date:%y%m%d}",
        "20": _escaped(customer_ref),
        "30": "".join(re.findall(r"\d", uid)),
        "31": f"{from_date:%y%m%d}{last_date:%y%m%d}",
        "32": _vat(vat),
        "40": f"0:{due_days}",
    }
    for leave_out in ((), ("20",), ("20", "32"), ("20", "32", "31")):
        kept = {tag: value for tag, value in tags.items() if value and tag not in leave_out}
        text = "//S1" + "".join(f"/{tag}/{value}" for tag, value in kept.items())
        if len(text) <= room:
            return text
    return ""


def parse_s1(text: str) -> dict[str, str]:
    """Tag to value of a text in S1; empty where it is another scheme."""
    if not text.startswith("//S1/"):
        return {}
    parts = re.split(r"(?<!\\)/", text[len("//S1/") :])
    return {
        tag: re.sub(r"\\(.)", r"\1", value)
        for tag, value in zip(parts[::2], parts[1::2], strict=False)
    }


def _vat(vat: Sequence[tuple[Decimal, Decimal]]) -> str:
    if len(vat) == 1:
        return _plain(vat[0][0])
    return ";".join(f"{_plain(rate)}:{_plain(net)}" for rate, net in vat)


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("/", "\\/")
