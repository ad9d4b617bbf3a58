"""What a template prints: every text of a document, ready and in its language.

Nothing here computes an amount. All amounts come from the document; this module chooses words and
formats numbers, so that the template only has to set type.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from quartier.apps.documents import numbers
from quartier.apps.documents.chart import chart_of
from quartier.apps.documents.payment_part import payment_part_of
from quartier.apps.documents.proof import proofs_of
from quartier.apps.documents.texts import texts_in
from quartier.core.invoicing.document import (
    Address,
    Document,
    Energy,
    Kind,
    Line,
    Section,
    VatCategory,
)
from quartier.markets.ch.uid import NotUid, vat_number

_FLOW_COLORS = {
    "solar": "solar",
    "grid": "grid",
    "heat": "heat",
    "hot_water": "hot",
    "cold_water": "cold",
}
_SUMMARY_ROWS = 9
_FACT_CHARACTERS = 60
"""What the first page holds beside the payment part, whatever the letters."""
_ADDRESS_CHARACTERS = 34
"""What a line of the window holds at 10 pt in any letters; longer ones are measured when set."""


def page_of(document: Document) -> dict[str, Any]:
    """The page's texts as JSON values; raises ``texts.NoLanguage`` and, for a bill that may not
    be printed, ``qr_bill.BadQrBill``."""
    language = document.language
    texts = texts_in(language)
    recipient = address_lines(document.recipient.address)
    facts, summary = _facts(document, texts), _summary(document, texts)
    # A credit note turns lines round; energy and proof stay those of the invoice, and are there.
    is_credit_note = document.kind is Kind.CREDIT_NOTE
    energy = None if is_credit_note else document.energy
    return {
        "language": language,
        "currency": document.currency,
        "words": {key: texts[key] for key in ("document", "lines", "vat", "sums", "energy", "cap")},
        "title": texts["document"][document.kind.value],
        "number": document.number or texts["document"]["draft"],
        "author": document.issuer.address.name,
        "issued": [document.issued_date.year, document.issued_date.month, document.issued_date.day],
        "period": period_text(document.from_date, document.to_date),
        "issuer": _issuer(document),
        "recipient": recipient,
        "recipient_is_long": len(recipient) > 5 or max(map(len, recipient)) > _ADDRESS_CHARACTERS,
        "facts": facts,
        "is_long": len(summary) > _SUMMARY_ROWS
        or any(len(value) > _FACT_CHARACTERS for _, value in facts),
        "headline": _headline(document, texts),
        "summary": summary,
        "energy": _energy(energy, document, texts) if energy else None,
        "sections": [_section(section, document, texts) for section in document.sections],
        "vat_table": _vat_table(document, texts),
        "proofs": [] if is_credit_note else proofs_of(document, texts),
        "notes": [] if is_credit_note else list(document.notes),
        "reading": _reading(document, texts),
        "payment": payment_part_of(document, texts["payment"]) if document.payment else None,
    }


def address_lines(address: Address) -> list[str]:
    """An address as on an envelope: at most five lines, the country before a foreign postcode."""
    street = " ".join(part for part in (address.street, address.house_number) if part)
    town = " ".join(part for part in (address.postcode, address.town) if part)
    if address.country and address.country not in ("CH", "LI"):
        town = f"{address.country}-{town}"
    return [line for line in (address.name, address.extra, street, town) if line]


def period_text(from_date: date, to_date: date) -> str:
    """First and last day; ``to_date`` is exclusive."""
    return f"{numbers.day(from_date)} – {numbers.day(to_date - timedelta(days=1))}"


def _issuer(document: Document) -> dict[str, Any]:
    issuer = document.issuer
    contact = [text for text in (issuer.phone, issuer.email, issuer.website) if text]
    if issuer.uid:
        contact.append(_uid(issuer.uid, document))
    return {
        "name": issuer.address.name,
        "lines": address_lines(issuer.address)[1:],
        "contact": contact,
    }


def _uid(uid: str, document: Document) -> str:
    """The UID, with the word for VAT where the issuer is liable (rules.md d.3)."""
    if not document.issuer.vat_liable:
        return uid
    try:
        return vat_number(uid, document.language)
    except NotUid:
        return uid


def _facts(document: Document, texts: dict[str, Any]) -> list[list[str]]:
    words, place = texts["document"], document.place
    names_building = not place.building or f"{place.billing_point},".startswith(
        f"{place.building},"
    )
    unit = place.billing_point if names_building else f"{place.building}, {place.billing_point}"
    rows = [
        (words["date"], numbers.day(document.issued_date)),
        (words["period"], period_text(document.from_date, document.to_date)),
        (words["site"], place.site_name),
        (words["place"], unit),
        (words["customer"], document.recipient.ref),
    ]
    return [[label, value] for label, value in rows if value]


def _headline(document: Document, texts: dict[str, Any]) -> dict[str, str]:
    words = texts["document"]
    if document.kind is Kind.CREDIT_NOTE:
        label = words["credit_for"].format(number=document.supersedes)
    elif document.payable > 0:
        label = words["pay_until"].format(date=numbers.day(document.due_date))
    elif document.payable < 0:
        label = words["credit_balance"]
    else:
        label = words["nothing_to_pay"]
    amount = numbers.money(abs(document.payable), document.language)
    note = ""
    if document.kind is Kind.CREDIT_NOTE:
        note = " ".join(document.notes)
    elif document.supersedes:
        note = words["superseded"].format(number=document.supersedes)
    return {"label": label, "amount": amount, "note": note}


def _summary(document: Document, texts: dict[str, Any]) -> list[dict[str, Any]]:
    """Label and amount a row: the solutions, VAT, the total, and what follows it."""
    words, language = texts["sums"], document.language

    def row(label: str, amount: Decimal, *, strong: bool = False) -> dict[str, Any]:
        return {"label": label, "amount": numbers.money(amount, language), "strong": strong}

    rows = [row(_title(one, texts), one.subtotal) for one in document.sections]
    taxed = [group for group in document.vat if group.category is VatCategory.STANDARD]
    if taxed and len(document.sections) > 1:
        rows.append(row(words["net"], document.net))
    for group in taxed:
        rate = numbers.percent(group.rate, language)
        base = numbers.money(group.base, language)
        rows.append(row(words["vat"].format(rate=rate, base=base), group.tax))
    follows = bool(document.prepaid or document.rounding)
    rows.append(row(words["total"], document.total, strong=not follows))
    if document.prepaid:
        rows.append(row(words["prepaid"], -document.prepaid))
    if document.rounding:
        rows.append(row(words["rounding"], document.rounding))
    if follows:
        is_credit = document.payable < 0 and document.kind is Kind.INVOICE
        label = words["credit"] if is_credit else words["payable"]
        rows.append(
            row(label, abs(document.payable) if is_credit else document.payable, strong=True)
        )
    return rows


def _energy(energy: Energy, document: Document, texts: dict[str, Any]) -> dict[str, Any]:
    words, language = texts["energy"], document.language
    solar = (200 * energy.solar_wh + energy.total_wh) // (2 * energy.total_wh or 1)
    return {
        "total": numbers.energy(energy.total_wh, language),
        "solar": numbers.energy(energy.solar_wh, language),
        "grid": numbers.energy(energy.grid_wh, language),
        "solar_share": f"{solar}{numbers.THIN}%" if energy.total_wh else "",
        "grid_share": f"{100 - solar}{numbers.THIN}%" if energy.total_wh else "",
        "estimated_note": words["estimated_note"].format(
            count=numbers.number(Decimal(energy.estimated_intervals), 0, language)
        )
        if energy.estimated_intervals
        else "",
        "alt": words["chart_alt"].format(
            solar=numbers.energy(energy.solar_wh, language),
            grid=numbers.energy(energy.grid_wh, language),
            **{
                "from": numbers.day(document.from_date),
                "to": numbers.day(document.to_date - timedelta(days=1)),
            },
        ),
        "chart": chart_of(energy, texts, language),
    }


def _section(section: Section, document: Document, texts: dict[str, Any]) -> dict[str, Any]:
    rows = [_line(line, document, texts) for line in section.lines]
    for key in ("quantity", "price"):
        _pad_decimals(rows, key)
    title = _title(section, texts)
    return {
        "title": title,
        "rows": rows,
        "subtotal_label": texts["lines"]["subtotal"].format(title=title),
        "subtotal": numbers.money(section.subtotal, document.language),
    }


def _title(section: Section, texts: dict[str, Any]) -> str:
    """The price sheet's title; our own word where the sheet gave none."""
    if section.title == section.solution:
        return str(texts["solutions"].get(section.solution, section.title))
    return section.title


