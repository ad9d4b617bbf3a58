"""Words, numbers, the chart's axis and file names."""

import json
import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from quartier.apps.documents import files, numbers
from quartier.apps.documents.chart import chart_of
from quartier.apps.documents.page import page_of
from quartier.apps.documents.texts import FOLDER, article_in, languages, texts_in
from quartier.apps.equipment.models import CommunicationDevice
from quartier.core.invoicing.document import CapProof, CapStatus, Energy, EnergyBar, Kind
from quartier.formats.uplink.configuration import BusKind
from tests.samples import document_samples as samples


def keys(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict) and key != "law_words":
            yield from keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def fields(table):
    """Each text's placeholders."""
    for key, value in table.items():
        if key == "law_words":
            continue
        if isinstance(value, dict):
            yield from ((f"{key}.{name}", found) for name, found in fields(value))
        elif isinstance(value, str):
            yield key, sorted(re.findall(r"\{(\w+)\}", value))


def test_the_four_languages_say_the_same_things():
    assert languages() == ("de", "en", "fr", "it")
    for language in ("en", "fr", "it"):
        assert sorted(keys(texts_in(language))) == sorted(keys(texts_in("de")))
        assert dict(fields(texts_in(language))) == dict(fields(texts_in("de")))
        assert len(texts_in(language)["energy"]["months"]) == 12


def test_every_word_is_used():
    source = "".join(path.read_text("utf-8") for path in FOLDER.parent.glob("*.py"))
    source += "".join(path.read_text("utf-8") for path in (FOLDER.parent / "typst").glob("*.typ"))
    source += " ".join([*Kind, *CapStatus, "flat", "effective"])
    source += "".join(f" kind_{kind}" for kind in CommunicationDevice.Kind.values)
    source += "".join(f" bus_{kind}" for kind in BusKind)
    data = {"segments", "solutions", "units", "unit_of_one", "vat", "law_words"}
    for key in keys(texts_in("de")):
        table, _, word = key.partition(".")
        if table not in data and key.count("."):
            assert re.search(rf"\b{word}\b", source), f"{key} is printed nowhere"


def test_german_is_swiss():
    assert "ß" not in (FOLDER / "de.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("language", "amount", "text"),
    [
        ("de", "1234.5", "1'234.50"),
        ("it", "1234567.89", "1'234'567.89"),
        ("en", "999.99", "999.99"),
        ("fr", "1234.5", "1\u202f234.50"),
        ("de", "-0.05", "\u22120.05"),
        ("de", "0", "0.00"),
    ],
)
def test_money_by_language(language, amount, text):
    assert numbers.money(Decimal(amount), language) == text


def test_french_has_thin_blanks_before_double_punctuation():
    for line in (FOLDER / "fr.toml").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            assert not re.search(r"[^\u202f=][:;?!»](\s|\")", line), line


@pytest.mark.parametrize(
    ("language", "quantity", "unit", "shown"),
    [
        ("de", "1", "month", "Monat"),
        ("de", "-1", "month", "Monat"),
        ("de", "0.25", "year", "Jahre"),
        ("de", "2", "day", "Tage"),
        ("fr", "1.483871", "year", "année"),
        ("fr", "2", "day", "jours"),
        ("it", "1", "day", "giorno"),
        ("en", "1", "piece", "piece"),
        ("en", "1", "kWh", "kWh"),
    ],
)
def test_one_of_a_unit_is_singular(language, quantity, unit, shown):
    part = samples.section("electricity", "Strom", samples.line("x", quantity, unit, "1"))
    page = page_of(samples.document(part, language=language, vat_liable=True, reference_type="NON"))
    assert page["sections"][0]["rows"][0]["unit"] == shown


def test_no_digit_is_lost_in_print():
    with pytest.raises(AssertionError):
        numbers.money(Decimal("0.125"), "de")
    assert numbers.trimmed(Decimal("0.26346253"), 4, "de") == "0.26346253"
    assert numbers.trimmed(Decimal("3.000"), 0, "de") == "3"
    assert numbers.trimmed(Decimal("1E+3"), 0, "de") == "1'000"


@given(st.decimals("-999999999", "999999999", places=2))
def test_what_is_printed_is_the_amount(amount):
    text = numbers.money(amount, "fr").replace("\u202f", "").replace("\u2212", "-")
    assert Decimal(text) == amount


def test_articles_of_law_by_language():
    article = "EnV Art. 16 Abs. 1 Bst. b"
    # all on one line: the blanks do not break
    assert article_in(article, "de") == article.replace(" ", "\u00a0")
    assert article_in(article, "fr") == "OEne art. 16 al. 1 let. b".replace(" ", "\u00a0")
    italian = article_in("EnV Art. 16 Abs. 2 und 3", "it")
    assert italian == "OEn art. 16 cpv. 2 e 3".replace(" ", "\u00a0")


@pytest.mark.parametrize(
    ("start", "end", "name"),
    [
        ("2026-07-01", "2026-10-01", "2026-Q3"),
        ("2026-01-01", "2027-01-01", "2026"),
        ("2026-07-01", "2026-08-01", "2026-07"),
        ("2026-12-01", "2027-01-01", "2026-12"),
        ("2026-10-01", "2027-01-01", "2026-Q4"),
        ("2026-08-01", "2026-11-01", "2026-08-01_2026-10-31"),
        ("2026-07-01", "2026-08-17", "2026-07-01_2026-08-16"),
    ],
)
def test_names_of_periods(start, end, name):
    assert files.period_name(date.fromisoformat(start), date.fromisoformat(end)) == name


