"""What ``commissioning.typ`` prints: every text of a report, ready and in its language."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from quartier.apps.documents import numbers
from quartier.apps.documents.texts import texts_in

TEMPLATE = "commissioning.typ"

_STATES = {
    "good": "state_good",
    "watch": "state_watch",
    "fault": "state_fault",
    "unknown": "state_unknown",
}
_CHECKS = {
    "communication": "check_communication",
    "voltage": "check_voltage",
    "direction": "check_direction",
    "export": "check_export",
    "phases": "check_phases",
    "balance": "check_balance",
}
_MODES = {
    "consumption": "mode_consumption",
    "grid": "mode_grid",
    "production": "mode_production",
    "battery": "mode_battery",
}
_WATER = ("hot_water", "cold_water")
_NONE = "–"


def page_of(content: Mapping[str, Any], content_sha256: str) -> dict[str, Any]:
    """The page's texts as JSON values; ``content`` is that of ``commissioning.issue``."""
    language, zone = content["language"], ZoneInfo(content["timezone"])
    words = texts_in(language)["inspection"]
    at = datetime.fromisoformat(content["at"]).astimezone(zone)
    site = content["site"]
    address = [text for text in (site["street"], site["town"]) if text]
    facts = [
        [words["site"], ", ".join([site["name"], *address])],
        [words["reference"], site["ref"]],
        [words["at"], _moment(at)],
        [words["operator"], content["operator"]],
        [words["installer"], ", ".join(filter(None, (content["installer"], content["company"])))],
        [words["account"], content["by"]],
        [words["gateways"], "; ".join(_gateway(one) for one in content["gateways"]) or _NONE],
        [words["inverters"], words["inverters_off" if content["is_sun_off"] else "inverters_on"]],
    ]
    return {
        "language": language,
        "words": words,
        "page": texts_in(language)["document"]["page"],
        "title": f"{words['title']} {content['number']}",
        "name": site["name"],
        "author": content["installer"],
        "issued": [at.year, at.month, at.day],
        "day": numbers.day(at.date()),
        "facts": facts,
        "open": [
            {
                "meter": f"{one['name']} ({one['meter']})",
                "message": one["message"] or words["not_compared"],
                "remark": one["remark"],
            }
            for one in content["open"]
        ],
        "note": content["note"],
        "meters": [_meter(one, words, language, zone) for one in content["meters"]],
        "installer": content["installer"],
        "fingerprint": content_sha256,
    }


def _meter(
    one: Mapping[str, Any], words: Mapping[str, str], language: str, zone: ZoneInfo
) -> dict[str, Any]:
    unit = "m³" if one["medium"] in _WATER else "kWh"
    read_at = words["never"]
    if one["read_at"] is not None:
        read_at = _moment(datetime.fromisoformat(one["read_at"]).astimezone(zone))
    about = [words[_MODES[one["mode"]]]] if one["medium"] == "electricity" else []
    about += [f"{words['serial']} {one['serial']}"] if one["serial"] else []
    if one["driver"]:
        about.append(f"{one['bus']} · {one['address']} · {one['driver']}")
    return {
        "name": f"{one['name']} ({one['ref']})",
        "about": " · ".join(about),
        "state": one["state"],
        "state_word": words[_STATES[one["state"]]],
        "phases": [
            [
                f"L{number}",
                *(
                    _number(value, digits, language)
                    for value, digits in zip(phase, (1, 2, 0), strict=True)
                ),
            ]
            for number, phase in enumerate(one["phases"], 1)
        ],
        "values": [
            [words["power"], _with_unit(one["power_w"], "W", language)],
            [words["imported"], _with_unit(one["import"], unit, language)],
            [words["exported"], _with_unit(one["export"], unit, language)],
            [words["read_at"], read_at],
        ],
        "verdicts": [
            {
                "check": words[_CHECKS[verdict["check"]]],
                "state": verdict["state"],
                "word": words[_STATES[verdict["state"]]],
                "message": verdict["message"],
            }
            for verdict in one["verdicts"]
        ],
        "compared": [
            words["compared"].format(
                obis=row["obis"],
                shown=f"{_number(row['shown'], 3, language, thousandth=True)} {unit}",
                read=f"{_number(row['read'], 3, language, thousandth=True)} {unit}",
                at=_moment(datetime.fromisoformat(row["at"]).astimezone(zone)),
                by=row["by"],
            )
            for row in one["compared"]
        ]
        + ([words["not_compared"]] if one["waits"] else []),
    }


def _with_unit(value: str | None, unit: str, language: str) -> str:
    if value is None:
        return _NONE
    shown = _number(value, 0, language)
    if unit != "W":
        shown = _number(value, 1, language, thousandth=True)
    return f"{shown} {unit}"


def _number(value: str | None, digits: int, language: str, *, thousandth: bool = False) -> str:
    if value is None:
        return _NONE
    exact = Decimal(value).scaleb(-3) if thousandth else Decimal(value)
    return numbers.rounded(exact, digits, language)


def _moment(at: datetime) -> str:
    """With the offset from UTC: a report is read by whoever has it."""
    return f"{numbers.day(at.date())} {at:%H:%M} (UTC{at.isoformat(timespec='minutes')[-6:]})"


def _gateway(one: Mapping[str, str]) -> str:
    more = ", ".join(filter(None, (one["serial"], one["software"])))
    return f"{one['name']} ({more})" if more else one["name"]
