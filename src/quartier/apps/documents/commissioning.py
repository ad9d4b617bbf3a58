"""The commissioning report of a site's meters: what each showed, and what was left open."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from typing import Any

import typst
from django.db import transaction
from django.db.models import Max

from quartier.apps.audit.operations import record
from quartier.apps.documents.commissioning_page import TEMPLATE, page_of
from quartier.apps.documents.models import InspectionReport
from quartier.apps.documents.render import printed
from quartier.apps.documents.sealing import seal_of
from quartier.apps.equipment.models import Gateway
from quartier.apps.metering.blocks import lock_site
from quartier.apps.metering.inspection import Inspected, Inspection
from quartier.apps.metering.models import Comparison
from quartier.apps.sites.models import Site
from quartier.core.kernel.period import timezone_of

_NO_GLYPH = re.compile(r'the text `"(.{1,20}?)"` could not be displayed')

VERSION = 1
MOST_REMARK = 500
NOT_COMPARED = "compare"

Say = Callable[[str], str]
"""A sentence of a finding in the language of the report."""


class CannotIssue(ValueError):
    """The report is not issued; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Open:
    """A finding that is left open. ``key`` names its remark."""

    key: str
    meter: str
    name: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Signature:
    """Who answers for the report, and in what language it is; ``remarks`` by key of what is left
    open, and of the whole."""

    installer: str
    company: str
    language: str
    by: str
    remarks: Mapping[str, str]
    note: str = ""


def left_open(inspection: Inspection) -> tuple[Open, ...]:
    """What somebody has to answer for before a report is issued, by meter."""
    found = [
        Open(f"{one.meter.ref} {verdict.check.value}", one.meter.ref, one.meter.name,
             verdict.finding.message, verdict.finding.remedy)
        for one, verdict in inspection.open
        if verdict.finding is not None
    ]  # fmt: skip
    found += [
        Open(f"{one.meter.ref} {NOT_COMPARED}", one.meter.ref, one.meter.name, "", "")
        for one in inspection.meters
        if one.waits
    ]
    return tuple(sorted(found, key=lambda one: (one.meter, one.key)))


def issue(
    site: Site, inspection: Inspection, signature: Signature, *, is_sun_off: bool, say: Say
) -> InspectionReport:
    """Freeze and print the report of ``inspection``, as of its instant.

    Raises :class:`CannotIssue` where the installer's name or the remark to an open finding is
    missing, a text cannot be printed, or there is no meter.
    """
    if not inspection.meters:
        raise CannotIssue("there is no meter to report on; connect meters first")
    if not 2 <= len(signature.installer.strip()) <= 120:
        raise CannotIssue("type the name of the installer")
    texts = [signature.company, signature.note, *signature.remarks.values()]
    if any(len(text) > MOST_REMARK for text in texts):
        raise CannotIssue(f"a remark has {MOST_REMARK} characters at most; shorten it")
    open_ones = left_open(inspection)
    for one in open_ones:
        if len(signature.remarks.get(one.key, "").strip()) < 3:
            raise CannotIssue(f"write a remark to each finding that is left open: {one.name}")
    with transaction.atomic():
        lock_site(site.pk)
        rows = InspectionReport.objects.filter(site=site)
        number = (rows.aggregate(last=Max("number"))["last"] or 0) + 1
        content = _content(site, inspection, signature, open_ones, is_sun_off=is_sun_off, say=say)
        content |= {"number": number}
        frozen = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        data = frozen.encode()
        report = InspectionReport(
            site=site,
            number=number,
            issued_at=inspection.at.astimezone(UTC).replace(microsecond=0),
            installer=signature.installer.strip(),
            by=signature.by,
            left_open=len(open_ones),
            content=data,
            content_sha256=hashlib.sha256(data).hexdigest(),
        )
        day = inspection.at.astimezone(timezone_of(site.timezone)).date()
        report.pdf = pdf_of(content, report.content_sha256, day)
        report.sha256 = hashlib.sha256(report.pdf).hexdigest()
        report.seal = seal_of(report)
        report.save()
        record(
            "inspection.report",
            signature.by,
            at=inspection.at,
            organisation_id=site.organisation_id,
            site_id=site.pk,
            subject=str(number),
            data={"sha256": report.sha256, "left_open": len(open_ones)},
        )
    return report


def pdf_of(content: Mapping[str, Any], content_sha256: str, day: date) -> bytes:
    """The PDF of ``content``. Raises :class:`CannotIssue` for a character that no font here has."""
    try:
        return printed(TEMPLATE, page_of(content, content_sha256), day)
    except typst.TypstError as problem:
        found = _NO_GLYPH.search(str(problem))
        if found is None:
            raise
        raise CannotIssue(
            f"a name or a remark has a character that cannot be printed, {found[1]}; take it out"
        ) from None


def _content(
    site: Site,
    inspection: Inspection,
    signature: Signature,
    open_ones: tuple[Open, ...],
    *,
    is_sun_off: bool,
    say: Say,
) -> dict[str, Any]:
    compared: dict[int, list[Comparison]] = defaultdict(list)
    rows = Comparison.objects.filter(register__meter__in=[one.meter for one in inspection.meters])
    for row in rows.select_related("register").order_by("compared_at"):
        compared[row.register.meter_id].append(row)
    gateways = Gateway.objects.filter(site=site).order_by("name")
    return {
        "version": VERSION,
        "language": signature.language,
        "timezone": site.timezone,
        "at": inspection.at.isoformat(),
        "operator": site.organisation.name,
        "site": {
            "ref": site.ref,
            "name": site.name,
            "street": f"{site.street} {site.house_number}".strip(),
            "town": f"{site.postcode} {site.town}".strip(),
        },
        "installer": signature.installer.strip(),
        "company": signature.company.strip(),
        "by": signature.by,
        "note": signature.note.strip(),
        "is_sun_off": is_sun_off,
        "gateways": [
            {"name": one.name, "serial": one.serial, "software": one.software} for one in gateways
        ],
        "meters": [_meter(one, compared[one.meter.pk], say) for one in inspection.meters],
        "open": [
            {
                "meter": one.meter,
                "name": one.name,
                "message": say(one.message) if one.message else "",
                "remark": signature.remarks[one.key].strip(),
            }
            for one in open_ones
        ],
    }


def _meter(one: Inspected, compared: list[Comparison], say: Say) -> dict[str, Any]:
    connection = one.connection
    return {
        "ref": one.meter.ref,
        "name": one.meter.name,
        "mode": one.meter.mode,
        "medium": one.meter.medium,
        "serial": one.serial,
        "bus": connection.bus.name if connection is not None and connection.bus else "",
        "address": connection.address if connection is not None else "",
        "driver": " ".join(filter(None, (connection.driver, connection.model)))
        if connection is not None
        else "",
        "read_at": None if one.shown.read_at is None else one.shown.read_at.isoformat(),
        "phases": [
            [_text(phase.voltage_v), _text(phase.current_a), _text(phase.power_w)]
            for phase in one.phases
        ],
        "power_w": _text(one.shown.power_w),
        "import": _text(one.import_index),
        "export": _text(one.export_index),
        "state": one.state.value,
        "verdicts": [
            {
                "check": verdict.check.value,
                "state": verdict.state.value,
                "message": say(verdict.finding.message) if verdict.finding else "",
            }
            for verdict in one.verdicts
        ],
        "waits": one.waits,
        "compared": [
            {
                "obis": row.register.obis,
                "shown": _text(row.shown),
                "read": _text(row.read),
                "at": row.compared_at.isoformat(),
                "by": row.by,
            }
            for row in compared
            if row.serial == one.serial
        ],
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
