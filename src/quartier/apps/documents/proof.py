"""The proof of EnV Art. 16 in words and a table (rules.md a.2)."""

import re
from decimal import Decimal
from typing import Any

from quartier.apps.documents import numbers
from quartier.apps.documents.texts import article_in
from quartier.core.invoicing.document import CapProof, CapStatus, Document

_DATES = re.compile(r"(\d{4})-(\d{2})-(\d{2})/(\d{4})-(\d{2})-(\d{2})")
_DECIMALS = 4  # the test runs on unrounded values; the proof shows them finer than a cent


def proofs_of(document: Document, texts: dict[str, Any]) -> list[dict[str, Any]]:
    """A proof a price sheet: the sentence, and the table of tariff segments toward tenants."""
    return [_proof(proof, document, texts) for proof in document.caps]


def _proof(proof: CapProof, document: Document, texts: dict[str, Any]) -> dict[str, Any]:
    words, language = texts["cap"], document.language
    article = article_in(proof.article, language)
    if proof.status is not CapStatus.TENANT:
        return {"text": words[proof.status.value].format(article=article), "rows": [], "source": ""}
    text = words["within"].format(
        billed=_money(proof.billed_exact, document),
        cap=_money(proof.cap_exact, document),
        article=f"{article}, {words[proof.method]}",
    )
    if proof.limited_by_exact:
        limited = _money(proof.limited_by_exact, document)
        text = f"{text} {words['limited'].format(limited=limited)}"
    rows = [
        {
            "segment": _segment(one.segment, texts),
            "solar": f"{numbers.energy(one.solar_wh, language)}{numbers.THIN}kWh",
            "reference": numbers.trimmed(one.reference_price, _DECIMALS, language),
            "cap": _shown(one.cap_exact, language),
            "billed": _shown(one.billed_exact, language),
        }
        for one in proof.segments
    ]
    solar_wh = sum(one.solar_wh for one in proof.segments)
    total = {
        "segment": words["sum"],
        "solar": f"{numbers.energy(solar_wh, language)}{numbers.THIN}kWh",
        "reference": "",
        "cap": _shown(proof.cap_exact, language),
        "billed": _shown(proof.billed_exact, language),
    }
    source = words["source"].format(snapshot=_short(proof.tariff_snapshot))
    return {"text": text, "rows": [*rows, total] if rows else [], "source": source}


def _money(amount: Decimal, document: Document) -> str:
    return f"{document.currency}{numbers.FIXED}{_shown(amount, document.language)}"


def _shown(amount: Decimal, language: str) -> str:
    return numbers.rounded(amount, _DECIMALS, language)


def _short(snapshot: str) -> str:
    """Ref and the first digits of the hash, enough to tell two tariffs apart."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b", r"\1", snapshot)


def _segment(segment: str, texts: dict[str, Any]) -> str:
    """A segment of ``core.invoicing.caps`` in words: its solution, time slot and dates."""
    names = texts["segments"] | texts["solutions"]
    words = [_dates(word) or names.get(word, word) for word in segment.split(" ")]
    return ", ".join(words)


def _dates(word: str) -> str:
    match = _DATES.fullmatch(word)
    if match is None:
        return ""
    y, m, d, y2, m2, d2 = match.groups()
    return f"{d}.{m}.{y} – {d2}.{m2}.{y2}"
