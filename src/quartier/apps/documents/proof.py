"""The proof of EnV Art. 16 in words and a table (rules.md a.2)."""

import re
from decimal import ROUND_HALF_UP, Decimal
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
        text = words[proof.status.value].format(article=article)
        return {"texts": [text], "rows": [], "source": ""}
    billed = _money(proof.billed_exact - proof.limited_by_exact, document)
    sentences = [words["what"], _limit(proof, article, document, words)]
    if proof.limited_by_exact:
        sentences.append(words["limited"].format(limited=_money(proof.limited_by_exact, document)))
    sentences.append(words["how"].format(billed=billed))
    rows = [
        _row(
            _segment(one.segment, texts),
            one.solar_wh,
            language,
            reference=numbers.trimmed(one.reference_price, _DECIMALS, language),
            cap=one.cap_exact,
            billed=one.billed_exact,
        )
        for one in proof.segments
    ]
    if rows:
        solar_wh = sum(one.solar_wh for one in proof.segments)
        cap, costs, limited = proof.cap_exact, proof.billed_exact, proof.limited_by_exact
        rows.append(
            _row(words["sum"], solar_wh, language, cap=cap, billed=costs, strong=not limited)
        )
        if limited:
            rows.append(_row(words["limit"], None, language, billed=-limited))
            rows.append(_row(words["billed"], None, language, billed=costs - limited, strong=True))
    source = words["source"].format(snapshot=_short(proof.tariff_snapshot))
    return {"texts": [" ".join(sentences)], "rows": rows, "source": source}


def _limit(proof: CapProof, article: str, document: Document, words: dict[str, str]) -> str:
    """What the law allows, in words and in money."""
    cap = _money(proof.cap_exact, document)
    if proof.method != "flat":
        return words["effective"].format(cap=cap, article=article)
    standard = sum(
        (one.reference_price * one.solar_wh / 1000 for one in proof.segments), Decimal(0)
    )
    if not standard:
        return words["no_solar"].format(article=article)
    # The law's percentage, as the caps were computed with it; all segments have the same.
    percent = (100 * proof.cap_exact / standard).quantize(Decimal("0.01"), ROUND_HALF_UP)
    shown = f"{numbers.trimmed(percent, 0, document.language)}{numbers.THIN}%"
    return words["flat"].format(percent=shown, cap=cap, article=article)


def _row(
    segment: str,
    solar_wh: int | None,
    language: str,
    *,
    reference: str = "",
    cap: Decimal | None = None,
    billed: Decimal,
    strong: bool = False,
) -> dict[str, Any]:
    solar = "" if solar_wh is None else f"{numbers.energy(solar_wh, language)}{numbers.THIN}kWh"
    return {
        "segment": segment,
        "solar": solar,
        "reference": reference,
        "cap": "" if cap is None else _shown(cap, language),
        "billed": _shown(billed, language),
        "strong": strong,
    }


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
