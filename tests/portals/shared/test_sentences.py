"""Every sentence of ours that can reach a page is known in every language."""

import ast
import re
import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier.drivers.catalog import families
from quartier.portals.shared import sentences
from quartier.portals.shared.sentences import BadCatalog, place, said
from quartier.protocols.mbus import errors as mbus_errors
from quartier.protocols.modbus import errors as modbus_errors
from quartier.protocols.shelly import errors as shelly_errors
from quartier.protocols.wire.errors import LineError

SOURCE = Path(sentences.__file__).resolve().parents[3]
LANGUAGES = ("de", "fr", "it")

# What speaks to people on pages. Site files and backups speak on the command line only.
SPEAKERS = [
    "apps/billing", "apps/charging/counting.py",
    "apps/charging/operations.py", "core/charging/session.py",
    "apps/contracts/operations.py", "apps/contracts/protection.py",
    "apps/contracts/queries.py", "apps/documents/commissioning.py",
    "apps/documents/operations.py", "apps/documents/printing.py", "apps/equipment/gateways.py",
    "apps/equipment/planned.py", "field/brokers.py",
    "apps/equipment/assigning.py", "apps/equipment/bulk.py", "apps/equipment/bulk_check.py",
    "apps/equipment/changing.py", "apps/equipment/removing.py", "apps/equipment/zone_check.py",
    "formats/meter_table",
    "apps/equipment/listening.py",
    "apps/intake", "apps/metering/blocks.py", "apps/metering/by_hand.py",
    "apps/metering/comparing.py", "apps/metering/undoing.py",
    "apps/metering/conversion.py", "apps/metering/inspection.py", "apps/metering/momentary.py",
    "apps/metering/operations.py", "apps/metering/mqtt.py",
    "apps/metering/queries.py", "apps/metering/store.py", "apps/metering/validation.py",
    "apps/parties/operations.py", "apps/sharing", "core/allocation", "core/invoicing/build.py",
    "core/invoicing/caps.py", "core/invoicing/credit.py", "core/invoicing/tax.py",
    "core/kernel/obis.py", "core/kernel/period.py", "core/metering/estimation.py",
    "core/metering/inspection.py", "core/metering/registers.py", "core/metering/validation.py",
    "core/metering/virtual.py", "drivers/settings.py", "gateway/agent.py",
    "gateway/buffer.py", "gateway/poller.py", "gateway/remote/commands.py",
    "apps/equipment/remote_control.py",
    "gateway/surplus/steering.py", "gateway/update/archive.py", "gateway/update/updater.py",
    "gateway/charging/server.py", "ocpp/samples.py", "gateway/surplus/charging.py",
    "gateway/surplus/memory.py", "drivers/modbus/outputs.py", "drivers/shelly/outputs.py",
    "drivers/modbus/line.py", "apps/equipment/steering.py", "apps/equipment/publishing.py",
    "formats/mqtt_mapping",
    "apps/equipment/switching.py",
    "gateway/recorder.py", "gateway/timekeeper.py", "gateway/uplink.py", "apps/metering/receive.py",
    "protocols/mbus/bus.py", "protocols/mbus/dates.py", "protocols/mbus/heard.py",
    "protocols/mbus/meter.py", "protocols/mbus/picks.py", "protocols/mbus/records.py",
    "protocols/mbus/search.py", "protocols/mbus/telegram.py", "protocols/modbus/line.py",
    "protocols/wire/link.py", "drivers/modbus/identity.py", "drivers/modbus/reading.py",
    "drivers/modbus/sunspec.py", "gateway/lines.py",
    "drivers/shelly/reading.py", "protocols/shelly",
    "gateway/readers", "protocols/rfid/wiegand.py", "protocols/rfid/writing.py",
    "core/rating", "formats/esl", "formats/load_curve/cells.py", "formats/load_curve/clock.py",
    "formats/load_curve/flows.py", "formats/load_curve/read.py", "formats/load_curve/wide.py",
    "formats/qr_bill/bill.py", "formats/readings_csv", "formats/sdat", "markets/ch/caps.py",
]  # fmt: skip
LEFT_OUT = {
    "apps/billing/check.py": "quartier check",
    "apps/intake/check.py": "quartier check",
    "core/allocation/inputs.py": "refuses what a program hands over",
    "core/rating/atoms.py": "refuses what a program hands over",
    "core/rating/leg.py": "refuses what a program hands over",
    "core/rating/usage.py": "refuses what a program hands over",
    "core/rating/windows.py": "site files",
}
CALLS = {
    "error", "warning", "info", "make", "say", "defect", "Finding", "_finding", "_error", "_runs",
    "_incomplete", "setdefault", "refuse_billed", "FileResult", "Source", "_refuse_surplus", "note",
}  # fmt: skip
NOT_ON_PAGES = re.compile(
    r"quartier user|say what the user may|no party X1|^dry run$"
    r"|is used from now on$|is not the name of a register$|^X0 is no serial number$"
    r"|the gateway goes on reading.$"
    r"|^each record has one of the words of its rule$"
)
# Pieces of sentences that are known as a whole ("The prices for solar cover no day.").
PIECES = {
    "X0 quarter-hours X2: X4X5.", "use different windows for standard and reduced",
    "leave days without a price, e.g. X1", "have X1 without X3X4", "cover no day",
    "X0 X2 from X4 to X6 were dropped before the platform had them: the buffer has grown to "
    "X8 MiB.", "the clock was set by X1 sX3.", "The clock of the gateway is X1 s X3.",
    "the clock was wrong and was setX1 to the time of the platform.",
    "The record with X1, chosen for X3, X5.", "The register X1 X3, and is not used.",
    "The meter X1.", "The prices for X1 X3.", "X0 is not a numberX2", "X0 is not X2",
    "a section has a line",
}  # fmt: skip