def test_names_of_files_are_safe_and_apart():
    assert files.file_name("R-2026-00001") == "R-2026-00001.pdf"
    hostile = ["../../etc/passwd", "a/b", "a\\b", "a b", "a_b", "..", "", "ä" * 40, "a\x00b"]
    names = [files.file_name(one) for one in hostile]
    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,90}\.pdf", name)


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    target = tmp_path / "a" / "b.pdf"
    files.write_whole(target, b"one")
    files.write_whole(target, b"two")
    assert target.read_bytes() == b"two"

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write_whole(target, b"three")
    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["b.pdf"]


BARS = st.lists(
    st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.booleans()), min_size=1, max_size=40
)


@given(BARS)
def test_the_chart_holds_every_bar_below_its_axis(bars):
    day = date(2026, 1, 1)
    energy = Energy(
        0,
        0,
        0,
        tuple(
            EnergyBar(day, date(2026, 1, 2), solar, grid, estimated)
            for solar, grid, estimated in bars
        ),
        0,
    )
    chart = chart_of(energy, texts_in("de"), "de")
    highest = max(solar + grid for solar, grid, _ in bars)
    if highest == 0:
        assert chart["bars"] == chart["lines"] == []
        return
    assert chart["lines"][0]["at"] == 0
    assert chart["lines"][-1]["at"] == 1
    assert 2 <= len(chart["lines"]) <= 5
    tops = [bar["solar"] + bar["grid"] for bar in chart["bars"]]
    assert max(tops) <= 1.000001
    assert max(tops) > 0.5
    for bar, (solar, grid, estimated) in zip(chart["bars"], bars, strict=True):
        assert bar["solar"] * (solar + grid) == pytest.approx((bar["solar"] + bar["grid"]) * solar)
        assert bar["estimated"] is estimated


def test_months_stand_below_the_week_that_holds_their_first_day():
    chart = chart_of(samples.energy(), texts_in("de"), "de")
    labels = [bar["label"] for bar in chart["bars"]]
    assert [label for label in labels if label] == ["Juli", "Aug.", "Sept."]
    assert labels.index("Aug.") == 4  # 27 July to 2 August
    assert chart["unit"] == "kWh pro Woche"


def test_a_page_is_plain_json_and_holds_no_half_text():
    for name, make in samples.ALL.items():
        text = json.dumps(page_of(make()), ensure_ascii=False)
        words = text.replace("{page}", "").replace("{pages}", "")
        assert not re.search(r"[^\\\"]\{\w+\}", words.partition('"words"')[0]), name


def test_segments_of_a_split_period_are_in_words():
    document = samples.plain()
    proof = samples.cap()
    segments = tuple(
        replace(one, segment=f"charging {one.segment} 2026-07-01/2026-08-01")
        for one in proof.segments
    )
    page = page_of(replace(document, caps=(replace(proof, segments=segments),)))
    assert page["proofs"][0]["rows"][0]["segment"] == "Laden, Hochtarif, 01.07.2026 – 01.08.2026"


@pytest.mark.parametrize("language", ["de", "fr", "it", "en"])
def test_the_proof_says_in_words_what_the_law_allows(language):
    def told(proof):
        document = replace(samples.plain(), language=language, caps=(proof,))
        (shown,) = page_of(document)["proofs"]
        return " ".join(shown["texts"]).replace("\u00a0", " "), shown["rows"]

    text, rows = told(samples.cap())
    assert "80\u202f%" in text  # 65.622 of 40.565 / 0.8 + 25.057 / 0.8
    assert "CHF 65.6220" in text
    assert "CHF 57.8591" in text
    assert [row["strong"] for row in rows] == [False, False, True]
    text, rows = told(samples.cap(limited="1.2345"))
    assert "CHF 1.2345" in text
    assert "CHF 56.6246" in text, "what is billed in the end"
    sums = [row["billed"] for row in rows[2:]]
    assert sums == ["57.8591", "\u22121.2345", "56.6246"]
    text, _ = told(replace(samples.cap(), method="effective", article="EnV Art. 16 Abs. 2 und 3"))
    assert "80" not in text
    assert texts_in(language)["cap"]["effective"].partition("{")[0] in text
    empty = tuple(replace(one, solar_wh=0, cap_exact=Decimal(0)) for one in samples.cap().segments)
    text, _ = told(replace(samples.cap(), segments=empty, cap_exact=Decimal(0)))
    assert texts_in(language)["cap"]["no_solar"].partition("{")[0] in text
    assert "%" not in text


def test_a_credit_note_leaves_energy_and_proof_to_its_invoice():
    page = page_of(replace(samples.credit_note(), notes=("Falscher Zähler.",)))
    assert page["reading"][0] == "So lesen Sie diese Gutschrift"
    assert page["energy"] is None
    assert page["proofs"] == page["notes"] == []
    assert page["headline"]["note"] == "Falscher Zähler."


def test_a_hash_in_the_tariff_is_shortened():
    proof = CapProof(
        "flat", CapStatus.TENANT, "EnV Art. 16", f"h4 {'ab' * 32}", (), *[Decimal(0)] * 3
    )
    page = page_of(replace(samples.plain(), caps=(proof,)))
    assert page["proofs"][0]["source"] == "Referenztarif: h4 abababababab"


@pytest.mark.parametrize(("language", "word"), [("de", "Strom"), ("fr", "Électricité")])
def test_a_section_without_title_has_our_word_for_its_solution(language, word):
    part = replace(samples.electricity(), title="electricity")
    page = page_of(samples.document(part, language=language))
    assert page["sections"][0]["title"] == page["summary"][0]["label"] == word