def _line(line: Line, document: Document, texts: dict[str, Any]) -> dict[str, Any]:
    language = document.language
    notes = [line.note] if line.note else []
    if (line.from_date, line.to_date) != (document.from_date, document.to_date):
        notes.insert(0, period_text(line.from_date, line.to_date))
    is_energy = line.quantity_wh is not None
    vat = "–"
    if line.vat_category is VatCategory.STANDARD:
        vat = numbers.percent(line.vat_rate, language)
    return {
        "label": line.label,
        "note": " · ".join(notes),
        "color": _FLOW_COLORS.get(line.flow, ""),
        "quantity": numbers.trimmed(line.quantity, 3 if is_energy else 0, language),
        "unit": _unit(line, texts),
        "price": numbers.trimmed(line.price, 4 if is_energy else 2, language),
        "vat": vat,
        "amount": numbers.money(line.amount, language),
    }


def _unit(line: Line, texts: dict[str, Any]) -> str:
    """In the singular for one; in French for all that is less than two."""
    size = abs(line.quantity)
    is_one = size < 2 if texts["units"]["singular_below_two"] else size == 1
    singular = texts["unit_of_one"].get(line.unit) if is_one else None
    return str(singular or texts["units"].get(line.unit, line.unit))


def _pad_decimals(rows: list[dict[str, Any]], key: str) -> None:
    """What stands unseen behind each number of a column, so that decimal points line up."""
    longest = max((len(row[key].partition(".")[2]) for row in rows), default=0)
    for row in rows:
        _, point, decimals = row[key].partition(".")
        missing = longest - len(decimals)
        row[f"{key}_pad"] = ("" if point or not longest else ".") + "0" * missing


def _vat_table(document: Document, texts: dict[str, Any]) -> list[dict[str, str]]:
    """One row a category and rate; exempt groups name their reason."""
    language = document.language
    return [
        {
            "kind": texts["vat"][group.category.value].format(
                rate=numbers.percent(group.rate, language)
            ),
            "reason": group.reason,
            "base": numbers.money(group.base, language),
            "tax": numbers.money(group.tax, language),
        }
        for group in document.vat
    ]


def _reading(document: Document, texts: dict[str, Any]) -> list[str]:
    words, issuer = texts["reading"], document.issuer
    lines = [words["solar"]] if document.energy and document.kind is Kind.INVOICE else []
    lines.append(
        words["portal"].format(where=issuer.website) if issuer.website else words["portal_bare"]
    )
    contact = ", ".join(text for text in (issuer.phone, issuer.email) if text)
    if contact:
        whole = contact.replace(" ", numbers.FIXED).replace(f",{numbers.FIXED}", ", ")
        lines.append(words["questions"].format(contact=whole))
    is_credit_note = document.kind is Kind.CREDIT_NOTE
    return [words["credit_heading" if is_credit_note else "heading"], " ".join(lines)]