def speaking_files():
    for name in SPEAKERS:
        path = SOURCE / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            place_of = file.relative_to(SOURCE).as_posix()
            if place_of not in LEFT_OUT and "migrations" not in file.parts:
                yield place_of, file


def sample(node):
    """A sentence as it could be said: every value is another word."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = []
        for number, part in enumerate(node.values):
            parts.append(part.value if isinstance(part, ast.Constant) else f"X{number}")
        return "".join(parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = sample(node.left), sample(node.right)
        return left + right if left and right else None
    return None


@cache
def all_said():
    """(file, line, sentence) of everything."""
    return [(where, line, text) for where, file in speaking_files() for line, text in said_in(file)]


def said_in(file):
    """(line, sentence) for what a file says in findings, refusals and yielded defects."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        found = []
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            found = [*node.exc.args, *(word.value for word in node.exc.keywords)]
        elif isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in CALLS:
                found = [*node.args, *(word.value for word in node.keywords)]
        elif isinstance(node, ast.Yield) and node.value is not None:
            found = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
        for one in found:
            text = sample(one)
            if text and len(re.findall(r"\b(?!X\d)[A-Za-z]{2,}", text)) > 1 and " " in text.strip():
                yield node.lineno, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_known(language):
    unknown = [
        f"{where}:{line}: {text}"
        for where, line, text in all_said()
        if text not in PIECES
        and not NOT_ON_PAGES.search(text)
        and said(text, language) == text
        and place(text, language) == text
    ]
    assert not unknown, "\n".join(unknown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_an_installer_fills_in_is_known(language):
    settable = [family for family in families() if family.settings]
    texts = [one.text for family in settable for one in family.settings]
    texts += [family.head.family for family in settable]
    assert [text for text in texts if said(text, language) == text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_remedies_of_meters_and_lines_are_known(language):
    modules = (modbus_errors, mbus_errors, shelly_errors)
    found = [one for module in modules for one in vars(module).values()]
    remedies = {one.remedy for one in found if isinstance(one, type) and issubclass(one, LineError)}
    assert len(remedies) > 15
    assert {one for one in remedies if one and said(one, language) == one} == set()


def test_the_walk_finds_what_is_said():
    found = [text for _, _, text in all_said()]
    assert "Nobody issues its invoices." in found
    assert "Import what is missing, or estimate the gap." in found
    assert len(found) > 250


def test_what_is_left_out_exists():
    assert all((SOURCE / name).is_file() for name in LEFT_OUT)


@pytest.mark.parametrize(
    ("english", "german"),
    [
        (
            "There is no price for grid energy (electricity) from 2026-01-01 to 2026-02-01 "
            "(exclusive).",
            "Es gibt keinen Preis für Netzstrom: Strom von 01.01.2026 bis vor 01.02.2026.",
        ),
        ("1 quarter-hours have no value.", "1 Viertelstunde hat keinen Wert."),
        ("7 quarter-hours have no value.", "7 Viertelstunden haben keinen Wert."),
        (
            "96 quarter-hours of its import are missing, on 01.02.2026, 02.02.2026, 03.02.2026 "
            "and 4 more days.",
            "96 Viertelstunden (Bezug) sind ohne Wert, am 01.02.2026, 02.02.2026, 03.02.2026 "
            "und an 4 weiteren Tagen.",
        ),
        ("line 12: the value is empty", "Zeile 12: der Wert ist leer"),
        (
            "Component 'fee': a fee per month has no flow.",
            "Preiskomponente 'fee': eine Gebühr je Monat hat keine Energieart.",
        ),
        ("What nobody ever wrote.", "What nobody ever wrote."),
        ("", ""),
    ],
)
def test_a_sentence_is_said_again_with_its_values(english, german):
    assert said(english, "de") == german


def test_french_sets_a_fine_space_before_the_colon():
    assert said("line 12: the value is empty", "fr") == "ligne 12\u202f: la valeur est vide"


def test_english_counts_one():
    assert said("1 quarter-hours have no value.", "en") == "1 quarter-hour has no value."
    assert said("11 quarter-hours have no value.", "en") == "11 quarter-hours have no value."


def test_a_place_is_said_part_by_part():
    assert place("linde, meter m1, line 3", "de") == "linde, Zähler m1, Zeile 3"
    assert place("Total, Anna Standard", "de") == "Total, Anna Standard"


@given(text=st.text(max_size=300), language=st.sampled_from([*LANGUAGES, "en", "xx"]))
def test_any_text_comes_through(text, language):
    assert isinstance(said(text, language), str)
    assert isinstance(place(text, language), str)


@pytest.mark.parametrize(
    ("block", "why"),
    [
        ("en a\nde b\nfr c\n", "has the lines en, de, fr, it"),
        ("en a\nfr b\nde c\nit d\n", "has the lines en, de, fr, it"),
        ("en a {x}\nde b\nfr c {x}\nit d {x}\n", "other values"),
        ("en a\nde \nfr c\nit d\n", "is empty"),
        ("de b\n", "begins with its English line"),
    ],
)
def test_a_broken_catalog_is_refused(tmp_path, monkeypatch, block, why):
    (tmp_path / "broken.txt").write_text(block)
    monkeypatch.setattr(sentences, "__file__", str(tmp_path / "__init__.py"))
    sentences.entries.cache_clear()
    try:
        with pytest.raises(BadCatalog, match=why):
            sentences.entries()
    finally:
        sentences.entries.cache_clear()


@pytest.mark.parametrize("sign", ["; ", ": ", "x; y: "])
def test_a_text_of_nothing_but_signs_stays_as_it_is(sign):
    text = sign * (1990 // len(sign))
    assert said(text, "de") == text


def test_a_text_made_to_be_searched_for_long_is_not():
    began = time.process_time()
    said("two blocks of " + "x (" * 200 + "x, " * 200 + "x) differ in " * 40, "de")
    said("x invoices " + "x to " * 150 + "x, " * 200 + "x to " * 90 + "(exclusive", "de")
    assert time.process_time() - began < 2
    long = "x" * 500
    assert said(f"3 invoices {long} to b, 2026-01-01 to 2026-02-01 (exclusive)", "de") != (
        f"3 invoices {long} to b, 2026-01-01 to 2026-02-01 (exclusive)"
    )


def test_no_french_line_is_broken_before_its_double_punctuation():
    """Typographie française: before : ; ! and ? there is a narrow space that does not break."""
    files = sorted(Path(sentences.__file__).parent.glob("*.txt"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    french = [line for line in lines if line.startswith("fr ")]
    assert len(french) > 300
    assert [line for line in french if re.search(r" [:;!?](\s|$)", line)] == []
